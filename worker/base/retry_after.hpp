// Retry delay that an upstream requests, in any of several header and body formats.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/base/http_message.hpp"

namespace aiw {

// Returns the delay in milliseconds, rounded up; nullopt if no source gives a positive, finite delay. Order of the
// sources: retry-after-ms (float), Retry-After (float seconds or an HTTP date, RFC 9110, 10.2.3), `body_hint` (a
// protobuf duration such as "34.4s", google.rpc.RetryInfo), and x-ratelimit-reset-* ("6m0s", "120ms") of a limit with
// nothing remaining. `now` is the wall clock for dates. The caller decides whether to wait for the delay.
std::optional<std::int64_t> retry_after_ms(const ResponseHead& head, std::string_view body_hint,
                                           std::chrono::sys_seconds now);

// Parses an HTTP date in the preferred form or one of the two obsolete forms (RFC 9110, 5.6.7).
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

// Parses a duration such as "34.4s", "6m0s", "1h2m3.5s" or "120ms". Returns milliseconds.
std::optional<double> parse_duration_ms(std::string_view text);

}  // namespace aiw
