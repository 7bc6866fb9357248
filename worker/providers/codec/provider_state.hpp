// Provider states: what a provider wants back with a part, as text that any parent can store. A wire API's tag, which
// ends in a colon, and a JSON object in ASCII: `openai-chat:{"field":"reasoning"}`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw {

// `object` is valid JSON in UTF-8.
std::string make_state(std::string_view tag, std::string_view object);
// The same of an object with one member; `value` is valid JSON.
std::string make_state(std::string_view tag, std::string_view member, std::string_view value);

// Reads states that a parent gave back. What it returns lives until the next read().
class StateReader {
 public:
  // The state's object. Nothing: it is another API's, broken or altered.
  std::optional<JsonElement> read(RawString state, std::string_view tag);
  // That object as it stands in the state.
  [[nodiscard]] std::string_view text() const { return object_; }
  // A value of it as JSON in ASCII, with its numbers as they were written.
  [[nodiscard]] std::string json(const JsonElement& value) const;
  // The same of a member; empty: there is none, or it is null.
  [[nodiscard]] std::string json(const JsonElement& object, std::string_view key) const;
  // The parser that the object belongs to.
  [[nodiscard]] const EventJson& parser() const { return json_; }

 private:
  std::string state_;
  std::string_view object_;
  EventJson json_;
};

}  // namespace aiw
