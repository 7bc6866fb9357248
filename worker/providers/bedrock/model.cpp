#include "worker/providers/bedrock/model.hpp"

#include <array>
#include <utility>

namespace aiw::bedrock {

Family family_of(std::string_view model) {
  static constexpr std::array<std::pair<std::string_view, Family>, 14> kVendors = {{
      {"anthropic.", Family::claude},
      {"amazon.nova", Family::nova},
      {"mistral.", Family::mistral},
      {"cohere.", Family::cohere},
      {"openai.gpt-oss", Family::gpt_oss},
      {"amazon.titan", Family::other},
      {"ai21.", Family::other},
      {"deepseek.", Family::other},
      {"google.", Family::other},
      {"meta.", Family::other},
      {"minimax.", Family::other},
      {"nvidia.", Family::other},
      {"qwen.", Family::other},
      {"writer.", Family::other},
  }};
  // A geography ("us.") or an ARN may come before the vendor.
  for (const auto& [vendor, family] : kVendors) {
    if (model.contains(vendor)) return family;
  }
  return Family::unknown;
}

ModelRules model_rules(Family family) {
  if (family == Family::unknown) return {};
  const bool is_claude = family == Family::claude;
  const bool is_mistral = family == Family::mistral;
  const bool is_claude_or_nova = is_claude || family == Family::nova;
  return {.cache_points = is_claude_or_nova,
          .tool_cache_points = is_claude,
          .forced_tools = is_claude_or_nova || is_mistral,
          .result_status = is_claude_or_nova,
          .top_k = is_claude || is_mistral    ? "top_k"
                   : family == Family::cohere ? "k"
                                              : ""};
}

}  // namespace aiw::bedrock
