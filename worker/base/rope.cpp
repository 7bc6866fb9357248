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
  open_ = std::exchange(other.open_, nullptr);
  at_ = std::exchange(other.at_, nullptr);
  end_ = std::exchange(other.end_, nullptr);
  size_ = std::exchange(other.size_, 0);
  cursor_segment_ = std::exchange(other.cursor_segment_, 0);
  cursor_inner_ = std::exchange(other.cursor_inner_, 0);
  cursor_offset_ = std::exchange(other.cursor_offset_, 0);
  return *this;
}

// Fills the last block and goes on in the next.
void Rope::append_to_blocks(std::string_view text) {
  const auto left = static_cast<std::size_t>(end_ - at_);
  at_ = std::copy_n(text.data(), left, at_);
  text.remove_prefix(left);
  add_block(text.size());
  append(text);
}

void Rope::splice(std::string_view text) {
  if (text.size() < kWorthSplicing) return append(text);
  close_segment();
  segments_.push_back(text);
  size_ += text.size();
}

void Rope::share(std::shared_ptr<const Rope> other) {
  if (other->size() == 0) return;
  close_segment();
  segments_.emplace_back(nullptr, shared_.size());
  size_ += other->size();
  shared_.push_back(std::move(other));
}

void Rope::close_segment() {
  if (at_ == open_) return;
  segments_.emplace_back(open_, static_cast<std::size_t>(at_ - open_));
  size_ += segments_.back().size();
  open_ = at_;
}

void Rope::add_block(std::size_t at_least) {
  close_segment();
  const std::size_t usual = std::min(kFirstBlock << std::min<std::size_t>(blocks_.size(), 7), kLargestBlock);
  const std::size_t size = std::max(usual, at_least);
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
  open_ = at_ = blocks_.back().get();
  end_ = at_ + size;
}

const Rope* Rope::shared(std::size_t index) const {
  const bool is_shared = index < segments_.size() && segments_[index].data() == nullptr;
  return is_shared ? shared_[segments_[index].size()].get() : nullptr;
}

std::string_view Rope::piece(std::size_t index, std::size_t inner) const {
  const Rope* other = shared(index);
  return other == nullptr ? segment(index) : other->segment(inner);
}

std::size_t Rope::pieces_of(std::size_t index) const {
  const Rope* other = shared(index);
  return other == nullptr ? 1 : other->segment_count();
}

std::size_t Rope::read(std::size_t offset, char* out, std::size_t capacity) {
  if (offset < cursor_offset_) cursor_segment_ = cursor_inner_ = cursor_offset_ = 0;
  std::size_t copied = 0;
  while (cursor_segment_ < segment_count() && copied < capacity) {
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
  pieces.reserve(segment_count());
  for (std::size_t index = 0; index < segment_count(); ++index) {
    for (std::size_t inner = 0; inner < pieces_of(index); ++inner) pieces.push_back(piece(index, inner));
  }
  return pieces;
}

std::string Rope::str() const {
  std::string out;
  out.reserve(size());
  for (const auto piece : pieces()) out += piece;
  return out;
}

}  // namespace aiw
