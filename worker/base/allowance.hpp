// Rate limit: a number of events per second in the long run, plus a burst after a pause.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "worker/base/clock.hpp"

namespace aiw {

class Allowance {
 public:
  Allowance(Instant now, std::size_t per_second, std::size_t burst)
      : each_(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second), burst_(each_ * burst), full_at_(now) {}

  // Uses one event. Returns false if none is left.
  bool take(Instant now) {
    if (spent(now)) return false;
    spend(now, 1);
    return true;
  }
  // Records events that have already happened. More than is left becomes a debt.
  void spend(Instant now, std::size_t count) { full_at_ = std::max(full_at_, now) + each_ * count; }
  [[nodiscard]] bool spent(Instant now) const { return now < ready_at(); }
  // Time at which the next event is allowed.
  [[nodiscard]] Instant ready_at() const { return full_at_ - burst_ + each_; }

 private:
  const Instant::duration each_;
  const Instant::duration burst_;
  Instant full_at_;  // time at which the whole burst is available again
};

}  // namespace aiw
