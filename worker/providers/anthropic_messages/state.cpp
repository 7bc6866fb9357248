#include "worker/providers/anthropic_messages/state.hpp"

namespace aiw::anthropic_messages {

State read_state(RawString text, StateReader& reader) {
  State state;
  const auto object = reader.read(text, kStateTag);
  if (!object) return state;
  if (get_string(*object, "type")) {
    state.block = reader.text();
    return state;
  }
  if (get_string(*object, "signature")) state.signature = reader.json(*object, "signature");
  if (get_object(*object, "caller")) state.caller = reader.json(*object, "caller");
  if (get_string(*object, "context")) state.context = reader.json(*object, "context");
  const auto citations = get_member(*object, "citations");
  if (citations && (citations->is_array() || citations->is_object())) state.citations = reader.json(*citations);
  if (const auto container = get_member(*object, "container")) {
    state.container_id = get_string_or_empty(*container, "id");
    state.container_expires = get_string_or_empty(*container, "expires_at");
  }
  state.informs = get_member(*object, "stop_details") || get_member(*object, "context_management");
  return state;
}

}  // namespace aiw::anthropic_messages
