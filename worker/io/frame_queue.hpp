// The bytes of frames that wait for a descriptor to take them.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace aiw {

// Frames are appended to a tail, which becomes a block of its own once it is long: nothing is moved however much waits,
// and memory goes back while it is written. Written bytes are wiped.
class FrameQueue {
 public:
  // Append to it, then call frame_ended() at the end of each frame.
  [[nodiscard]] std::string& tail() { return tail_; }
  void frame_ended();
  // Appends whole frames, which become a block themselves if the tail has no room for them. Leaves `frames` empty; as
  // it is if it throws.
  void take(std::string& frames);
  // Takes back what was appended since the last frame's end.
  void drop_unfinished() { tail_.resize(whole_); }

  [[nodiscard]] std::size_t size() const { return blocks_bytes_ + tail_.size() - head_; }
  // What is to be written next; empty if nothing waits. Until the next call.
  [[nodiscard]] std::string_view front() const;
  // Remainder of a frame that is only partly written; empty at a frame boundary. Until the next call.
  [[nodiscard]] std::string_view partial_frame() const;
  // So many bytes of it were written.
  void pop(std::size_t count);
  void clear();

 private:
  void end_block();
  void empty_tail();

  std::deque<std::string> blocks_;  // whole frames, before the tail
  std::size_t blocks_bytes_ = 0;
  std::string tail_;
  std::string spare_;      // empty: the next tail
  std::size_t head_ = 0;   // written bytes of the first block, or of the tail if there is none
  std::size_t whole_ = 0;  // of the tail: frames end here
};

}  // namespace aiw
