// Collects the events of one step into the assistant message for the history.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/rope.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// Tool call whose arguments were validated as JSON.
struct CheckedCall {
  ToolCall call;
  std::string input_json;   // arguments as JSON; "null" if they are not valid
  std::string parse_error;  // reason why they are not valid JSON; empty: they are
};

CheckedCall check_call(ToolCall call);

// Returns a tool output, {type, value}, in a form that fits a frame. One that is nested too deeply becomes text.
std::string fit_output(std::string output);

// Text that grows in small pieces, escaped for a JSON string. Stored in blocks, so megabytes of text are never moved.
class GrowingText {
 public:
  void append(std::string_view text);
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  // Appends the text by reference, without quotes. This object must outlive `out`.
  void write(Rope& out) const;

 private:
  std::vector<std::string> blocks_;
};

class AssistantMessage {
 public:
  void delta(int part, ContentKind kind, std::string_view text);
  // Adds a tool call. The returned call may outlive this object.
  std::shared_ptr<const CheckedCall> tool_call(int part, CheckedCall call);
  void file(int part, GeneratedFile file);
  void provider_state(int part, std::string state);

  // True while there is no text, reasoning, call, file or state.
  [[nodiscard]] bool empty() const;
  // Returns the tool calls without a copy, because arguments may be long. They may outlive this object.
  [[nodiscard]] std::vector<std::shared_ptr<const CheckedCall>> calls() const;
  // Appends the assistant message by reference to this object. Calls whose input never became complete are left out.
  void write_message(Rope& out) const;

 private:
  struct AssistantPart {
    enum class Kind { none, text, reasoning, tool_input, tool_call, file } kind = Kind::none;
    GrowingText text;
    std::string state;
    std::shared_ptr<const CheckedCall> call{};
    GeneratedFile file;
  };
  AssistantPart& at(int part);
  static void write_file(Rope& out, const GeneratedFile& file);
  static void write_part(Rope& out, const AssistantPart& part);
  static bool is_shown(const AssistantPart& part);

  std::vector<AssistantPart> parts_;
};

}  // namespace aiw
