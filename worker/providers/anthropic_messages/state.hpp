// Provider states of the Messages API.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/codec/provider_state.hpp"

namespace aiw::anthropic_messages {

inline constexpr std::string_view kStateTag = "anthropic-messages:";

// What a part's state holds. Either a whole content block, to be sent again as it was, or fields of a block that the
// part itself describes, each a JSON value. All empty: the state is not ours, or broken.
struct State {
  std::string block;      // a content block
  std::string signature;  // of a thinking block: a string
  std::string caller;     // of a tool_use block that code execution asked for: an object
  std::string citations;  // of a text block: an array; of a document: {enabled}
  std::string context;    // of a document: a string
  // Of the conversation: the id of code execution's container, and when it ends (RFC 3339, UTC; empty: not known).
  std::string container_id, container_expires;
  bool informs = false;  // of the answer's end, for the parent: nothing goes back

  [[nodiscard]] bool is_signed() const { return !signature.empty() && signature != R"("")"; }
};

// Reads a state that a parent gave back; hostile input gives an empty result. `reader` is only borrowed.
State read_state(RawString text, StateReader& reader);

}  // namespace aiw::anthropic_messages
