// Token counts of one response, which a provider may report several times.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/usage.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// Returns the sum of two counts; nothing if either is missing or the sum overflows.
std::optional<std::int64_t> add_counts(std::optional<std::int64_t> a, std::optional<std::int64_t> b);

// Makes the counts of one report consistent: a part is never more than its whole. Some servers leave reasoning out of
// the output, or cache reads out of the input.
void include_parts(Usage& usage);

// Counts are cumulative, so a report never lowers them: some gateways end streams with zeros.
class UsageTally {
 public:
  // Reports the counts so far to `sink`, unless there are none.
  void add(Usage usage, StepSink& sink);

 private:
  Usage counts_;
};

}  // namespace aiw
