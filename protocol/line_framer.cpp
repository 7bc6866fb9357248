#include "protocol/line_framer.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace aiw {
namespace {

constexpr std::size_t kPadding = 64;  // bytes that simdjson may read past a document
constexpr std::size_t kWorthMoving = std::size_t{32} << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

std::span<char> LineFramer::prepare(std::size_t size) {
  const std::size_t kept = end_ - begin_;
  const std::size_t needed = kept + size + kPadding;
  if (buffer_.capacity() / 4 > needed) {  // after a long line: release its memory
    std::string smaller;
    smaller.reserve(needed);
    buffer_ = std::move(smaller.assign(buffer_, begin_, kept));
  } else if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
    const std::size_t stale = std::max(kept, begin_);
    explicit_bzero(buffer_.data() + stale, end_ - stale);
  }
  scanned_ -= begin_;
  begin_ = 0;
  end_ = kept;
  buffer_.resize(kept);  // shrink first, so that growing copies no stale bytes
  // For a very long line, reserve the maximum at once. Doubling would hold the line twice during the copy and reserve
  // twice the limit. Memory that no byte was written to is not committed.
  const bool very_long = needed > buffer_.capacity() && needed > max_line_bytes_ / 3;
  buffer_.reserve(very_long ? std::max(needed, max_line_bytes_ + size + kPadding) : needed);
  buffer_.resize_and_overwrite(kept + size, [](char*, std::size_t n) { return n; });
  return {buffer_.data() + end_, size};
}

void LineFramer::commit(std::size_t count) { end_ += count; }

std::optional<FramedLine> LineFramer::next() {
  while (scanned_ < end_) {
    const char* const data = buffer_.data();
    const void* const found = std::memchr(data + scanned_, '\n', end_ - scanned_);
    if (found == nullptr) {
      scanned_ = end_;
      return discarding_ || end_ - begin_ > max_line_bytes_ ? drop_oversized() : std::nullopt;
    }
    const auto newline = static_cast<std::size_t>(static_cast<const char*>(found) - data);
    scanned_ = newline + 1;
    if (auto line = take(newline - begin_)) return line;
  }
  return std::nullopt;
}

std::optional<FramedLine> LineFramer::finish() {
  scanned_ = end_;
  return begin_ == end_ ? std::nullopt : take(end_ - begin_);
}

// Drops the received bytes of a line that has no newline yet. Reports the dropped line once.
std::optional<FramedLine> LineFramer::drop_oversized() {
  buffer_ = std::string();
  begin_ = end_ = scanned_ = 0;
  at_start_ = false;
  if (std::exchange(discarding_, true)) return std::nullopt;
  return FramedLine{{}, true};
}

FramedLine LineFramer::drop_line() {
  drop_oversized();
  return {.text = {}, .too_large = false, .no_memory = true};
}

// Returns the line of `length` bytes at begin_, whose newline is just before scanned_; nullopt if there is nothing to
// report.
std::optional<FramedLine> LineFramer::take(std::size_t length) {
  const std::size_t at = std::exchange(begin_, scanned_);
  const bool first = std::exchange(at_start_, false);
  if (std::exchange(discarding_, false)) return std::nullopt;
  if (length > max_line_bytes_) return FramedLine{{}, true};
  std::string_view line = std::string_view(buffer_).substr(at, length);
  if (first && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return std::nullopt;
  return FramedLine{cut(static_cast<std::size_t>(line.data() - buffer_.data()), line.size()), false};
}

// Returns the bytes as their own string. If they are most of the buffer, the buffer itself is moved out and the bytes
// after begin_ go to a new one.
std::string LineFramer::cut(std::size_t at, std::size_t length) {
  std::string text;
  if (length < kWorthMoving || length < buffer_.capacity() / 4) {
    text.reserve(length + kPadding);
    text.assign(buffer_, at, length);
    explicit_bzero(buffer_.data() + at, length);  // the line may contain keys, and the next line may arrive much later
    return text;
  }
  std::string rest(buffer_, begin_, end_ - begin_);
  text = std::exchange(buffer_, std::move(rest));
  text.resize(at + length);
  text.erase(0, at);  // moves nothing for a line longer than one read, because prepare() has put it at the front
  end_ -= begin_;
  begin_ = scanned_ = 0;
  return text;
}

}  // namespace aiw
