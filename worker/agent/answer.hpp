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

// Text that grows by small pieces, kept escaped for a JSON string, in blocks: an answer of megabytes is never moved.
class GrowingText {
 public:
  void append(std::string_view text);
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  // Bytes of the escaped text.
  [[nodiscard]] std::size_t size() const { return size_; }
  void write(JsonWriter& json) const;

 private:
  std::vector<std::string> blocks_;
  std::size_t size_ = 0;
};

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
  // Enough bytes for that message, as a rule.
  [[nodiscard]] std::size_t size_hint() const;

 private:
  struct AnswerPart {
    enum class Kind { none, text, reasoning, tool_input, tool_call } kind = Kind::none;
    GrowingText text;
    std::string state;
    CheckedCall call;
  };
  AnswerPart& at(int part);
  static void write_part(JsonWriter& json, const AnswerPart& part);

  std::vector<AnswerPart> parts_;
};

}  // namespace aiw
