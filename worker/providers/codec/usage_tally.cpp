#include "worker/providers/codec/usage_tally.hpp"

#include <algorithm>

namespace aiw {
namespace {

void raise(std::optional<std::int64_t>& count, const std::optional<std::int64_t>& other) {
  if (other && (!count || *other > *count)) count = other;
}

}  // namespace

std::optional<std::int64_t> add_counts(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  std::int64_t sum = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
  return sum;
}

void include_parts(Usage& usage) {
  // A part that is larger than its whole was not counted in it.
  if (usage.input_tokens && usage.cached_input_tokens > usage.input_tokens) {
    usage.input_tokens = add_counts(usage.input_tokens, usage.cached_input_tokens).value_or(*usage.cached_input_tokens);
  }
  // The provider's own total gives the true output count.
  if (usage.output_tokens && usage.reasoning_tokens > usage.output_tokens) {
    std::optional<std::int64_t> output = add_counts(usage.output_tokens, usage.reasoning_tokens);
    if (usage.total_tokens && usage.input_tokens && *usage.total_tokens >= *usage.input_tokens) {
      const std::int64_t rest = *usage.total_tokens - *usage.input_tokens;
      if (rest >= *usage.reasoning_tokens) output = rest;
    }
    usage.output_tokens = output.value_or(*usage.reasoning_tokens);
  }
  if (usage.total_tokens) raise(usage.total_tokens, add_counts(usage.input_tokens, usage.output_tokens));
}

void UsageTally::add(Usage usage, StepSink& sink) {
  if (usage.empty()) return;
  raise(usage.input_tokens, counts_.input_tokens);
  raise(usage.output_tokens, counts_.output_tokens);
  raise(usage.total_tokens, counts_.total_tokens);
  raise(usage.cached_input_tokens, counts_.cached_input_tokens);
  raise(usage.cache_write_tokens, counts_.cache_write_tokens);
  raise(usage.reasoning_tokens, counts_.reasoning_tokens);
  if (counts_.cost) usage.cost = std::max(usage.cost.value_or(0), *counts_.cost);
  include_parts(usage);
  counts_ = usage;
  sink.usage(usage);
}

}  // namespace aiw
