#include "worker/providers/codec/provider_state.hpp"

#include "worker/providers/codec/ascii_json.hpp"

namespace aiw {

std::string make_state(std::string_view tag, std::string_view object) {
  return std::string(tag) + to_ascii_json(object);
}

std::string make_state(std::string_view tag, std::string_view member, std::string_view value) {
  std::string state(tag);
  return state.append("{\"").append(member).append("\":").append(to_ascii_json(value)).append("}");
}

std::optional<JsonElement> StateReader::read(RawString state, std::string_view tag) {
  if (!state.raw.starts_with(tag)) return std::nullopt;
  state_ = state.text();
  object_ = std::string_view(state_).substr(tag.size());
  const auto object = json_.parse(object_);
  // Text that needs a repair was not written by a decoder. Numbers may have any size.
  if (!object || !object->is_object() || !json_.is_valid_json()) return std::nullopt;
  return object;
}

std::string StateReader::json(const JsonElement& value) const { return to_ascii_json(json_.json_text(value)); }

std::string StateReader::json(const JsonElement& object, std::string_view key) const {
  const auto member = get_member(object, key);
  return member ? json(*member) : std::string();
}

}  // namespace aiw
