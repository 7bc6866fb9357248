#include "worker/providers/bedrock/event_stream_parser.hpp"

#include <algorithm>

#include "worker/base/crc32.hpp"

namespace aiw::bedrock {
namespace {

constexpr std::size_t kPreludeBytes = 12;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kMinMessageBytes = kPreludeBytes + kChecksumBytes;
constexpr std::size_t kKeptCapacity = std::size_t{256} << 10;  // a larger buffer is freed after its message

std::size_t big_endian(std::string_view bytes) {
  std::size_t number = 0;
  for (const char c : bytes) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

// Takes `count` bytes off `from`; false if it has fewer.
bool take(std::string_view& from, std::size_t count, std::string_view& into) {
  if (from.size() < count) return false;
  into = from.substr(0, count);
  from.remove_prefix(count);
  return true;
}

bool take_sized(std::string_view& from, std::size_t length_bytes, std::string_view& into) {
  std::string_view length;
  return take(from, length_bytes, length) && take(from, big_endian(length), into);
}

bool are_headers(std::string_view headers) {
  EventStreamHeader header;
  while (!headers.empty()) {
    if (!take_event_stream_header(headers, header)) return false;
  }
  return true;
}

}  // namespace

bool take_event_stream_header(std::string_view& headers, EventStreamHeader& header) {
  std::string_view type;
  if (!take_sized(headers, 1, header.name) || header.name.empty() || !take(headers, 1, type)) return false;
  header.type = static_cast<EventStreamType>(static_cast<unsigned char>(type.front()));
  switch (header.type) {
    case EventStreamType::true_value:
    case EventStreamType::false_value: return take(headers, 0, header.value);
    case EventStreamType::byte: return take(headers, 1, header.value);
    case EventStreamType::int16: return take(headers, 2, header.value);
    case EventStreamType::int32: return take(headers, 4, header.value);
    case EventStreamType::int64:
    case EventStreamType::timestamp: return take(headers, 8, header.value);
    case EventStreamType::uuid: return take(headers, 16, header.value);
    case EventStreamType::bytes:
    case EventStreamType::string: return take_sized(headers, 2, header.value);
  }
  return false;
}

std::string_view EventStreamMessage::header(std::string_view name) const {
  std::string_view rest = headers;
  EventStreamHeader header;
  while (take_event_stream_header(rest, header)) {
    if (header.name == name && header.type == EventStreamType::string) return header.value;
  }
  return {};
}

void EventStreamParser::feed(std::string_view bytes) {
  if (fault_ == Fault::none) input_ = bytes;
}

bool EventStreamParser::next(EventStreamMessage& message) {
  if (fault_ != Fault::none) return false;
  if (held_is_done_) {
    held_is_done_ = false;
    held_.clear();
    if (held_.capacity() > kKeptCapacity) held_.shrink_to_fit();
  }
  const auto bytes = whole_message();
  return !bytes.empty() && read(bytes, message);
}

// Returns an empty view if the message is incomplete or malformed.
std::string_view EventStreamParser::whole_message() {
  if (total_ == 0) {
    if (!held_.empty()) hold(kPreludeBytes);
    const std::string_view start = held_.empty() ? input_ : std::string_view(held_);
    if (start.size() >= kPreludeBytes && !check_prelude(start.substr(0, kPreludeBytes))) return {};
  }
  if (total_ == 0 || !held_.empty() || input_.size() < total_) {
    hold(total_ == 0 ? kPreludeBytes : total_);
    if (total_ == 0 || held_.size() < total_) return {};
    held_is_done_ = true;
    return held_;
  }
  const auto bytes = input_.substr(0, total_);
  input_.remove_prefix(total_);
  return bytes;
}

// Moves bytes from the input to held_ until it has `wanted` bytes or the input is empty.
void EventStreamParser::hold(std::size_t wanted) {
  const std::size_t count = std::min(wanted - std::min(wanted, held_.size()), input_.size());
  held_.append(input_.substr(0, count));
  input_.remove_prefix(count);
}

bool EventStreamParser::check_prelude(std::string_view prelude) {
  if (crc32(prelude.substr(0, 8)) != big_endian(prelude.substr(8, 4))) return fail(Fault::bad_checksum);
  total_ = big_endian(prelude.substr(0, 4));
  headers_at_hand_ = big_endian(prelude.substr(4, 4));
  if (total_ < kMinMessageBytes || headers_at_hand_ > total_ - kMinMessageBytes) return fail(Fault::malformed);
  return total_ <= max_message_bytes_ || fail(Fault::too_large);
}

bool EventStreamParser::read(std::string_view bytes, EventStreamMessage& message) {
  const std::size_t end = bytes.size() - kChecksumBytes;
  if (crc32(bytes.substr(0, end)) != big_endian(bytes.substr(end))) return fail(Fault::bad_checksum);
  message.headers = bytes.substr(kPreludeBytes, headers_at_hand_);
  message.payload = bytes.substr(kPreludeBytes + headers_at_hand_, end - kPreludeBytes - headers_at_hand_);
  total_ = 0;
  return are_headers(message.headers) || fail(Fault::malformed);
}

bool EventStreamParser::fail(Fault fault) {
  fault_ = fault;
  input_ = {};
  std::string().swap(held_);
  return false;
}

}  // namespace aiw::bedrock
