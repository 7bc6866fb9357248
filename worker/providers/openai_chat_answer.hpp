// One Chat Completions answer as it grows, whether it comes as chunks or as one body: both have the same members.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/providers/event_json.hpp"
#include "worker/providers/openai_chat_extras.hpp"
#include "worker/providers/openai_chat_reasoning.hpp"
#include "worker/providers/openai_chat_tool_calls.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Turns chunks (or a whole body) into the sink's events. One text, one reasoning and one refusal part: the API has one
// of each in a message.
class OpenAiChatAnswer {
 public:
  // Some servers send `message` beside `delta`, in either format: then the one that the format calls for counts.
  explicit OpenAiChatAnswer(BodyFormat format) : content_key_(format == BodyFormat::stream ? "delta" : "message") {}

  // One parsed chunk or body. `error_event`: the server named the event an error. After ended() nothing may be added.
  void add(const EventJson& json, const JsonElement& root, bool error_event, StepSink& sink);
  // The answer is complete: reports the calls and finishes. Without a finish_reason the reason is `other`.
  void finish(StepSink& sink);
  void fail(Error error, StepSink& sink);

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool has_finish_reason() const { return !finish_raw_.empty(); }
  [[nodiscard]] bool has_choice() const { return has_choice_; }

 private:
  struct Channel {
    int part = -1;
    TextJoiner joiner{};
  };

  void add_choice(const JsonElement& choice, StepSink& sink);
  void add_message(const JsonElement& message, StepSink& sink);
  void add_content(const JsonElement& content, StepSink& sink);
  void add_content_part(const JsonElement& part, StepSink& sink);
  void add_tool_calls(const JsonElement& calls, StepSink& sink);
  void add_function(const JsonElement& call, const JsonElement& function, StepSink& sink);
  void add_text(ContentKind kind, std::string_view text, StepSink& sink);
  void add_string(ContentKind kind, const JsonElement& value, StepSink& sink);
  void add_reasoning(std::string_view field, const JsonElement& value, StepSink& sink);
  void add_images(const JsonElement& images, StepSink& sink);
  void add_audio(const JsonElement& audio, StepSink& sink);
  void add_logprobs(const JsonElement& logprobs, StepSink& sink);
  void add_usage(const JsonElement& usage, StepSink& sink);
  void emit(ContentKind kind, std::string_view text, StepSink& sink);
  void flush(StepSink& sink);
  void report_reasoning_state(StepSink& sink);
  [[nodiscard]] FinishReason finish_reason() const;
  Channel& channel(ContentKind kind) { return channels_[static_cast<std::size_t>(kind)]; }

  const std::string_view content_key_;
  const EventJson* json_ = nullptr;  // of the chunk in hand
  Channel channels_[4];              // by ContentKind
  int next_part_ = 0;
  ToolCallAssembler calls_;
  ReasoningDetails details_;
  std::string_view reasoning_field_;  // the name under which reasoning came first
  CitationList citations_;
  SpokenAnswer spoken_;
  ExecutedTools executed_;
  std::string finish_raw_;
  bool has_choice_ = false;
  bool ended_ = false;
};

}  // namespace aiw
