// The provider state of Responses parts: "openai-responses:" and a JSON object, all ASCII. Its members:
//   item    the whole output item, sent back as it is (an image's `result` apart: the file part holds it)
//   call    what a call's part does not hold of its item: id, namespace, caller
//   text    what a text part does not hold of its message: id, phase, status, annotations, and whether it is a refusal
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_responses {

inline constexpr std::string_view kStateTag = "openai-responses:";

// State with `value`, valid JSON text, as its one member.
std::string make_state(std::string_view member, std::string_view value);

// A state read back; refers to nothing but itself.
class State {
 public:
  // False: the state is another API's, or it was altered.
  bool read(std::string_view state);
  // A member of the state that is an object; it lives until the next read.
  [[nodiscard]] std::optional<JsonElement> member(std::string_view name) const;
  // The members of such an object that `leave_out` does not name, as ASCII JSON without braces.
  [[nodiscard]] std::string members_without(const JsonElement& object,
                                            std::initializer_list<std::string_view> leave_out) const;

 private:
  std::string text_;  // what json_ refers to
  EventJson json_;
  std::optional<JsonElement> root_;
};

// The members of `object` that `leave_out` does not name, as JSON without braces.
std::string other_members(const EventJson& json, const JsonElement& object,
                          std::initializer_list<std::string_view> leave_out);

}  // namespace aiw::openai_responses
