#include "worker/providers/anthropic_messages_state.hpp"

#include "worker/providers/ascii_json.hpp"

namespace aiw {
namespace {

constexpr std::string_view kTag = "anthropic-messages:";

}  // namespace

std::string write_anthropic_state(std::string_view json) { return std::string(kTag) + to_ascii_json(json); }

AnthropicState read_anthropic_state(RawString state, EventJson& parser) {
  AnthropicState read;
  if (!state.raw.starts_with(kTag)) return read;
  const std::string text = state.text();
  const auto json = std::string_view(text).substr(kTag.size());
  const auto object = parser.parse(json);
  if (!object || !object->is_object() || parser.repaired()) return read;
  if (get_string(*object, "type")) {
    read.block = json;
    return read;
  }
  append_json_escaped(read.signature, get_string_or_empty(*object, "signature"));
  const auto caller = get_member(*object, "caller");
  if (caller && caller->is_object()) read.caller = to_json(*caller);
  return read;
}

}  // namespace aiw
