#include "worker/io/frame_queue.hpp"

#include <utility>

#include "worker/base/memory_account.hpp"
#include "worker/secrets/wipe.hpp"

namespace aiw {
namespace {

// A tail that doubles below this size still fits into the memory reserved for out-of-memory shutdown.
constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
constexpr std::size_t kKeptCapacity = std::size_t{1} << 20;  // larger capacity comes from a burst and is released

// Clears `text`. Keeps its memory unless a burst made it large.
void forget(std::string& text) {
  if (text.capacity() > kKeptCapacity) {
    text = std::string();  // `delete` wipes the memory
  } else {
    wipe(text.data(), text.size());
    text.clear();
  }
}

}  // namespace

void FrameQueue::frame_ended() {
  whole_ = tail_.size();
  if (whole_ >= kBlockBytes) end_block();
}

void FrameQueue::take(std::string& frames) {
  const std::size_t size = frames.size();
  if (size <= tail_.capacity() - tail_.size()) {
    tail_ += frames;
    frames.clear();
    whole_ = tail_.size();
    return;
  }
  if (!tail_.empty()) end_block();
  blocks_.emplace_back().swap(frames);
  blocks_bytes_ += size;
}

void FrameQueue::end_block() {
  const std::size_t filled = tail_.capacity();
  blocks_.push_back(std::move(tail_));  // if this throws, the tail stays in use
  tail_ = std::exchange(spare_, {});
  // A finished block no longer counts towards its chat's memory.
  MemoryAccount::hand_over(static_cast<std::ptrdiff_t>(filled) - static_cast<std::ptrdiff_t>(tail_.capacity()));
  blocks_bytes_ += std::exchange(whole_, 0);
}

std::string_view FrameQueue::front() const {
  return std::string_view(blocks_.empty() ? tail_ : blocks_.front()).substr(head_);
}

std::string_view FrameQueue::partial_frame() const {
  if (head_ == 0) return {};
  const std::string& first = blocks_.empty() ? tail_ : blocks_.front();
  if (first[head_ - 1] == '\n') return {};
  return front().substr(0, first.find('\n', head_) + 1 - head_);
}

void FrameQueue::pop(std::size_t count) {
  head_ += count;
  if (blocks_.empty()) {
    if (head_ == tail_.size()) empty_tail();
  } else if (head_ == blocks_.front().size()) {
    blocks_bytes_ -= std::exchange(head_, 0);
    std::string block = std::move(blocks_.front());
    blocks_.pop_front();
    forget(block);
    spare_ = std::move(block);
  }
}

void FrameQueue::clear() {
  blocks_.clear();
  blocks_bytes_ = 0;
  empty_tail();
}

void FrameQueue::empty_tail() {
  forget(tail_);
  head_ = whole_ = 0;
}

}  // namespace aiw
