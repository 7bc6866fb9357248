#include "worker/providers/openai_responses/state.hpp"

#include <algorithm>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/ascii_json.hpp"

namespace aiw::openai_responses {

std::string make_state(std::string_view member, std::string_view value) {
  std::string state(kStateTag);
  state.append("{\"").append(member).append("\":").append(to_ascii_json(value)).append("}");
  return state;
}

bool State::read(std::string_view state) {
  root_.reset();
  if (!state.starts_with(kStateTag)) return false;
  text_ = state.substr(kStateTag.size());
  root_ = json_.parse(text_);
  // A state comes from the parent: what was mended in it was not ours.
  if (json_.repaired()) root_.reset();
  return root_.has_value();
}

std::optional<JsonElement> State::member(std::string_view name) const {
  const auto found = root_ ? get_member(*root_, name) : std::nullopt;
  return found && found->is_object() ? found : std::nullopt;
}

std::string State::members_without(const JsonElement& object, std::initializer_list<std::string_view> leave_out) const {
  return to_ascii_json(other_members(json_, object, leave_out));
}

std::string other_members(const EventJson& json, const JsonElement& object,
                          std::initializer_list<std::string_view> leave_out) {
  std::string out;
  simdjson::dom::object members;
  if (object.get(members) != simdjson::SUCCESS) return out;
  for (const auto [key, value] : members) {
    if (std::ranges::find(leave_out, key) != leave_out.end()) continue;
    if (!out.empty()) out += ',';
    append_json_string(out, json.plain_text(key));
    out += ':';
    out += json.json_text(value);
  }
  return out;
}

}  // namespace aiw::openai_responses
