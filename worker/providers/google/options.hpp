// The options of a Gemini request: everything but the conversation.
#pragma once

#include <string>

#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/model.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::google {

// A JSON object, the chat's providerOptions applied.
std::string write_options(const StepInput& input, const ModelRules& rules, RequestNotes& notes);

}  // namespace aiw::google
