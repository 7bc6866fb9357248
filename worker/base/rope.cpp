#include "worker/base/rope.hpp"

#include <algorithm>
#include <cstring>

namespace aiw {
namespace {

constexpr std::size_t kWorthSplicing = 256;

}  // namespace

void Rope::append(std::string_view text) {
  if (text.empty()) return;
  if (segments_.empty() || segments_.back().view.data() != nullptr) segments_.push_back({{}, owned_.size(), 0});
  segments_.back().length += text.size();
  owned_ += text;
  size_ += text.size();
}

void Rope::splice(std::string_view text) {
  if (text.size() < kWorthSplicing) return append(text);
  segments_.push_back({text, 0, text.size()});
  size_ += text.size();
}

std::string_view Rope::bytes(const Segment& segment) const {
  if (segment.view.data() != nullptr) return segment.view;
  return std::string_view(owned_).substr(segment.owned_at, segment.length);
}

std::size_t Rope::read(std::size_t offset, char* out, std::size_t capacity) {
  if (offset < cursor_offset_) cursor_segment_ = cursor_offset_ = 0;
  std::size_t copied = 0;
  while (cursor_segment_ < segments_.size() && copied < capacity) {
    const auto segment = bytes(segments_[cursor_segment_]);
    const std::size_t skip = offset + copied - cursor_offset_;
    if (skip >= segment.size()) {
      cursor_offset_ += segment.size();
      ++cursor_segment_;
      continue;
    }
    const std::size_t take = std::min(segment.size() - skip, capacity - copied);
    std::memcpy(out + copied, segment.data() + skip, take);
    copied += take;
  }
  return copied;
}

std::vector<std::string_view> Rope::pieces() const {
  std::vector<std::string_view> pieces;
  pieces.reserve(segments_.size());
  for (const auto& segment : segments_) pieces.push_back(bytes(segment));
  return pieces;
}

std::string Rope::str() const {
  std::string out;
  out.reserve(size_);
  for (const auto& segment : segments_) out += bytes(segment);
  return out;
}

}  // namespace aiw
