// Queue of frames waiting to be written to a descriptor.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace aiw {

// Frames are appended to a tail, which becomes a separate block once it is long. No bytes are moved, however many wait,
// and memory is released while the queue is written. Written bytes are wiped.
class FrameQueue {
 public:
  // Buffer for appending a frame. Call frame_ended() at the end of each frame.
  [[nodiscard]] std::string& tail() { return tail_; }
  void frame_ended();
  // Appends whole frames. They become a separate block if the tail has no space for them. Leaves `frames` empty, or
  // unchanged if it throws.
  void take(std::string& frames);
  // Removes the bytes appended since the end of the last frame.
  void drop_unfinished() { tail_.resize(whole_); }

  [[nodiscard]] std::size_t size() const { return blocks_bytes_ + tail_.size() - head_; }
  // Bytes to write next; empty if nothing waits. Valid until the next call.
  [[nodiscard]] std::string_view front() const;
  // Rest of a partly written frame; empty at a frame boundary. Valid until the next call.
  [[nodiscard]] std::string_view partial_frame() const;
  // Removes `count` written bytes from front().
  void pop(std::size_t count);
  void clear();

 private:
  void end_block();
  void empty_tail();

  std::deque<std::string> blocks_;  // whole frames, before the tail
  std::size_t blocks_bytes_ = 0;
  std::string tail_;
  std::string spare_;      // empty buffer with capacity for the next tail
  std::size_t head_ = 0;   // written bytes of the first block, or of the tail if there is no block
  std::size_t whole_ = 0;  // end of the last whole frame in the tail
};

}  // namespace aiw
