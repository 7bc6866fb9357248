// Decodes one response of OpenAI's legacy completions API. Chunks and a whole body have the same members.
#pragma once

#include <string>

#include "worker/providers/codec/json_event_decoder.hpp"

namespace aiw::openai_completions {

class Decoder final : public JsonEventDecoder {
 public:
  void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) override;
  void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) override;
  void done(StepSink& sink) override;
  void end_of_stream(StepSink& sink) override;

 private:
  void add_choice(const EventJson& json, const JsonElement& choice, StepSink& sink);
  void add_logprobs(const EventJson& json, const JsonElement& logprobs, StepSink& sink);
  void finish(StepSink& sink);
  void flush(StepSink& sink) override { text_.flush(next_part_, sink); }

  TextChannel text_;
  int next_part_ = 0;
  UsageTally usage_;
  bool has_choice_ = false;
  std::string finish_raw_;
};

}  // namespace aiw::openai_completions
