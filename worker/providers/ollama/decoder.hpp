// Decodes one response of Ollama's own API, line by line. /api/chat and /api/generate differ only in names.
#pragma once

#include <memory>

#include "worker/providers/codec/json_event_decoder.hpp"

namespace aiw::ollama {

inline constexpr std::string_view kChatTag = "ollama-chat:";
inline constexpr std::string_view kGenerateTag = "ollama-generate:";

class Decoder final : public JsonEventDecoder {
 public:
  void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) override;
  void end_of_stream(StepSink& sink) override { fail_truncated(sink); }

 private:
  void add_message(const EventJson& json, const JsonElement& message, StepSink& sink);
  void add_tool_call(const EventJson& json, const JsonElement& call, StepSink& sink);
  void add_logprobs(const EventJson& json, const JsonElement& tokens, StepSink& sink);
  void finish(const EventJson& json, const JsonElement& root, StepSink& sink);
  void flush(StepSink& sink) override;

  TextChannel text_{ContentKind::text};
  TextChannel reasoning_{ContentKind::reasoning};
  int next_part_ = 0;
  std::size_t call_count_ = 0;
  bool in_message_ = false;  // /api/chat
  bool has_answer_ = false;  // a message, a text or an image came, possibly empty
};

}  // namespace aiw::ollama
