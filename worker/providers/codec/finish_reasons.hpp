// Meaning of finish reasons beyond an API's own list: gateways pass on the word of whatever model is behind them.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/usage.hpp"

namespace aiw {

// True for no reason: empty, or a null that a gateway wrote as a word.
bool is_missing_reason(std::string_view raw);

// The reason that a provider's word stands for, in upper or lower case; `other` if it is not known.
FinishReason shared_finish_reason(std::string_view raw);

// The error that a finish reason reports: the model or its server failed, so what came is not an answer. Nothing: the
// reason is not an error. `message` is the server's explanation, if it gave one.
std::optional<Error> finish_reason_error(std::string_view raw, std::string_view message = {});

}  // namespace aiw
