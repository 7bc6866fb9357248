#include "worker/providers/codec/openai_models.hpp"

#include "protocol/ascii.hpp"

namespace aiw {
namespace {

// True if `name` is `family` itself or a member of it: "o3", "o3-mini", but not "o3x".
bool is_of(std::string_view name, std::string_view family) {
  return name.starts_with(family) && (name.size() == family.size() || !is_ascii_digit(name[family.size()]));
}

}  // namespace

// platform.openai.com/docs/guides/reasoning and .../latest-model: the o-series and GPT-5 refuse sampling parameters.
// From GPT-5.1 on they are accepted with effort "none", which is the default until GPT-5.4.
// docs.x.ai/docs/guides/reasoning: Grok 4 reasons, except for models whose names exclude it.
OpenAiModelRules openai_model_rules(std::string_view model) {
  auto name = model.substr(model.rfind('/') + 1);  // npos + 1 is 0
  if (name.starts_with("openai.")) name.remove_prefix(7);
  if (name.starts_with("grok-")) {
    const bool thinks = name.starts_with("grok-4") || name.starts_with("grok-3-mini");
    return {.reasons = thinks && !name.contains("non-reasoning")};
  }
  const bool o_series = name.size() >= 2 && name[0] == 'o' && is_ascii_digit(name[1]) && is_of(name, name.substr(0, 2));
  if (o_series || name.starts_with("codex-") || name.starts_with("computer-use-")) {
    return {.ours = true, .reasons = true, .sampling = false, .sampling_unthinking = false};
  }
  const bool ours = (name.starts_with("gpt-") && !name.starts_with("gpt-oss")) || name.starts_with("chatgpt-");
  if (!is_of(name, "gpt-5") || name.contains("-chat")) return {.ours = ours, .reasons = name.starts_with("gpt-oss")};
  const bool has_minor = name.size() > 6 && name[5] == '.' && is_ascii_digit(name[6]);
  return {.ours = true, .reasons = true, .sampling = has_minor && name[6] <= '4', .sampling_unthinking = has_minor};
}

}  // namespace aiw
