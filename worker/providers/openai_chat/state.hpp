// The provider state of Chat Completions parts: "openai-chat:" and a JSON object with one member, all ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aiw::openai_chat {

inline constexpr std::string_view kStateTag = "openai-chat:";

// State with `value`, valid JSON text, as member `key`.
std::string make_state(std::string_view key, std::string_view value);

// The member `key` of such a state as JSON text; nothing if the state is another API's or has no such member.
std::optional<std::string> read_state(std::string_view state, std::string_view key);

}  // namespace aiw::openai_chat
