// Options that Claude models of different versions accept, by model name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aiw::anthropic_messages {

// From the API's model overview and migration guides. Other models than Claude (other providers support this API too)
// and versions before 4.6 think with a token budget. From 4.7 on, budgets and sampling options are refused.
struct ModelRules {
  bool adaptive_thinking = false;      // thinking {type: adaptive} and output_config.effort
  bool thinking_budget = true;         // thinking {type: enabled, budget_tokens}
  bool sampling = true;                // temperature, top_p
  bool both_sampling = true;           // temperature and top_p in one request
  bool system_turns = false;           // system messages after a user turn
  bool structured_output = false;      // output_config.format, and strict tools
  std::int64_t output_limit = 32'000;  // default for max_tokens if the model's own limit is unknown
};

// Returns 100 * major + minor. A Claude without numbers counts as the newest. Nothing for other models.
std::optional<int> claude_version(std::string_view model);

ModelRules model_rules(std::string_view model);

// Returns the thinking budget in tokens for an effort, for models without efforts.
std::int64_t thinking_budget_of_effort(std::string_view effort);
inline constexpr std::int64_t kMinThinkingBudget = 1024;  // the API's minimum

}  // namespace aiw::anthropic_messages
