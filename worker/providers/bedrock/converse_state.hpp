// What travels in `providerState` for the Converse API: a tag and JSON in ASCII.
#pragma once

#include <string>
#include <string_view>

#include "protocol/json_text.hpp"
#include "worker/providers/event_json.hpp"

namespace aiw {

// Either a whole content block, to be sent again as it was, or the signature of the reasoning that the part holds. Both
// empty: the state is not ours, or broken.
struct BedrockConverseState {
  std::string block;      // a content block's JSON
  std::string signature;  // escaped for a JSON string
};

std::string write_bedrock_block_state(std::string_view block);          // valid JSON
std::string write_bedrock_signature_state(std::string_view signature);  // valid UTF-8

// Reads a state that a parent gave back. `parser` is only borrowed.
BedrockConverseState read_bedrock_converse_state(RawString state, EventJson& parser);

}  // namespace aiw
