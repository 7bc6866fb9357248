// Decodes responses of the Messages API, streamed or whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/base/sse_parser.hpp"
#include "worker/providers/anthropic_messages/blocks.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::anthropic_messages {

// Base of both decoders: handles the end of a response.
class Decoder : public ResponseDecoder {
 protected:
  void fail(Error error, StepSink& sink);
  void fail_reported(const JsonElement& body, StepSink& sink);  // body: {type: "error", error: {type, message}}
  void finish(StepSink& sink);
  // Counts are cumulative: the largest received values count.
  void add_usage(const JsonElement& message, UsageAccuracy accuracy, StepSink& sink);
  void read_content(const JsonElement& message, StepSink& sink);
  // `object` is a whole message, or the delta that ends one.
  void read_end(const JsonElement& object, StepSink& sink);
  void read_edits(const JsonElement& message);

  EventJson json_;
  Blocks blocks_{json_};
  bool done_ = false;

 private:
  void add_detail(std::string_view name, const JsonElement& value);

  std::string stop_reason_;
  // Members of JSON objects.
  std::string details_;
  std::string container_;  // the last one received
  std::optional<std::int64_t> input_, cache_read_, cache_write_, output_, thinking_;
};

class UnaryDecoder : public Decoder {
 public:
  void feed(std::string_view bytes, StepSink& sink) override;
  void end(StepSink& sink) override;

 private:
  std::string body_;
  std::unique_ptr<ResponseDecoder> events_;
  bool form_known_ = false;
};

class StreamDecoder : public Decoder {
 public:
  void feed(std::string_view bytes, StepSink& sink) override;
  // message_stop ends the response. Without it the response is cut short, with or without a stop reason. The official
  // API always sends it, and a proxy that loses it may have lost content too.
  void end(StepSink& sink) override;

 protected:
  // Returns the decoder of a single body, if the first bytes show one in place of the stream; else nullptr.
  UnaryDecoder* body_instead(std::string_view bytes);
  void on_event(const SseEvent& event, bool unfinished, StepSink& sink);

 private:
  void on_message(std::string_view type, const JsonElement& event, StepSink& sink);
  void on_message_start(const JsonElement& event, StepSink& sink);
  void on_message_delta(const JsonElement& event, StepSink& sink);

  SseParser parser_{kMaxEventBytes, SseSyntax::with_errors};
  std::optional<UnaryDecoder> body_;
  bool form_known_ = false;
  std::optional<std::string> message_id_;  // set when a message begins
};

}  // namespace aiw::anthropic_messages
