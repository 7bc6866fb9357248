// Two tries at one step: the second begins if the first brings no output for a while, and the first that brings some
// wins. The other's connection is closed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "worker/agent/attempt.hpp"

namespace aiw {

enum class Lane { first, second };

struct HedgeHandlers {
  // Starts a lane's try; `observer` may hear warnings within the call. Error: it cannot be made.
  std::function<std::expected<std::unique_ptr<Attempt>, Error>(Lane lane, AttemptObserver& observer)> start;
  // Whether there may be a second try, asked when its time has come; what follows is its start.
  std::function<bool()> may_start_second;
  // Before the first event of the lane that won is passed on.
  std::function<void(Lane lane)> won;
  // What a lane had used when it failed beside the other, or lost. Only if it said so.
  std::function<void(Lane lane, const Usage& usage)> used_in_vain;
};

// The observer hears one lane's events, as if there were no other; if both fail, the first one's failure.
// Error: the first lane's.
std::expected<std::unique_ptr<Attempt>, Error> start_hedged_attempt(Clock& clock, std::chrono::milliseconds after,
                                                                    HedgeHandlers handlers, AttemptObserver& observer);

}  // namespace aiw
