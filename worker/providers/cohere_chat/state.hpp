// The provider state of Cohere's parts: "cohere-chat:" and a JSON object with one member, all ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/json_text.hpp"

namespace aiw::cohere_chat {

// A thinking block, whose text is the part's own.
std::string thinking_state();
// What the model planned to do before its tool calls.
std::string plan_state(std::string_view plan);

struct State {
  bool thinking = false;
  std::optional<std::string> plan;  // a JSON string
};
// Empty if the state is another API's.
State read_state(RawString state);

}  // namespace aiw::cohere_chat
