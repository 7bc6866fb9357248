// A push parser of AWS event streams (application/vnd.amazon.eventstream): takes bytes, cut anywhere, and returns
// messages.
//
// A message starts with its total length, the length of its headers, and the CRC-32 of these 8 bytes. Then follow
// headers, payload and the CRC-32 of all before it. Numbers are big-endian (smithy.io/2.0/aws/amazon-eventstream.html).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aiw::bedrock {

enum class EventStreamType : std::uint8_t {
  true_value = 0,
  false_value = 1,
  byte = 2,
  int16 = 3,
  int32 = 4,
  int64 = 5,
  bytes = 6,
  string = 7,
  timestamp = 8,
  uuid = 9,
};

struct EventStreamHeader {
  std::string_view name;
  EventStreamType type = EventStreamType::string;
  std::string_view value;  // as on the wire, without its length; empty for booleans
};

struct EventStreamMessage {
  std::string_view headers;  // well-formed
  std::string_view payload;

  // Returns the value of a string header; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// Takes the first header off `headers`; false if there is none or it is malformed.
bool take_event_stream_header(std::string_view& headers, EventStreamHeader& header);

// Usage: call feed(bytes), then next(message) until it returns false. Time is linear in the bytes, however they are
// cut. Holds at most one message of `max_message_bytes`. A message that lies within the fed bytes is returned without a
// copy. Not thread-safe.
class EventStreamParser {
 public:
  enum class Fault { none, too_large, bad_checksum, malformed };

  explicit EventStreamParser(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  // `bytes` must stay valid until next() has returned false; only then may more be fed.
  void feed(std::string_view bytes);
  // Returns the next message; its views are valid until the next call of any member. False: more bytes are needed, or
  // fault().
  bool next(EventStreamMessage& message);
  // Returns the reason why no more messages follow: after a fault the start of the next message is unknown.
  [[nodiscard]] Fault fault() const { return fault_; }
  // True if a message is incomplete. Call after next() has returned false.
  [[nodiscard]] bool inside_message() const { return !held_.empty(); }

 private:
  std::string_view whole_message();
  bool check_prelude(std::string_view prelude);
  bool read(std::string_view bytes, EventStreamMessage& message);
  bool fail(Fault fault);
  void hold(std::size_t wanted);

  const std::size_t max_message_bytes_;
  std::string_view input_;     // fed bytes that are not parsed yet
  std::string held_;           // the start of an incomplete message
  bool held_is_done_ = false;  // held_ was returned and must be cleared
  std::size_t total_ = 0;      // length of the current message; 0: its prelude is incomplete
  std::size_t headers_at_hand_ = 0;
  Fault fault_ = Fault::none;
};

}  // namespace aiw::bedrock
