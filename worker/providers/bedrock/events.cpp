#include "worker/providers/bedrock/events.hpp"

#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace aiw::bedrock {
namespace {

Error exception_of(std::string_view name, std::string_view payload) {
  EventJson json;
  const auto root = json.parse(payload);
  if (!root || !root->is_object()) return stream_error(name, payload);
  auto message = get_string_or_empty(*root, "message");
  if (message.empty()) message = get_string_or_empty(*root, "Message");
  if (message.empty()) message = get_string_or_empty(*root, "originalMessage");
  return stream_error(name, json.plain_text(message));
}

Error fault_of(EventStreamParser::Fault fault) {
  if (fault == EventStreamParser::Fault::too_large) {
    return upstream_fault("event_too_large", "an event of the stream exceeds the limit", false);
  }
  if (fault == EventStreamParser::Fault::bad_checksum) {
    return upstream_fault("bad_event", "an event of the stream has a wrong checksum", true);
  }
  return upstream_fault("bad_event", "an event of the stream is malformed", true);
}

}  // namespace

bool Events::next(Event& event) {
  if (error_) return false;
  EventStreamMessage message;
  while (!error_ && parser_.next(message)) {
    if (read(message, event)) return true;
  }
  if (!error_ && parser_.fault() != EventStreamParser::Fault::none) error_ = fault_of(parser_.fault());
  return false;
}

// Reads the three kinds of message in the event-stream specification; others are ignored.
bool Events::read(const EventStreamMessage& message, Event& event) {
  const auto kind = message.header(":message-type");
  if (kind == "exception") {
    error_ = exception_of(message.header(":exception-type"), message.payload);
  } else if (kind == "error") {
    error_ = stream_error(message.header(":error-code"), message.header(":error-message"));
  }
  if (kind != "event") return false;
  event = {message.header(":event-type"), message.payload};
  return true;
}

Error Events::cut_short() const {
  return upstream_fault(
      "truncated_stream",
      parser_.inside_message() ? "the stream ended within an event" : "the answer stopped before its end was announced",
      true);
}

}  // namespace aiw::bedrock
