#include "worker/base/rope.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace aiw {
namespace {

// Minimum length for a reference. It costs its own list entry, and one for the copied text that follows it.
constexpr std::size_t kWorthSplicing = 64;
constexpr std::size_t kFirstBlock = 512;
constexpr std::size_t kLargestBlock = std::size_t{64} << 10;

}  // namespace

Rope& Rope::operator=(Rope&& other) noexcept {
  segments_ = std::exchange(other.segments_, {});
  blocks_ = std::exchange(other.blocks_, {});
  shared_ = std::exchange(other.shared_, {});
  block_at_ = std::exchange(other.block_at_, nullptr);
  block_left_ = std::exchange(other.block_left_, 0);
  copies_last_ = std::exchange(other.copies_last_, false);
  size_ = std::exchange(other.size_, 0);
  cursor_segment_ = std::exchange(other.cursor_segment_, 0);
  cursor_inner_ = std::exchange(other.cursor_inner_, 0);
  cursor_offset_ = std::exchange(other.cursor_offset_, 0);
  return *this;
}

void Rope::append_slowly(std::string_view text) {
  while (!text.empty()) {
    if (block_left_ == 0) add_block(text.size());
    if (!copies_last_) segments_.emplace_back(block_at_, 0);
    copies_last_ = true;
    const std::size_t take = std::min(block_left_, text.size());
    append(text.substr(0, take));
    text.remove_prefix(take);
  }
}

void Rope::splice(std::string_view text) {
  if (text.size() < kWorthSplicing) return append(text);
  segments_.push_back(text);
  copies_last_ = false;
  size_ += text.size();
}

void Rope::share(std::shared_ptr<const Rope> other) {
  if (other->size() == 0) return;
  segments_.emplace_back(nullptr, shared_.size());
  copies_last_ = false;
  size_ += other->size();
  shared_.push_back(std::move(other));
}

void Rope::add_block(std::size_t at_least) {
  const std::size_t usual = std::min(kFirstBlock << std::min<std::size_t>(blocks_.size(), 7), kLargestBlock);
  block_left_ = std::max(usual, at_least);
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_left_));
  block_at_ = blocks_.back().get();
  copies_last_ = false;
}

const Rope* Rope::shared(std::size_t segment) const {
  const Segment& at = segments_[segment];
  return at.data() == nullptr ? shared_[at.size()].get() : nullptr;
}

std::string_view Rope::piece(std::size_t segment, std::size_t inner) const {
  const Rope* other = shared(segment);
  return other == nullptr ? segments_[segment] : other->segments_[inner];
}

std::size_t Rope::pieces_of(std::size_t segment) const {
  const Rope* other = shared(segment);
  return other == nullptr ? 1 : other->segments_.size();
}

std::size_t Rope::read(std::size_t offset, char* out, std::size_t capacity) {
  if (offset < cursor_offset_) cursor_segment_ = cursor_inner_ = cursor_offset_ = 0;
  std::size_t copied = 0;
  while (cursor_segment_ < segments_.size() && copied < capacity) {
    const auto current = piece(cursor_segment_, cursor_inner_);
    const std::size_t skip = offset + copied - cursor_offset_;
    if (skip >= current.size()) {
      cursor_offset_ += current.size();
      if (++cursor_inner_ < pieces_of(cursor_segment_)) continue;
      cursor_inner_ = 0;
      ++cursor_segment_;
      continue;
    }
    const std::size_t take = std::min(current.size() - skip, capacity - copied);
    std::memcpy(out + copied, current.data() + skip, take);
    copied += take;
  }
  return copied;
}

std::vector<std::string_view> Rope::pieces() const {
  std::vector<std::string_view> pieces;
  pieces.reserve(segments_.size());
  for (std::size_t segment = 0; segment < segments_.size(); ++segment) {
    for (std::size_t inner = 0; inner < pieces_of(segment); ++inner) pieces.push_back(piece(segment, inner));
  }
  return pieces;
}

std::string Rope::str() const {
  std::string out;
  out.reserve(size_);
  for (const auto piece : pieces()) out += piece;
  return out;
}

}  // namespace aiw
