#include "worker/providers/openai_chat/state.hpp"

#include "worker/providers/codec/ascii_json.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_chat {

std::string make_state(std::string_view key, std::string_view value) {
  std::string state(kStateTag);
  state.append("{\"").append(key).append("\":").append(to_ascii_json(value)).append("}");
  return state;
}

std::optional<std::string> read_state(std::string_view state, std::string_view key) {
  if (!state.starts_with(kStateTag)) return std::nullopt;
  EventJson json;
  const auto root = json.parse(state.substr(kStateTag.size()));
  const auto value = root ? get_member(*root, key) : std::nullopt;
  // A state comes from the parent: what was mended in it was not ours.
  if (!value || json.repaired()) return std::nullopt;
  return to_ascii_json(to_json(*value));
}

}  // namespace aiw::openai_chat
