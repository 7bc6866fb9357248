#include "worker/providers/anthropic_messages/state.hpp"

#include "worker/providers/codec/ascii_json.hpp"

namespace aiw::anthropic_messages {
namespace {

constexpr std::string_view kTag = "anthropic-messages:";

std::string json_of(const JsonElement& object, std::string_view key) {
  const auto member = get_member(object, key);
  return member ? to_json(*member) : std::string();
}

}  // namespace

std::string write_state(std::string_view json) { return std::string(kTag) + to_ascii_json(json); }

State read_state(RawString state, EventJson& parser) {
  State read;
  if (!state.raw.starts_with(kTag)) return read;
  const std::string text = state.text();
  const auto json = std::string_view(text).substr(kTag.size());
  const auto object = parser.parse(json);
  if (!object || !object->is_object() || parser.repaired()) return read;
  if (get_string(*object, "type")) {
    read.block = json;
    return read;
  }
  if (const auto signature = get_string(*object, "signature")) {
    read.signature = json_of(*object, "signature");
    read.signed_thinking = !signature->empty();
  }
  if (get_object(*object, "caller")) read.caller = json_of(*object, "caller");
  if (get_array(*object, "citations") || get_object(*object, "citations"))
    read.citations = json_of(*object, "citations");
  if (get_string(*object, "context")) read.context = json_of(*object, "context");
  if (const auto container = get_member(*object, "container")) {
    read.container_id = get_string_or_empty(*container, "id");
    read.container_expires = get_string_or_empty(*container, "expires_at");
  }
  read.informs =
      get_member(*object, "stop_details").has_value() || get_member(*object, "context_management").has_value();
  return read;
}

}  // namespace aiw::anthropic_messages
