#include "tools/support/request_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace aiw::tools {

namespace {

constexpr std::size_t kMaxHead = 64u << 10;
constexpr std::size_t kMaxChunkLine = 4096;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> number(std::string_view text, int base) {
  std::size_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

RequestReader::State RequestReader::feed(std::span<const char>& bytes) {
  State state = State::kReading;
  while (!bytes.empty() && state == State::kReading) {
    switch (phase_) {
      case Phase::kHead: state = feed_head(bytes); break;
      case Phase::kBody:
      case Phase::kChunkData: state = feed_body(bytes); break;
      default: state = feed_chunk_line(bytes); break;
    }
  }
  return state;
}

RequestReader::State RequestReader::feed_head(std::span<const char>& bytes) {
  // The end of the head may straddle two reads, so search from 3 bytes before the new ones.
  std::size_t from = line_.size() < 3 ? 0 : line_.size() - 3;
  std::size_t before = line_.size();
  line_.append(bytes.data(), std::min(bytes.size(), kMaxHead + 4 - std::min(before, kMaxHead)));
  std::size_t end = line_.find("\r\n\r\n", from);
  if (end == std::string::npos) {
    bytes = bytes.subspan(line_.size() - before);
    return line_.size() > kMaxHead ? State::kTooLarge : State::kReading;
  }
  bytes = bytes.subspan(end + 4 - before);
  line_.resize(end + 2);
  std::string head = std::exchange(line_, {});
  return parse_head(head);
}

RequestReader::State RequestReader::parse_head(std::string_view head) {
  auto next_line = [&head] {
    std::size_t end = head.find("\r\n");
    std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    return line;
  };
  std::string_view start = next_line();
  std::size_t first = start.find(' ');
  std::size_t last = start.rfind(' ');
  if (first == std::string_view::npos || last <= first) return State::kMalformed;
  if (!start.substr(last + 1).starts_with("HTTP/1.")) return State::kMalformed;
  request_.method = start.substr(0, first);
  request_.target = start.substr(first + 1, last - first - 1);
  while (!head.empty()) {
    std::string_view line = next_line();
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return State::kMalformed;
    request_.headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  chunked_ = lower(request_.header("transfer-encoding")).ends_with("chunked");
  wants_continue_ = lower(request_.header("expect")) == "100-continue";
  auto length = number(request_.header("content-length"), 10);
  if (!chunked_ && !request_.header("content-length").empty() && !length) return State::kMalformed;
  remaining_ = chunked_ ? 0 : length.value_or(0);
  if (remaining_ > limits_.body) return State::kTooLarge;
  request_.body.reserve(std::min({remaining_, limits_.body_kept, std::size_t{16} << 20}));
  phase_ = chunked_ ? Phase::kChunkSize : Phase::kBody;
  if (chunked_ || remaining_ > 0) return State::kReading;
  phase_ = Phase::kDone;
  return State::kComplete;
}

RequestReader::State RequestReader::feed_body(std::span<const char>& bytes) {
  std::size_t count = std::min(remaining_, bytes.size());
  keep(bytes.first(count));
  bytes = bytes.subspan(count);
  remaining_ -= count;
  if (request_.body_bytes > limits_.body) return State::kTooLarge;
  if (remaining_ > 0) return State::kReading;
  phase_ = chunked_ ? Phase::kChunkEnd : Phase::kDone;
  return chunked_ ? State::kReading : State::kComplete;
}

RequestReader::State RequestReader::feed_chunk_line(std::span<const char>& bytes) {
  auto end = std::ranges::find(bytes, '\n');
  bool complete = end != bytes.end();
  auto count = static_cast<std::size_t>(end - bytes.begin()) + (complete ? 1 : 0);
  line_.append(bytes.data(), count);
  bytes = bytes.subspan(count);
  if (line_.size() > kMaxChunkLine) return State::kMalformed;
  if (!complete) return State::kReading;
  std::string line = std::exchange(line_, {});
  if (!line.ends_with("\r\n")) return State::kMalformed;
  line.resize(line.size() - 2);
  if (phase_ == Phase::kChunkEnd) {
    phase_ = Phase::kChunkSize;
    return line.empty() ? State::kReading : State::kMalformed;
  }
  if (phase_ == Phase::kTrailer) {
    if (!line.empty()) return State::kReading;
    phase_ = Phase::kDone;
    return State::kComplete;
  }
  auto size = number(trim(std::string_view(line).substr(0, line.find(';'))), 16);
  if (!size) return State::kMalformed;
  if (*size > limits_.body) return State::kTooLarge;
  remaining_ = *size;
  phase_ = *size == 0 ? Phase::kTrailer : Phase::kChunkData;
  return State::kReading;
}

void RequestReader::keep(std::span<const char> bytes) {
  std::size_t room = limits_.body_kept - std::min(limits_.body_kept, request_.body.size());
  request_.body.append(bytes.data(), std::min(room, bytes.size()));
  request_.body_bytes += bytes.size();
}

Request RequestReader::take() {
  phase_ = Phase::kHead;
  chunked_ = false;
  wants_continue_ = false;
  return std::exchange(request_, {});
}

bool RequestReader::take_continue_wish() {
  return phase_ != Phase::kHead && phase_ != Phase::kDone && std::exchange(wants_continue_, false);
}

}  // namespace aiw::tools
