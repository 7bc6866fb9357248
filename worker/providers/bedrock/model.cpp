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
  // A geography ("us.") or an ARN may stand before it.
  for (const auto& [vendor, family] : kVendors) {
    if (model.contains(vendor)) return family;
  }
  return Family::unknown;
}

ModelRules model_rules(Family family) {
  switch (family) {
    case Family::unknown: return {};
    case Family::claude: return {.top_k = "top_k"};
    case Family::nova: return {.tool_cache_points = false, .top_k = {}};  // topK is in an object of its own
    case Family::mistral:
      return {.cache_points = false, .tool_cache_points = false, .result_status = false, .top_k = "top_k"};
    case Family::cohere:
      return {.cache_points = false,
              .tool_cache_points = false,
              .forced_tools = false,
              .result_status = false,
              .top_k = "k"};
    case Family::gpt_oss:
    case Family::other: break;
  }
  return {
      .cache_points = false, .tool_cache_points = false, .forced_tools = false, .result_status = false, .top_k = {}};
}

}  // namespace aiw::bedrock
