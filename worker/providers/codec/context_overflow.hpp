// Recognizes the providers' errors for "the conversation does not fit the model's context".
#pragma once

#include <string_view>

#include "protocol/error.hpp"

namespace aiw {

// Turns an upstream_http or upstream_error into a context_overflow if its provider_code or message reports one. The new
// category is invalid_request, not retryable. Fills limit_tokens and request_tokens if the message has them. Leaves
// rate limits unchanged, which also mention too many tokens, and errors of keys and permissions.
void mark_context_overflow(Error& error);

}  // namespace aiw
