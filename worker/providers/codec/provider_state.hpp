// Provider states: data that a provider wants back with a part, as text that any parent can store. A state is the wire
// API's tag, which ends in a colon, and a JSON object in ASCII: `openai-chat:{"field":"reasoning"}`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw {

// `object` is valid JSON in UTF-8.
std::string make_state(std::string_view tag, std::string_view object);
// Makes a state whose object has one member; `value` is valid JSON.
std::string make_state(std::string_view tag, std::string_view member, std::string_view value);

// Reads states that a parent sent back. Results are valid until the next read().
class StateReader {
 public:
  // Returns the state's object. Nothing if the state belongs to another API, or is broken or altered.
  std::optional<JsonElement> read(RawString state, std::string_view tag);
  // Returns the text of that object as written in the state.
  [[nodiscard]] std::string_view text() const { return object_; }
  // Returns a value of that object as JSON in ASCII, with its numbers as written.
  [[nodiscard]] std::string json(const JsonElement& value) const;
  // Returns a member as such JSON; empty if it is missing or null.
  [[nodiscard]] std::string json(const JsonElement& object, std::string_view key) const;
  // Returns the parser that the object belongs to.
  [[nodiscard]] const EventJson& parser() const { return json_; }

 private:
  std::string state_;
  std::string_view object_;
  EventJson json_;
};

}  // namespace aiw
