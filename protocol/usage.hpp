// Token counts, defined identically for every provider.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aiw {

enum class UsageAccuracy { exact, last_seen, estimated };

// Input includes cache reads and writes; output includes reasoning. A count is absent if the wire API does not report
// it.
struct Usage {
  std::optional<std::int64_t> input_tokens{};
  std::optional<std::int64_t> output_tokens{};
  std::optional<std::int64_t> total_tokens{};
  std::optional<std::int64_t> cached_input_tokens{};
  std::optional<std::int64_t> cache_write_tokens{};
  std::optional<std::int64_t> reasoning_tokens{};
  std::optional<double> cost{};  // from the prices in the config, else as reported by the provider
  UsageAccuracy accuracy = UsageAccuracy::exact;

  // Adds the counts of another step. A count is absent only if it is absent in both. An overflowing sum saturates at
  // the maximum. The less accurate `accuracy` is kept.
  void add(const Usage& other);
  [[nodiscard]] bool empty() const { return !input_tokens && !output_tokens && !total_tokens; }
};

enum class FinishReason { stop, length, tool_calls, content_filter, refusal, max_steps, cancelled, other };

std::string_view to_string(UsageAccuracy accuracy);
std::string_view to_string(FinishReason reason);

}  // namespace aiw
