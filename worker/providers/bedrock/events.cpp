#include "worker/providers/bedrock/events.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/bedrock/event_stream_parser.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace aiw::bedrock {
namespace {

Error exception_of(std::string_view name, std::string_view payload) {
  EventJson json;
  const auto root = json.parse(payload);
  if (!root || !root->is_object()) return stream_error(name, payload);
  std::string message;
  for (const std::string_view key : {"message", "Message", "originalMessage"}) {
    if (message.empty()) message = json.text(*root, key);
  }
  return stream_error(name, message);
}

Error fault_of(EventStreamParser::Fault fault) {
  if (fault == EventStreamParser::Fault::too_large) {
    return upstream_fault(error_code::event_too_large, "an event of the stream exceeds the limit", false);
  }
  if (fault == EventStreamParser::Fault::bad_checksum) {
    return upstream_fault(error_code::bad_event, "an event of the stream has a wrong checksum", true);
  }
  return upstream_fault(error_code::bad_event, "an event of the stream is malformed", true);
}

class EventStreamDecoder final : public ResponseDecoder {
 public:
  EventStreamDecoder(std::unique_ptr<JsonEventDecoder> answer, Payload payload)
      : answer_(std::move(answer)), payload_(payload) {}

  void feed(std::string_view bytes, StepSink& sink) override {
    if (body_) return body_->feed(bytes, sink);
    if (answer_->ended() || bytes.empty()) return;
    // Detects one body in place of a stream, perhaps after white space or a byte order mark. As the first byte of a
    // length, such a byte would mean more than an event may have.
    constexpr std::string_view kBodyBegins = "{[< \t\r\n\xEF";
    const bool is_body = !std::exchange(begun_, true) && kBodyBegins.contains(bytes.front());
    if (is_body) {
      body_ = make_sse_decoder(std::move(answer_), BodyFormat::unary);
      return body_->feed(bytes, sink);
    }
    parser_.feed(bytes);
    EventStreamMessage message;
    while (!answer_->ended() && parser_.next(message)) on_message(message, sink);
    if (parser_.fault() != EventStreamParser::Fault::none) answer_->fail(fault_of(parser_.fault()), sink);
  }

  void end(StepSink& sink) override {
    if (body_) return body_->end(sink);
    if (!answer_->ended()) answer_->end_of_stream(sink);
  }

 private:
  // Handles the three kinds of message in the event-stream specification; others are ignored.
  void on_message(const EventStreamMessage& message, StepSink& sink) {
    const auto kind = message.header(":message-type");
    if (kind == "event") return on_event(message.header(":event-type"), message.payload, sink);
    if (kind == "exception") {
      answer_->fail(exception_of(message.header(":exception-type"), message.payload), sink);
    } else if (kind == "error") {
      answer_->fail(stream_error(message.header(":error-code"), message.header(":error-message")), sink);
    }
  }

  void on_event(std::string_view type, std::string_view payload, StepSink& sink) {
    if (type.ends_with("Exception")) return answer_->fail(exception_of(type, payload), sink);
    auto root = json_.parse(payload);
    if (payload_ == Payload::bytes) {
      if (type != "chunk") return;
      const auto bytes = root ? get_string(*root, "bytes") : std::nullopt;
      if (!bytes || !base64_decode(*bytes, data_)) {
        return answer_->fail(error_code::bad_event, "a chunk of the stream is not base64", true, sink);
      }
      type = {};
      root = json_.parse(data_);
    }
    if (root && root->is_object()) return answer_->add_event(json_, *root, type, sink);
    answer_->fail(error_code::bad_event, "an event of the stream is not a JSON object", true, sink);
  }

  std::unique_ptr<JsonEventDecoder> answer_;
  const Payload payload_;
  EventStreamParser parser_{kMaxEventBytes};
  std::unique_ptr<ResponseDecoder> body_;  // set if the stream is one body; it then owns the answer
  EventJson json_;
  std::string data_;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<ResponseDecoder> make_event_stream_decoder(std::unique_ptr<JsonEventDecoder> answer, Payload payload) {
  return std::make_unique<EventStreamDecoder>(std::move(answer), payload);
}

}  // namespace aiw::bedrock
