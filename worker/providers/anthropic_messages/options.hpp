// The options of a Messages request: everything before its conversation.
#pragma once

#include <string>
#include <vector>

#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::anthropic_messages {

// Options that follow from the rest of the request.
struct DerivedOptions {
  std::vector<std::string> betas;  // stand in the body for Bedrock; elsewhere they are a header
  bool thinking_budget = true;     // false: the history allows none
  std::string container;           // empty: none
};

// One JSON object, in a fixed order.
std::string write_options(const StepInput& input, Host host, const DerivedOptions& derived, RequestNotes& notes);
// What the system prompt must say because the model has no field for it; empty: nothing.
std::string json_instruction(const StepInput& input);

}  // namespace aiw::anthropic_messages
