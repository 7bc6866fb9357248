// Time as an interface, so that policy is tested on a virtual clock.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace aiw {

using Instant = std::chrono::steady_clock::time_point;

// A pending call; destroying it cancels the call.
class Timer {
 public:
  virtual ~Timer() = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  // Calls `action` once on the loop thread at `when` or soon after, never from within this call.
  virtual std::unique_ptr<Timer> call_at(Instant when, std::function<void()> action) = 0;
};

}  // namespace aiw
