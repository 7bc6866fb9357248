#include "worker/providers/openai_chat/model.hpp"

#include <algorithm>
#include <array>

#include "worker/providers/codec/openai_models.hpp"

namespace aiw::openai_chat {
namespace {

// Models that reason, by name prefix. All refuse penalties and stop sequences.
struct ModelRule {
  std::string_view prefix;
  bool takes_sampling = false;
  bool by_default = true;  // reasons without a request for it
};
constexpr auto kReasoningModels = std::to_array<ModelRule>({{"o1"},
                                                            {"o3"},
                                                            {"o4"},
                                                            {"gpt-5"},
                                                            {"gpt-5.", false, false},
                                                            {"grok-4", true},
                                                            {"grok-4.", true},
                                                            {"grok-3-mini", true}});

bool is_of(std::string_view name, const ModelRule& rule) {
  if (!name.starts_with(rule.prefix)) return false;
  const auto rest = name.substr(rule.prefix.size());
  return rest.empty() || rest[0] == '-' || rule.prefix.ends_with('.');
}

// A gateway adds a vendor before the name.
std::string_view without_vendor(std::string_view model) { return model.substr(model.rfind('/') + 1); }

}  // namespace

SamplingRules sampling_rules(std::string_view model, const std::optional<Reasoning>& asked) {
  const auto name = without_vendor(model);
  const auto rules = openai_model_rules(model);
  // GPT-5, the o-series and Grok always think.
  const bool can_stop = rules.ours ? rules.sampling_unthinking : !name.starts_with("grok-");
  if (name.contains("chat") || (can_stop && asked && asked->effort.raw == "none")) return {};
  const auto* rule = std::ranges::find_if(kReasoningModels, [&](const ModelRule& one) { return is_of(name, one); });
  if (rule == kReasoningModels.end()) return {};
  const bool always = rule->by_default || name.contains("-pro") || name.contains("-codex");
  const bool thinks = always || (asked && !asked->effort.empty());
  return thinks ? SamplingRules{.sampling = rule->takes_sampling, .penalties = false} : SamplingRules{};
}

bool takes_effort(std::string_view model) {
  const auto rules = openai_model_rules(model);
  if (rules.ours) return rules.reasons;
  const auto name = without_vendor(model);
  return name != "grok-3" && name != "grok-4" && name != "grok-4-0709";
}

bool is_thinking_kimi(std::string_view model) {
  constexpr auto kFamilies = std::to_array<std::string_view>({"k2.5", "k2.6", "k2.7", "k2-thinking", "k3"});
  return std::ranges::any_of(kFamilies, [&](std::string_view family) { return model.contains(family); });
}

}  // namespace aiw::openai_chat
