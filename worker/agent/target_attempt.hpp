// One attempt at one step with any target: the mock, a target whose access token must be fetched first, or a plain one.
#pragma once

#include <expected>
#include <memory>

#include "worker/agent/attempt.hpp"
#include "worker/agent/token_cache.hpp"

namespace aiw {

struct TargetAttemptServices {
  AttemptServices attempt;
  TokenCache& tokens;
};

struct TargetAttemptInput {
  StepInput step;
  std::shared_ptr<const void> memory;  // owns the bytes that the request body refers to
  bool send_notes = true;              // report changes made while building the request as warnings
};

// The services, `observer` and everything that `input` refers to must outlive the attempt. `observer` may receive
// warnings during this call, but no other event. Error: the request cannot be built.
std::expected<std::unique_ptr<Attempt>, Error> start_target_attempt(const TargetAttemptServices& services,
                                                                    const TargetAttemptInput& input,
                                                                    AttemptObserver& observer);

}  // namespace aiw
