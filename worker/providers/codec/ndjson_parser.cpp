#include "worker/providers/codec/ndjson_parser.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/white_space.hpp"

namespace aiw {
namespace {

constexpr std::size_t kKeptCapacity = std::size_t{256} << 10;  // a larger buffer is freed after its line

void clear(std::string& buffer) {
  if (buffer.capacity() > kKeptCapacity) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

}  // namespace

bool NdjsonParser::next(std::string_view& line) {
  while (take(line)) {
    if (!is_blank(line)) return true;
  }
  return false;
}

bool NdjsonParser::take(std::string_view& line) {
  if (std::exchange(handed_out_, false)) clear(held_);
  if (too_large_ || input_.empty()) return false;
  const std::size_t end = std::min(input_.find('\n'), input_.size());
  const bool complete = end < input_.size();
  const auto piece = input_.substr(0, end);
  input_.remove_prefix(complete ? end + 1 : end);
  if (held_.size() + piece.size() > max_line_bytes_) {
    too_large_ = true;
    std::string().swap(held_);
    return false;
  }
  if (complete && held_.empty()) {
    line = piece;
    return true;
  }
  held_ += piece;
  line = held_;
  handed_out_ = complete;
  return complete;
}

bool NdjsonParser::finish(std::string_view& line) {
  if (std::exchange(handed_out_, false)) held_.clear();
  line = held_;
  return !too_large_ && !is_blank(held_);
}

}  // namespace aiw
