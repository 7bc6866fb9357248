#include "worker/base/sse_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace aiw {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::int64_t kMaxRetryMs = 86'400'000;
constexpr std::size_t kKeptCapacity = std::size_t{256} << 10;  // a larger buffer is released after its event

void clear(std::string& buffer) {
  if (buffer.capacity() > kKeptCapacity) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

}  // namespace

void SseParser::feed(std::string_view bytes) {
  if (too_large_) return;
  input_ = bytes;
  position_ = 0;
  next_lf_ = std::min(bytes.find('\n'), bytes.size());
  next_cr_ = std::min(bytes.find('\r'), bytes.size());
}

bool SseParser::next(SseEvent& event) {
  if (dispatched_) reset_event();
  if (next_line_ && on_line(*std::exchange(next_line_, std::nullopt), event)) return true;
  std::string_view line;
  while (!too_large_ && take_line(line)) {
    if (on_line(line, event)) return true;
  }
  keep_data();
  return false;
}

bool SseParser::finish(SseEvent& event) {
  if (dispatched_) reset_event();
  if (too_large_) return false;
  if (!next_line_) {
    release_line();
    line_in_input_ = false;
    line_done_ = true;
    if (!line_.empty()) next_line_ = line_;
  }
  // Returns true for a line that contains only a byte order mark, or for a line that completes the previous event.
  if (next_line_ && on_line(*std::exchange(next_line_, std::nullopt), event)) return true;
  return !too_large_ && dispatch(event);
}

// Searches for each kind of newline once per feed, because the position of the next LF and the next CR is remembered.
bool SseParser::take_line(std::string_view& line) {
  release_line();
  if (position_ == input_.size()) return false;
  if (std::exchange(skip_lf_, false) && input_[position_] == '\n') ++position_;
  if (next_lf_ < position_) next_lf_ = std::min(input_.find('\n', position_), input_.size());
  if (next_cr_ < position_) next_cr_ = std::min(input_.find('\r', position_), input_.size());
  const std::size_t end = std::min(next_lf_, next_cr_);
  const auto piece = input_.substr(position_, end - position_);
  if (line_.size() + piece.size() > max_event_bytes_) return fail_too_large();

  line_in_input_ = line_.empty() && end != input_.size();
  if (!line_in_input_) line_ += piece;
  if (end == input_.size()) {
    position_ = end;
    return false;
  }
  skip_lf_ = input_[end] == '\r';
  position_ = end + 1;
  line_done_ = !line_in_input_;
  line = line_in_input_ ? piece : std::string_view(line_);
  return true;
}

void SseParser::release_line() {
  if (std::exchange(line_done_, false)) clear(line_);
}

bool SseParser::on_line(std::string_view line, SseEvent& event) {
  if (std::exchange(at_start_, false) && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  if (line.empty()) return dispatch(event);
  constexpr std::string_view kData = "data:";
  if (line.starts_with(kData) && !unframed_) {  // fast path for nearly every line
    line.remove_prefix(kData.size());
    add_data(line.substr(line.starts_with(' ') ? 1 : 0));
    return false;
  }
  if (with_errors_ && (unframed_ || line.front() == '{' || (has_data_ && line.starts_with("error:")))) {
    return on_unusual_line(line, event);
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  auto value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  on_field(line.substr(0, colon), value);
  return false;
}

// Handles a line of JSON between events, the field that ends such lines, or an error inside an event. Returns false if
// the event continues.
bool SseParser::on_unusual_line(std::string_view line, SseEvent& event) {
  constexpr std::array<std::string_view, 6> kFields = {"", "data", "event", "id", "retry", "error"};
  const bool is_field = std::ranges::find(kFields, line.substr(0, line.find(':'))) != kFields.end();
  if (has_data_ && (is_field || !unframed_)) {
    next_line_ = line;
    return dispatch(event);
  }
  unframed_ = true;
  add_data(line);
  return false;
}

void SseParser::on_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    add_data(value);
  } else if (name == "event") {
    type_ = value;
  } else if (name == "error" && with_errors_) {
    type_ = name;
    add_data(value);
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    std::int64_t ms = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (error == std::errc{} && end == value.data() + value.size() && ms >= 0) retry_ms_ = std::min(ms, kMaxRetryMs);
  }
}

void SseParser::add_data(std::string_view value) {
  if (has_data_ && data_.size() + 1 + value.size() > max_event_bytes_) {
    fail_too_large();
    return;
  }
  if (!has_data_) {
    has_data_ = true;
    data_ = value;
    data_in_input_ = line_in_input_;
    if (!line_in_input_) adopt_line(value);
    return;
  }
  keep_data();
  data_buffer_ += '\n';
  data_buffer_ += value;
  data_ = data_buffer_;
}

// Takes the memory of the assembled line instead of copying its value, which may be several megabytes.
void SseParser::adopt_line(std::string_view value) {
  const auto offset = static_cast<std::size_t>(value.data() - line_.data());
  data_buffer_.swap(line_);
  data_ = std::string_view(data_buffer_).substr(offset, value.size());
}

// Makes data_buffer_ equal to the data, so that the fed bytes are no longer needed and more data can be appended.
void SseParser::keep_data() {
  if (!has_data_) return;
  if (data_in_input_) {
    data_buffer_.assign(data_);
  } else if (data_.data() != data_buffer_.data()) {
    data_buffer_.erase(0, static_cast<std::size_t>(data_.data() - data_buffer_.data()));
  }
  data_in_input_ = false;
  data_ = data_buffer_;
}

bool SseParser::dispatch(SseEvent& event) {
  if (!has_data_) {
    type_.clear();
    return false;
  }
  event = {type_, data_, id_, unframed_};
  dispatched_ = true;
  return true;
}

void SseParser::reset_event() {
  dispatched_ = has_data_ = data_in_input_ = unframed_ = false;
  data_ = {};
  clear(data_buffer_);
  type_.clear();
}

bool SseParser::fail_too_large() {
  too_large_ = true;
  std::string().swap(line_);
  std::string().swap(data_buffer_);
  has_data_ = data_in_input_ = line_done_ = false;
  data_ = {};
  return false;
}

}  // namespace aiw
