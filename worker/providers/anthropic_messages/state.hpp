// Provider states of the Messages API.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/codec/provider_state.hpp"

namespace aiw::anthropic_messages {

inline constexpr std::string_view kStateTag = "anthropic-messages:";

// Content of a part's state. It is either a whole content block, to be sent again as received, or fields of a block
// that the part itself describes, each a JSON value. All empty: the state belongs to another API, or is broken.
struct State {
  std::string block;      // a content block
  std::string signature;  // of a thinking block: a string
  std::string caller;     // of a tool_use block requested by code execution: an object
  std::string citations;  // of a text block: an array; of a document: {enabled}
  std::string context;    // of a document: a string
  // Belong to the conversation: the id of code execution's container, and its expiry (RFC 3339, UTC; empty: unknown).
  std::string container_id, container_expires;
  bool informs = false;  // describes the end of the response, for the parent; never sent back

  [[nodiscard]] bool is_signed() const { return !signature.empty() && signature != R"("")"; }
};

// Reads a state that a parent sent back; hostile input gives an empty result. `reader` is used only during the call.
State read_state(RawString text, StateReader& reader);

}  // namespace aiw::anthropic_messages
