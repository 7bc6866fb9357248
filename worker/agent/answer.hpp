// What one step of a chat brought, put together from its events into a message for the history.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_writer.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// A tool call whose arguments were looked at.
struct CheckedCall {
  ToolCall call;
  std::string input_json;   // the arguments as JSON; "null" if they are none
  std::string parse_error;  // why they are none; empty: they are JSON
};

CheckedCall check_call(ToolCall call);

class Answer {
 public:
  void delta(int part, ContentKind kind, std::string_view text);
  const CheckedCall& tool_call(int part, ToolCall call);
  void provider_state(int part, std::string state);

  // True while no text, reasoning or call came.
  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::vector<CheckedCall> calls() const;
  // Appends the assistant message; calls whose input never became complete are left out.
  void write_message(JsonWriter& json) const;

 private:
  struct AnswerPart {
    enum class Kind { none, text, reasoning, tool_input, tool_call } kind = Kind::none;
    std::string text;
    std::string state;
    CheckedCall call;
  };
  AnswerPart& at(int part);
  static void write_part(JsonWriter& json, const AnswerPart& part);

  std::vector<AnswerPart> parts_;
};

}  // namespace aiw
