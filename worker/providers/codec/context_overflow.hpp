// Recognizes the providers' words for "the conversation does not fit the model's context".
#pragma once

#include <string_view>

#include "protocol/error.hpp"

namespace aiw {

inline constexpr std::string_view kContextOverflow = "context_overflow";

// Turns an upstream_http or upstream_error whose provider_code or message says so into a context_overflow (category
// invalid_request, not retryable), and fills limit_tokens and request_tokens where the message has them. Rate limits,
// which also speak of too many tokens, and errors of keys and permissions stay what they are.
void mark_context_overflow(Error& error);

}  // namespace aiw
