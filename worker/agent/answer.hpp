// What one step of a chat brought, put together from its events into a message for the history.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/rope.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// A tool call whose arguments were looked at.
struct CheckedCall {
  ToolCall call;
  std::string input_json;   // the arguments as JSON; "null" if they are none
  std::string parse_error;  // why they are none; empty: they are JSON
};

CheckedCall check_call(ToolCall call);

// A tool's output, {type, value}, as it may stand in a frame: one that is nested too deeply becomes text.
std::string fit_output(std::string output);

// Text that grows by small pieces, kept escaped for a JSON string, in blocks: an answer of megabytes is never moved.
class GrowingText {
 public:
  void append(std::string_view text);
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  // Appends it by reference, without quotes.
  void write(Rope& out) const;

 private:
  std::vector<std::string> blocks_;
};

class Answer {
 public:
  void delta(int part, ContentKind kind, std::string_view text);
  // The call outlives this answer.
  std::shared_ptr<const CheckedCall> tool_call(int part, CheckedCall call);
  void file(int part, GeneratedFile file);
  void provider_state(int part, std::string state);

  // True while no text, reasoning, call, file or state came.
  [[nodiscard]] bool empty() const;
  // They outlive this answer: arguments may be long, and are not copied.
  [[nodiscard]] std::vector<std::shared_ptr<const CheckedCall>> calls() const;
  // Appends the assistant message, which refers to this answer; calls whose input never became complete are left out.
  void write_message(Rope& out) const;

 private:
  struct AnswerPart {
    enum class Kind { none, text, reasoning, tool_input, tool_call, file } kind = Kind::none;
    GrowingText text;
    std::string state;
    std::shared_ptr<const CheckedCall> call{};
    GeneratedFile file;
  };
  AnswerPart& at(int part);
  static void write_file(Rope& out, const GeneratedFile& file);
  static void write_part(Rope& out, const AnswerPart& part);
  static bool is_shown(const AnswerPart& part);

  std::vector<AnswerPart> parts_;
};

}  // namespace aiw
