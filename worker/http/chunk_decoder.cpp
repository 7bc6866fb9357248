#include "worker/http/chunk_decoder.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

namespace aiw {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr int kMaxDigits = 16;  // as in curl
constexpr auto kMaxSize = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

// Returns the value of a hexadecimal digit; -1 if it is none.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void ChunkDecoder::skip_framing(std::string_view& bytes) {
  if (data_left_ > 0 || skip_usual_framing(bytes)) return;
  std::size_t at = 0;
  while (at < bytes.size() && data_left_ == 0 && !has_ended()) {
    state_ = ++line_size_ > kMaxLine ? State::fault : after(bytes[at]);
    ++at;
  }
  bytes.remove_prefix(has_ended() ? bytes.size() : at);
}

// Skips a line end and a size without extensions if both are there as a whole, which is so for nearly all chunks.
bool ChunkDecoder::skip_usual_framing(std::string_view& bytes) {
  std::string_view rest = bytes;
  if (state_ == State::line_end_after_data && rest.starts_with(kLineEnd)) {
    rest.remove_prefix(kLineEnd.size());
  } else if (state_ != State::size || digits_ > 0) {
    return false;
  }
  std::uint64_t size = 0;
  const char* const begin = rest.data();
  const auto [end, error] =
      std::from_chars(begin, begin + std::min<std::size_t>(rest.size(), kMaxDigits - 1), size, 16);
  rest.remove_prefix(static_cast<std::size_t>(end - begin));
  if (error != std::errc() || size == 0 || !rest.starts_with(kLineEnd)) return false;
  rest.remove_prefix(kLineEnd.size());
  bytes = rest;
  size_ = size;
  state_ = after_line();
  return true;
}

// Returns the state after `byte`. Lines may end without a carriage return, as in curl.
ChunkDecoder::State ChunkDecoder::after(char byte) {
  const bool line_ends = byte == '\n';
  switch (state_) {
    case State::size: return after_size(byte);
    case State::rest_of_line: return line_ends ? after_line() : state_;  // extensions are ignored (RFC 9112, 7.1.1)
    case State::line_end_after_data: return line_ends ? State::size : byte == '\r' ? state_ : State::fault;
    case State::trailer_start: return line_ends ? State::end : byte == '\r' ? state_ : State::trailer;
    case State::trailer: return line_ends ? State::trailer_start : state_;
    case State::end:
    case State::fault: break;
  }
  return state_;
}

ChunkDecoder::State ChunkDecoder::after_size(char byte) {
  const int value = hex_value(byte);
  if (value < 0) return digits_ == 0 ? State::fault : byte == '\n' ? after_line() : State::rest_of_line;
  if (++digits_ > kMaxDigits || size_ > kMaxSize / 16) return State::fault;
  size_ = size_ * 16 + static_cast<std::uint64_t>(value);
  return state_;
}

ChunkDecoder::State ChunkDecoder::after_line() {
  data_left_ = std::exchange(size_, 0);
  digits_ = 0;
  line_size_ = 0;
  return data_left_ > 0 ? State::line_end_after_data : State::trailer_start;
}

}  // namespace aiw
