// Decodes one response of Cohere's chat API, version 2: streamed events or one body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/codec/tool_call_assembler.hpp"
#include "worker/providers/cohere_chat/state.hpp"

namespace aiw::cohere_chat {

class Decoder final : public JsonEventDecoder {
 public:
  // Limit on the bytes of quotes that are repeated for several sources. Beyond it sources have no quote.
  static constexpr std::size_t kMaxRepeated = std::size_t{256} << 10;

  void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) override;
  void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) override;
  void end_of_stream(StepSink& sink) override { fail_truncated(sink); }

 private:
  // A block of the message's content, which has its own index.
  struct Block {
    std::int64_t index = 0;
    TextChannel channel;
  };

  void add_delta(std::string_view type, const std::optional<std::int64_t>& index, const JsonElement& delta,
                 StepSink& sink);
  void add_content(std::int64_t index, const JsonElement& content, StepSink& sink);
  void add_text(std::int64_t index, ContentKind kind, std::string_view text, StepSink& sink);
  Block& block(std::int64_t index, ContentKind kind, StepSink& sink);
  void end_block(StepSink& sink);
  void add_plan(const JsonElement& plan);
  void add_tool_call(const std::optional<std::int64_t>& index, const JsonElement& call, StepSink& sink);
  void add_citations(const JsonElement& citations, StepSink& sink);
  void add_citation(const JsonElement& citation, StepSink& sink);
  void add_logprobs(const JsonElement& logprobs, StepSink& sink);
  void add_message(const JsonElement& message, StepSink& sink);
  void finish(const JsonElement& ending, StepSink& sink);
  void report_state(StepSink& sink);
  void report_plan(StepSink& sink);
  void flush(StepSink& sink) override { end_block(sink); }

  const EventJson* json_ = nullptr;  // parser of the current event
  std::optional<Block> open_;
  std::vector<int> reasoning_parts_;
  int last_text_part_ = -1;  // of the blocks that ended
  int plan_part_ = -1;
  std::string plan_;
  std::size_t plan_told_ = 0;  // bytes of plan_ that were reported
  TextJoiner plan_joiner_;
  std::size_t repeated_ = 0;  // bytes of repeated quotes
  ToolCallAssembler calls_{kStateTag};
  int next_part_ = 0;
  bool began_ = false;  // a message began, so this is not only the end of one
};

}  // namespace aiw::cohere_chat
