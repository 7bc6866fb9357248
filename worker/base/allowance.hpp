// How often something may happen: so many times a second in the long run, and a burst more after a pause.
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

  // False: nothing is left.
  bool take(Instant now) {
    if (spent(now)) return false;
    spend(now, 1);
    return true;
  }
  // For what has happened already; more than is left is owed.
  void spend(Instant now, std::size_t count) { full_at_ = std::max(full_at_, now) + each_ * count; }
  [[nodiscard]] bool spent(Instant now) const { return now < ready_at(); }
  // Until then nothing is left.
  [[nodiscard]] Instant ready_at() const { return full_at_ - burst_ + each_; }

 private:
  const Instant::duration each_;
  const Instant::duration burst_;
  Instant full_at_;  // when the whole burst is there again
};

}  // namespace aiw
