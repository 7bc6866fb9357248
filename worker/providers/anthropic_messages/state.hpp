// What travels in `providerState` for the Messages API: a tag and JSON in ASCII, so that any parent can store it.
#pragma once

#include <string>
#include <string_view>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw::anthropic_messages {

// What a part's state says. Either a whole content block, to be sent again as it was, or fields of a block that the
// part itself describes, each a JSON value. All empty: the state is not ours, or broken.
struct State {
  std::string block;             // a content block
  std::string signature;         // of a thinking block: a string
  bool signed_thinking = false;  // the signature is not empty
  std::string caller;            // of a tool_use block that code execution asked for: an object
  std::string citations;         // of a text block: an array; of a document: {enabled}
  std::string context;           // of a document: a string
  // Of the conversation: the id of code execution's container, and when it ends (RFC 3339, UTC; empty: not known).
  std::string container_id, container_expires;
  bool informs = false;  // of the answer's end, for the parent: nothing goes back
};

// The state string for `json`, valid JSON in UTF-8.
std::string write_state(std::string_view json);

// Reads a state that a parent gave back; hostile input gives an empty result. `parser` is only borrowed.
State read_state(RawString state, EventJson& parser);

}  // namespace aiw::anthropic_messages
