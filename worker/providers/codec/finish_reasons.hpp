// Finish reasons beyond an API's own list. Gateways pass on the word of the model behind them.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/usage.hpp"

namespace aiw {

// True for an empty reason, or a null that a gateway wrote as a word.
bool is_missing_reason(std::string_view raw);

// Returns the reason for a provider's word, in upper or lower case; `other` if the word is unknown.
FinishReason shared_finish_reason(std::string_view raw);

// Returns the error that a finish reason reports: the model or its server failed, so the content is not a response.
// Nothing if the reason is not an error. `message` is the server's explanation, if any.
std::optional<Error> finish_reason_error(std::string_view raw, std::string_view message = {});

}  // namespace aiw
