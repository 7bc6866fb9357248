// The options of a Gemini request: everything but the conversation.
#pragma once

#include <string>

#include "worker/providers/google/gemini_model.hpp"
#include "worker/providers/provider.hpp"
#include "worker/providers/request.hpp"

namespace aiw {

// A JSON object, the chat's providerOptions applied.
std::string write_gemini_options(const StepInput& input, const GeminiModelRules& rules, RequestNotes& notes);

}  // namespace aiw
