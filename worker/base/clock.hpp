// Clock interface, so that policies can be tested with virtual time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace aiw {

using Instant = std::chrono::steady_clock::time_point;

// A pending call. Destroying it cancels the call.
class Timer {
 public:
  virtual ~Timer() = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  // Calls `action` once, on the loop thread, at `when` or soon after. Never calls it before this returns.
  virtual std::unique_ptr<Timer> call_at(Instant when, std::function<void()> action) = 0;
};

}  // namespace aiw
