// What travels in `providerState` for Gemini: a tag and JSON in ASCII, so that any parent can store it.
#pragma once

#include <string>
#include <string_view>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw::google {

// What a part's state says: either a whole part, to be sent again as it was, or what a part of ours lacks.
struct State {
  bool ours = false;      // this API wrote it
  std::string part;       // a whole part's JSON; empty: none
  std::string signature;  // thoughtSignature, escaped for a JSON string; empty: none
  bool thought = false;   // the part belongs to the model's thoughts
};

// The state of a part that came with this signature (empty: none).
std::string write_state(std::string_view signature, bool thought);
// The state that holds a whole part: a JSON object, valid UTF-8.
std::string write_part_state(std::string_view part);

// Reads a state that a parent gave back; hostile input gives an empty result. `parser` is only borrowed.
State read_state(RawString state, EventJson& parser);

}  // namespace aiw::google
