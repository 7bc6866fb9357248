// Writes frames to a descriptor. Frames stay whole, the loop never blocks, and the descriptor's flags do not change.
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
  std::size_t high_water = std::size_t{256} << 10;   // queued bytes at which congested() becomes true
  std::size_t low_water = std::size_t{64} << 10;     // queued bytes below which congested() becomes false
  std::chrono::milliseconds stall_timeout{300'000};  // limit without an accepted byte, then on_broken; 0: none
};

// Called on the loop thread. Handlers must not destroy the writer.
struct StdoutHandlers {
  std::function<void()> on_relieved;  // congested() became false
  // Called once with the errno: that of the write, EPIPE if the reader closed (detected without a write), or ETIMEDOUT
  // for a stall. Later frames are dropped.
  std::function<void(int error)> on_broken;
  // Called while congested() is true: bytes written since the last call.
  std::function<void(std::size_t bytes)> on_progress = [](std::size_t) {};
};

class StdoutWriter : public FrameOutput {
 public:
  StdoutWriter(Loop& loop, int fd, const StdoutOptions& options, StdoutHandlers handlers);
  // Writes as much as the reader accepts at once. Then completes a partly written frame, as long as the reader accepts
  // some bytes every second.
  ~StdoutWriter() override;
  StdoutWriter(const StdoutWriter&) = delete;
  StdoutWriter& operator=(const StdoutWriter&) = delete;

  std::string& tail() override;
  void frame_appended() override;
  void take(std::string& frames) override;
  void drop_unfinished() override;
  [[nodiscard]] std::size_t pending() const override;
  [[nodiscard]] bool congested() const override;
  // Calls `done` when nothing is pending, or when the descriptor is broken.
  void when_drained(std::function<void()> done);
  // Writes all pending bytes before it returns; for shutdown without the loop. Stops when the reader has accepted
  // nothing for `patience`, so a slow reader still receives everything.
  void write_out(std::chrono::milliseconds patience) noexcept;
  // Time of the last write that the reader accepted bytes of; default value if there was none.
  [[nodiscard]] Instant last_progress() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw
