#include "worker/providers/bedrock/model.hpp"

#include <array>
#include <utility>

namespace aiw {

BedrockFamily bedrock_family(std::string_view model) {
  static constexpr std::array<std::pair<std::string_view, BedrockFamily>, 14> kVendors = {{
      {"anthropic.", BedrockFamily::claude},
      {"amazon.nova", BedrockFamily::nova},
      {"mistral.", BedrockFamily::mistral},
      {"cohere.", BedrockFamily::cohere},
      {"openai.gpt-oss", BedrockFamily::gpt_oss},
      {"amazon.titan", BedrockFamily::other},
      {"ai21.", BedrockFamily::other},
      {"deepseek.", BedrockFamily::other},
      {"google.", BedrockFamily::other},
      {"meta.", BedrockFamily::other},
      {"minimax.", BedrockFamily::other},
      {"nvidia.", BedrockFamily::other},
      {"qwen.", BedrockFamily::other},
      {"writer.", BedrockFamily::other},
  }};
  // A geography ("us.") or an ARN may stand before it.
  for (const auto& [vendor, family] : kVendors) {
    if (model.contains(vendor)) return family;
  }
  return BedrockFamily::unknown;
}

BedrockModelRules bedrock_model_rules(BedrockFamily family) {
  switch (family) {
    case BedrockFamily::unknown: return {};
    case BedrockFamily::claude: return {.top_k = "top_k"};
    case BedrockFamily::nova: return {.tool_cache_points = false, .top_k = {}};  // topK is in an object of its own
    case BedrockFamily::mistral:
      return {.cache_points = false, .tool_cache_points = false, .result_status = false, .top_k = "top_k"};
    case BedrockFamily::cohere:
      return {.cache_points = false,
              .tool_cache_points = false,
              .forced_tools = false,
              .result_status = false,
              .top_k = "k"};
    case BedrockFamily::gpt_oss:
    case BedrockFamily::other: break;
  }
  return {
      .cache_points = false, .tool_cache_points = false, .forced_tools = false, .result_status = false, .top_k = {}};
}

}  // namespace aiw
