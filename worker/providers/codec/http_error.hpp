// What all wire APIs' HTTP error answers have in common: from status, headers and body to an Error.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/base/http_message.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/secrets/live_secret.hpp"

namespace aiw {

// How long a provider's words may get inside an Error, in bytes.
inline constexpr std::size_t kMaxErrorMessageBytes = 4096;
inline constexpr std::size_t kMaxHtmlMessageBytes = 512;
// Limit on the body of an error response, and the bytes to read of it, so that a key at the limit is recognized.
inline constexpr std::size_t kMaxErrorBody = 64 << 10;
inline constexpr std::size_t kMaxErrorBodyRead = kMaxErrorBody + kLongestEscapedKey;

// Returns the first kMaxErrorBody bytes of a body, without a part of a key at the cut. `body` must have been read to
// its end or to kMaxErrorBodyRead.
std::string error_body(std::string_view body);

// Fills code (upstream_http), category, status, message, provider_code, request_id, retryable and retry_after_ms.
// Understands JSON bodies ({error: {message, type, code}}, {error: "text"}, {message}, {detail}, each possibly wrapped
// in an array), HTML and plain text; never fails. `now` is the wall clock, for Retry-After dates.
Error http_error(const ResponseHead& head, std::string_view body, std::chrono::sys_seconds now);
// The same, the provider's own Date header being the clock where it sends one. Fits WireApi::http_error.
Error http_error(const ResponseHead& head, std::string_view body);

// The provider's id of an exchange, by which its support finds it; empty if no header has one.
std::string request_id(const ResponseHead& head);

// What a status means to a parent.
Category category_of_status(int status);
// Whether the official SDKs would try again: 408, 409, 425, 429 and 5xx.
bool is_retryable_status(int status);

// `text` as valid UTF-8, cut between characters to at most `max_bytes`.
std::string bounded_message(std::string_view text, std::size_t max_bytes = kMaxErrorMessageBytes);

// An answer that breaks its API's rules: category upstream, with our own code and message.
Error upstream_fault(std::string_view code, std::string_view message, bool retryable);

// A web page in place of an answer: the error says what the page tells its reader. Not to be retried. `html`: its
// beginning.
Error page_fault(std::string_view code, std::string_view html);

// An error that an answer brought inside a 200 (code upstream_error), by the provider's word for it: overloaded,
// rate limit, server-error words and status numbers set category and retryable.
Error in_stream_error(std::string_view provider_code, std::string_view message);
// The same from the error's JSON: an object with `message` and `code`, `type`, `status` or `status_code`, or a string.
Error in_stream_error(const EventJson& json, const JsonElement& error);

}  // namespace aiw
