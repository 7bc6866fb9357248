// The way out: whole frames into a bounded queue in front of stdout.
#pragma once

#include <cstddef>
#include <string>

namespace aiw {

// Loop thread only. Frames are written whole, in order, soon after the current event is handled.
class FrameOutput {
 public:
  virtual ~FrameOutput() = default;
  // The queue's tail: append one frame or more with their newlines, then call frame_appended(). Nothing else may touch
  // the string in between.
  virtual std::string& tail() = 0;
  virtual void frame_appended() = 0;
  // In place of appending to the tail: whole frames, however long, which need no memory of their size again. Leaves
  // `frames` empty; as it is if it throws.
  virtual void take(std::string& frames) {
    tail() += frames;
    frames.clear();
  }
  // Takes back what was appended since the last frame_appended(): its frame will never be whole.
  virtual void drop_unfinished() {}
  // Bytes that wait to be written.
  [[nodiscard]] virtual std::size_t pending() const = 0;
  // True from the time the reader lags (the queue passed its high-water mark) until it fell below the low one: chats
  // then hold their deltas back. Answers to lines are still accepted.
  [[nodiscard]] virtual bool congested() const = 0;
};

}  // namespace aiw
