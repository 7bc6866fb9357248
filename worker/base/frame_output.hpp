// Interface for output: whole frames go to a bounded queue before stdout.
#pragma once

#include <cstddef>
#include <string>

namespace aiw {

// Loop thread only. Frames are written whole, in order, soon after the current event is handled.
class FrameOutput {
 public:
  virtual ~FrameOutput() = default;
  // Tail of the queue. Append one or more frames with their newlines, then call frame_appended(). Nothing else may
  // change the string in between.
  virtual std::string& tail() = 0;
  virtual void frame_appended() = 0;
  // Alternative to appending to the tail: takes whole frames of any length without a second copy in memory. Leaves
  // `frames` empty, or unchanged if it throws.
  virtual void take(std::string& frames) {
    tail() += frames;
    frames.clear();
  }
  // Removes the bytes appended since the last frame_appended(), whose frame will never be complete.
  virtual void drop_unfinished() {}
  // Returns the number of bytes that wait to be written.
  [[nodiscard]] virtual std::size_t pending() const = 0;
  // True from when the queue passes its high-water mark (slow reader) until it falls below the low-water mark.
  // Meanwhile chats hold back their deltas. Responses to request lines are still accepted.
  [[nodiscard]] virtual bool congested() const = 0;
};

}  // namespace aiw
