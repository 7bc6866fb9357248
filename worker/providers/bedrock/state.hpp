// What travels in `providerState` for the Converse API: a tag and JSON in ASCII.
#pragma once

#include <string>
#include <string_view>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw::bedrock {

// Either a whole content block, to be sent again as it was, or the signature of the reasoning that the part holds. Both
// empty: the state is not ours, or broken.
struct State {
  std::string block;      // a content block's JSON
  std::string signature;  // escaped for a JSON string
};

std::string write_block_state(std::string_view block);          // valid JSON
std::string write_signature_state(std::string_view signature);  // valid UTF-8

// Reads a state that a parent gave back. `parser` is only borrowed.
State read_state(RawString state, EventJson& parser);

}  // namespace aiw::bedrock
