#include "worker/providers/google/model.hpp"

#include <charconv>

namespace aiw::google {

Api vertex_api_of(std::string_view model) {
  const auto name = model.substr(model.rfind('/') + 1);
  return name.starts_with("claude") ? Api::vertex_anthropic : Api::vertex;
}

ModelRules model_rules(std::string_view model) {
  constexpr std::string_view kFamily = "gemini-";
  if (const auto slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
  ModelRules rules;
  if (!model.starts_with(kFamily)) {
    rules.thinks = !model.starts_with("gemma") && !model.starts_with("learnlm");
    return rules;
  }
  const auto version = model.substr(kFamily.size());
  int generation = 0;
  std::from_chars(version.data(), version.data() + version.size(), generation);
  // Names without a version ("gemini-flash-latest") mean the current models, which still accept budgets.
  const bool is_alias = generation == 0 && version.ends_with("-latest");
  const bool is_pro = version.contains("-pro");
  rules.thinks = generation == 0 || generation >= 3 || version.starts_with("2.5");
  rules.takes_levels = generation >= 3;
  rules.takes_minimal = !is_pro;
  rules.takes_medium = !version.starts_with("3-pro");
  rules.can_stop_thinking = !is_pro;
  rules.wants_signatures = generation >= 3 || is_alias;
  rules.media_in_results = generation >= 3;
  return rules;
}

}  // namespace aiw::google
