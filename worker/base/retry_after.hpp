// How long an upstream asks to be left alone, from the several ways of saying so.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/base/http_message.hpp"

namespace aiw {

// Milliseconds to wait, rounded up; nothing if no source gives a positive, finite delay. In this order: retry-after-ms
// (float), Retry-After (float seconds or an HTTP date, RFC 9110, 10.2.3), `body_hint` (a protobuf duration such as
// "34.4s", google.rpc.RetryInfo), x-ratelimit-reset-* ("6m0s", "120ms") of a limit with nothing remaining. `now` is the
// wall clock that a date is compared with. Whether a delay is worth waiting for is the caller's policy.
std::optional<std::int64_t> retry_after_ms(const ResponseHead& head, std::string_view body_hint,
                                           std::chrono::sys_seconds now);

// An HTTP date in the preferred form or the two obsolete ones (RFC 9110, 5.6.7).
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

// A duration such as "34.4s", "6m0s", "1h2m3.5s" or "120ms", in milliseconds.
std::optional<double> parse_duration_ms(std::string_view text);

}  // namespace aiw
