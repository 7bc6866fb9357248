// Token counts of one answer as a provider repeats them.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/usage.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// The sum of two counts; nothing if either is missing or the sum does not fit.
std::optional<std::int64_t> add_counts(std::optional<std::int64_t> a, std::optional<std::int64_t> b);

// Brings one report's counts together: a part is never more than its whole. Some servers leave reasoning out of the
// output, or cache reads out of the input.
void include_parts(Usage& usage);

// Counts are cumulative, so a report never lowers them: gateways end streams with zeros.
class UsageTally {
 public:
  // Reports the counts so far to `sink`, unless there are none.
  void add(Usage usage, StepSink& sink);

 private:
  Usage counts_;
};

}  // namespace aiw
