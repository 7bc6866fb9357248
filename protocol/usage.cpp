#include "protocol/usage.hpp"

#include <algorithm>
#include <limits>

namespace aiw {
namespace {

void add_count(std::optional<std::int64_t>& into, const std::optional<std::int64_t>& more) {
  if (!more) return;
  std::int64_t sum = 0;
  if (__builtin_add_overflow(into.value_or(0), *more, &sum)) sum = std::numeric_limits<std::int64_t>::max();
  into = sum;
}

}  // namespace

void Usage::add(const Usage& other) {
  add_count(input_tokens, other.input_tokens);
  add_count(output_tokens, other.output_tokens);
  add_count(total_tokens, other.total_tokens);
  add_count(cached_input_tokens, other.cached_input_tokens);
  add_count(cache_write_tokens, other.cache_write_tokens);
  add_count(reasoning_tokens, other.reasoning_tokens);
  if (other.cost) cost = cost.value_or(0) + *other.cost;
  accuracy = std::max(accuracy, other.accuracy);
}

std::string_view to_string(UsageAccuracy accuracy) {
  switch (accuracy) {
    case UsageAccuracy::exact: return "exact";
    case UsageAccuracy::last_seen: return "last_seen";
    case UsageAccuracy::estimated: break;
  }
  return "estimated";
}

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::tool_calls: return "tool_calls";
    case FinishReason::content_filter: return "content_filter";
    case FinishReason::refusal: return "refusal";
    case FinishReason::max_steps: return "max_steps";
    case FinishReason::cancelled: return "cancelled";
    case FinishReason::other: break;
  }
  return "other";
}

}  // namespace aiw
