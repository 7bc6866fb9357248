// Token counts by one definition for every provider.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aiw {

enum class UsageAccuracy { exact, last_seen, estimated };

// Input includes cache reads and writes, output includes reasoning; absent where the wire has none.
struct Usage {
  std::optional<std::int64_t> input_tokens{};
  std::optional<std::int64_t> output_tokens{};
  std::optional<std::int64_t> total_tokens{};
  std::optional<std::int64_t> cached_input_tokens{};
  std::optional<std::int64_t> cache_write_tokens{};
  std::optional<std::int64_t> reasoning_tokens{};
  std::optional<double> cost{};  // by the config's prices, else as the wire says
  UsageAccuracy accuracy = UsageAccuracy::exact;

  // Adds another step's counts; a count is absent only if it is absent in both, and stays at the largest if the sum
  // does not fit. The less accurate word wins.
  void add(const Usage& other);
  [[nodiscard]] bool empty() const { return !input_tokens && !output_tokens && !total_tokens; }
};

enum class FinishReason { stop, length, tool_calls, content_filter, refusal, max_steps, cancelled, other };

std::string_view to_string(UsageAccuracy accuracy);
std::string_view to_string(FinishReason reason);

}  // namespace aiw
