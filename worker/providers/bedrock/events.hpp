// Events of one Bedrock response: event-stream messages in, events out, exceptions and broken streams as errors.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/providers/bedrock/event_stream_parser.hpp"

namespace aiw::bedrock {

struct Event {
  std::string_view type;     // :event-type
  std::string_view payload;  // JSON
};

// Usage: feed(bytes), then next(event) until it is false, then error(). Not thread-safe.
class Events {
 public:
  explicit Events(std::size_t max_message_bytes) : parser_(max_message_bytes) {}

  void feed(std::string_view bytes) { parser_.feed(bytes); }
  bool next(Event& event);
  // The error that ended the stream; nothing comes after it.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  // The error for a body that ended before the response did.
  [[nodiscard]] Error cut_short() const;

 private:
  bool read(const EventStreamMessage& message, Event& event);

  EventStreamParser parser_;
  std::optional<Error> error_;
};

}  // namespace aiw::bedrock
