// Decodes one response of the Messages API: events or one body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/codes.hpp"
#include "worker/providers/anthropic_messages/blocks.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"

namespace aiw::anthropic_messages {

class Decoder final : public JsonEventDecoder {
 public:
  void add_event(const EventJson& json, const JsonElement& root, std::string_view name, StepSink& sink) override;
  void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) override;
  void done(StepSink&) override {}  // from gateways, which may add the terminator of OpenAI's streams
  // message_stop ends the response. Without it the response is cut short, with or without a stop reason. The official
  // API always sends it, and a proxy that loses it may have lost content too.
  void end_of_stream(StepSink& sink) override {
    fail(error_code::truncated_stream, "the stream ended before message_stop", true, sink);
  }
  void fail_large_body(StepSink& sink) override {
    fail(error_code::response_too_large, "the answer exceeds the limit", false, sink);
  }

 private:
  void flush(StepSink&) override {}

  void use_parser(const EventJson& json);
  void begin_message(const JsonElement& event, StepSink& sink);
  void fail_reported(const JsonElement& body, StepSink& sink);  // body: {type: "error", error: {type, message}}
  // Counts are cumulative: the largest received values count.
  void add_usage(const JsonElement& message, UsageAccuracy accuracy, StepSink& sink);
  void read_content(const JsonElement& message, StepSink& sink);
  // `object` is a whole message, or the delta that ends one.
  void read_end(const JsonElement& object, StepSink& sink);
  void read_edits(const JsonElement& message);
  void add_detail(std::string_view name, const JsonElement& value);
  void finish(StepSink& sink);

  const EventJson* json_ = nullptr;  // parser of the current event
  Blocks blocks_;
  std::optional<std::string> message_id_;  // set when a message begins
  std::string stop_reason_;
  // Members of JSON objects.
  std::string details_;
  std::string container_;  // the last one received
  std::optional<std::int64_t> input_, cache_read_, cache_write_, output_, thinking_;
};

}  // namespace aiw::anthropic_messages
