#include "worker/providers/anthropic_messages/model.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace aiw::anthropic_messages {
namespace {

// Newest version, as 100 * major + minor.
constexpr int kNewest = 9999;

}  // namespace

// "claude-opus-4-5-20251101" is 405, "claude-3-7-sonnet-latest" 307, Bedrock's "claude-v2:1" 201 (a later "v1" is the
// version of Bedrock's entry). Returns nothing for a model that is not a Claude.
std::optional<int> claude_version(std::string_view model) {
  constexpr std::string_view kName = "claude-";
  const auto at = model.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  model.remove_prefix(at + kName.size());
  int numbers[2] = {-1, 0};
  int found = 0;
  while (!model.empty() && found < 2) {
    auto token = model.substr(0, model.find_first_of("-.@:"));
    const std::size_t length = token.size();
    if (found == 0 && token.starts_with('v')) token.remove_prefix(1);
    int number = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
    const bool is_version = !token.empty() && token.size() <= 2 && error == std::errc() && end == token.end();
    if (is_version) numbers[found++] = number;
    model.remove_prefix(std::min(length + 1, model.size()));
  }
  return numbers[0] < 0 ? kNewest : 100 * numbers[0] + numbers[1];
}

ModelRules model_rules(std::string_view model) {
  ModelRules rules;
  const auto version = claude_version(model);
  if (!version) return rules;
  rules.adaptive_thinking = *version >= 406;
  rules.thinking_budget = *version <= 406;
  rules.sampling = *version <= 406;
  rules.both_sampling = *version < 405;
  rules.system_turns = *version >= 408;
  rules.structured_output = *version >= 401;
  if (*version < 307) rules.output_limit = *version < 305 ? 4096 : 8192;
  return rules;
}

std::int64_t thinking_budget_of_effort(std::string_view effort) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kBudgets = {{
      {"minimal", 1024},
      {"low", 4096},
      {"medium", 8192},
      {"high", 16'384},
  }};
  const auto* found = std::ranges::find(kBudgets, effort, &std::pair<std::string_view, std::int64_t>::first);
  return found == kBudgets.end() ? 32'768 : found->second;  // "xhigh", "max"
}

}  // namespace aiw::anthropic_messages
