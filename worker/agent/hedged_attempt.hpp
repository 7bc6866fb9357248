// Two attempts at one step. The second starts if the first has no output for a while. The first one with output wins,
// and the connection of the other is closed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "worker/agent/attempt.hpp"

namespace aiw {

enum class Lane { first, second };

struct HedgeHandlers {
  // Starts the attempt of a lane. `observer` may receive warnings during the call. Error: the attempt cannot be
  // started.
  std::function<std::expected<std::unique_ptr<Attempt>, Error>(Lane lane, AttemptObserver& observer)> start;
  // Asks for permission to start the second attempt, when its time has come. If true, `start` is called next.
  std::function<bool()> may_start_second;
  // Called before the first event of the winning lane is passed on.
  std::function<void(Lane lane)> won;
  // Reports the usage of a lane that lost, or that failed while the other one ran. Called only if the lane reported
  // usage.
  std::function<void(Lane lane, const Usage& usage)> usage_discarded;
};

// The observer receives the events of one lane, as if it were the only one. If both fail, it receives the error of the
// first.
// Error: the first lane cannot be started.
std::expected<std::unique_ptr<Attempt>, Error> start_hedged_attempt(Clock& clock, std::chrono::milliseconds after,
                                                                    HedgeHandlers handlers, AttemptObserver& observer);

}  // namespace aiw
