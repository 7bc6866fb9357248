// Decodes one response of Chat Completions or of the legacy completions API: chunks or one body. Both have the same
// members.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/codec/tool_call_assembler.hpp"
#include "worker/providers/openai_chat/media_and_citations.hpp"
#include "worker/providers/openai_chat/reasoning.hpp"
#include "worker/providers/openai_chat/state.hpp"

namespace aiw::openai_chat {

// Turns chunks (or a whole body) into the sink's events. Makes at most one text, one reasoning and one refusal part,
// because a message of the API has one of each.
class Decoder final : public JsonEventDecoder {
 public:
  void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) override;
  void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) override;
  void done(StepSink& sink) override;
  void end_of_stream(StepSink& sink) override;

 private:
  void flush(StepSink& sink) override;

  void add_choice(const JsonElement& choice, StepSink& sink);
  void add_message(const JsonElement& message, StepSink& sink);
  void add_content(const JsonElement& content, StepSink& sink);
  void add_content_part(const JsonElement& part, StepSink& sink);
  void add_tool_calls(const JsonElement& calls, StepSink& sink);
  void add_function(const JsonElement& call, const JsonElement& function, StepSink& sink);
  void add_text(TextChannel& channel, std::string_view text, StepSink& sink);
  void add_reasoning(std::string_view field, const JsonElement& value, StepSink& sink);
  void add_reasoning_details(const JsonElement& details, StepSink& sink);
  void add_audio(const JsonElement& audio, StepSink& sink);
  void add_logprobs(const JsonElement& logprobs, StepSink& sink);
  // Call when the response is complete: reports the calls and finishes.
  void finish(StepSink& sink);
  void report_reasoning_state(StepSink& sink);
  [[nodiscard]] FinishReason finish_reason() const;
  [[nodiscard]] std::optional<Error> finish_error() const;
  [[nodiscard]] bool has_content() const;

  // Some servers send `message` beside `delta`, in either format. Only the member of the current format counts.
  bool is_body_ = false;
  const EventJson* json_ = nullptr;  // parser of the current chunk
  TextChannel text_{ContentKind::text}, reasoning_{ContentKind::reasoning}, refusal_{ContentKind::refusal};
  int next_part_ = 0;
  ToolCallAssembler calls_{kStateTag};
  ReasoningDetails details_;
  std::string_view reasoning_field_;  // the member in which reasoning came first
  Annotations annotations_;
  CitationList citations_;
  SpokenAnswer spoken_;
  ExecutedTools executed_;
  UsageTally usage_;
  std::string finish_raw_, native_finish_;
  bool has_choice_ = false;
  bool is_spoken_ = false;  // the text comes as the transcript of the audio
};

}  // namespace aiw::openai_chat
