// Converts the event-stream messages of one Bedrock response to events. Exceptions and broken streams become errors.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/providers/bedrock/event_stream_parser.hpp"

namespace aiw::bedrock {

struct Event {
  std::string_view type;     // header :event-type
  std::string_view payload;  // JSON
};

// Usage: call feed(bytes), then next(event) until it returns false, then error(). Not thread-safe.
class Events {
 public:
  explicit Events(std::size_t max_message_bytes) : parser_(max_message_bytes) {}

  void feed(std::string_view bytes) { parser_.feed(bytes); }
  bool next(Event& event);
  // Returns the error that ended the stream; no event follows it.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  // Returns the error for a body that ended before the response did.
  [[nodiscard]] Error cut_short() const;

 private:
  bool read(const EventStreamMessage& message, Event& event);

  EventStreamParser parser_;
  std::optional<Error> error_;
};

}  // namespace aiw::bedrock
