// Frames to a descriptor, never torn, never blocking the loop, without changing the descriptor's flags.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "worker/base/frame_output.hpp"
#include "worker/io/loop.hpp"

namespace aiw {

struct StdoutOptions {
  std::size_t high_water = std::size_t{256} << 10;   // bytes queued at which congested() begins
  std::size_t low_water = std::size_t{64} << 10;     // and at which it ends
  std::chrono::milliseconds stall_timeout{300'000};  // no byte accepted for so long: on_broken; 0: never
};

// Called on the loop thread; they must not destroy the writer.
struct StdoutHandlers {
  std::function<void()> on_relieved;         // congested() became false
  std::function<void(int error)> on_broken;  // once: errno of the write, EPIPE if the reader closed (seen
                                             // without a write), ETIMEDOUT for a stall. Later frames are dropped
  // While congested() goes on: so many bytes were written since the last call.
  std::function<void(std::size_t bytes)> on_progress = [](std::size_t) {};
};

class StdoutWriter : public FrameOutput {
 public:
  StdoutWriter(Loop& loop, int fd, const StdoutOptions& options, StdoutHandlers handlers);
  // Writes what the reader takes at once. Finishes a partly written frame as long as the reader takes some of it every
  // second.
  ~StdoutWriter() override;
  StdoutWriter(const StdoutWriter&) = delete;
  StdoutWriter& operator=(const StdoutWriter&) = delete;

  std::string& tail() override;
  void frame_appended() override;
  void take(std::string& frames) override;
  void drop_unfinished() override;
  [[nodiscard]] std::size_t pending() const override;
  [[nodiscard]] bool congested() const override;
  // Calls `done` when nothing is pending any more, or when the descriptor is broken.
  void when_drained(std::function<void()> done);
  // Writes what is pending before it returns, for an end without the loop. Gives up once the reader has taken nothing
  // for `patience`: a slow reader gets everything.
  void write_out(std::chrono::milliseconds patience) noexcept;
  // Time of the last write of which the reader took any bytes; the beginning if there was none.
  [[nodiscard]] Instant last_progress() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw
