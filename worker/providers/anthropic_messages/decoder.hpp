// Decodes answers of the Messages API, streamed or whole.
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

// What both forms of an answer end with.
class Decoder : public ResponseDecoder {
 protected:
  void fail(Error error, StepSink& sink);
  void fail_reported(const JsonElement& body, StepSink& sink);  // body: {type: "error", error: {type, message}}
  void finish(StepSink& sink);
  // Counts are cumulative: the largest that came hold.
  void add_usage(const JsonElement& message, UsageAccuracy accuracy, StepSink& sink);
  void read_content(const JsonElement& message, StepSink& sink);
  // Of a whole message, or of the delta that ends one.
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
  std::string container_;  // the last one that came
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
  // The terminator is message_stop: without it the answer is cut short, stop reason or not. The official API always
  // sends it, and a proxy that loses it may have lost content too.
  void end(StepSink& sink) override;

 protected:
  // One body in place of the stream, once its first bytes came.
  UnaryDecoder* body_instead(std::string_view bytes);
  void on_event(const SseEvent& event, bool unfinished, StepSink& sink);

 private:
  void on_message(std::string_view type, const JsonElement& event, StepSink& sink);
  void on_message_start(const JsonElement& event, StepSink& sink);
  void on_message_delta(const JsonElement& event, StepSink& sink);

  SseParser parser_{kMaxEventBytes, SseSyntax::with_errors};
  std::optional<UnaryDecoder> body_;
  bool form_known_ = false;
  std::optional<std::string> message_id_;  // set once a message began
};

}  // namespace aiw::anthropic_messages
