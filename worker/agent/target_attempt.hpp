// One try at one step with any target: the mock's, one whose key is a token that must be fetched first, or a plain one.
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
  std::shared_ptr<const void> memory;  // owns what the request's body refers to
  bool tell_notes = true;              // what building the request changed is told as warnings
};

// Everything that `input` refers to, the services and `observer` outlive the attempt; `observer` may hear warnings
// within this call, but no more. Error: the request cannot be made.
std::expected<std::unique_ptr<Attempt>, Error> start_target_attempt(const TargetAttemptServices& services,
                                                                    const TargetAttemptInput& input,
                                                                    AttemptObserver& observer);

}  // namespace aiw
