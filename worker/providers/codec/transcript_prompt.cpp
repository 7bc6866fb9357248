#include "worker/providers/codec/transcript_prompt.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw {
namespace {

class TranscriptWriter {
 public:
  explicit TranscriptWriter(Rope& body) : body_(body) {}

  void turn(std::string_view speaker) {
    if (!std::exchange(first_, false)) body_.append("\\n\\n");
    body_.append(speaker);
    body_.append(":");
  }

  void system(RawString text) {
    turn("System");
    body_.append(" ");
    body_.splice(text.raw);
  }

  void message(const Message& message) {
    results(message.parts);
    const bool only_results = has_part<ToolResultPart>(message.parts) && !has_part<TextPart>(message.parts);
    if (message.role == Role::tool || only_results) return;
    turn(message.role == Role::system ? "System" : message.role == Role::user ? "User" : "Assistant");
    if (has_part<TextPart>(message.parts)) body_.append(" ");
    append_texts(body_, message.parts, message.role == Role::assistant ? "" : "\\n");
    for_each_part<ToolCallPart>(message.parts, [&](const ToolCallPart& call) {
      body_.append(" [calls ");
      body_.splice(call.tool_name.raw);
      body_.append(" with ");
      append_escaped(body_, call.input.json);
      body_.append("]");
    });
  }

 private:
  void results(const std::vector<Part>& parts) {
    for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
      turn("Tool");
      body_.append(" ");
      if (result.output) append_output_text(body_, *result.output);
    });
  }

  Rope& body_;
  bool first_ = true;
};

}  // namespace

void append_transcript_prompt(RawString system, std::span<const Message> messages, bool media_travels, Rope& body,
                              RequestNotes& notes) {
  for (const Message& message : messages) {
    if (!media_travels && has_part<MediaPart>(message.parts)) {
      notes.add(warning_code::media_dropped, "this provider takes text only; media was left out");
    }
  }
  const bool is_plain = system.empty() && messages.size() == 1 && messages.front().role == Role::user &&
                        !has_part<ToolResultPart>(messages.front().parts);
  if (is_plain) return append_texts(body, messages.front().parts, "\\n");
  TranscriptWriter writer(body);
  if (!system.empty()) writer.system(system);
  for (const Message& message : messages) writer.message(message);
  const bool goes_on = !messages.empty() && messages.back().role == Role::assistant;
  if (!goes_on) writer.turn("Assistant");
}

}  // namespace aiw
