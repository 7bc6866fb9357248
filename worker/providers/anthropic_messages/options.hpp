// The options of a Messages request: everything before its conversation.
#pragma once

#include <string>
#include <vector>

#include "worker/providers/anthropic_messages/request.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::anthropic_messages {

// Options derived from the rest of the request.
struct DerivedOptions {
  std::vector<std::string> betas;  // for Bedrock in the body, else in a header
  bool thinking_budget = true;     // false: the history excludes a budget
  std::string container;           // empty: none
};

// Writes one JSON object, with members in a fixed order.
std::string write_options(const StepInput& input, Host host, const DerivedOptions& derived, RequestNotes& notes);
// Returns the JSON instruction for the system prompt, if the model has no field for it; empty: not needed.
std::string json_instruction(const StepInput& input);

}  // namespace aiw::anthropic_messages
