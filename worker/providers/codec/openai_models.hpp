// Options that the models of OpenAI and xAI accept, by model name.
#pragma once

#include <string_view>

namespace aiw {

struct OpenAiModelRules {
  bool ours = false;                // a model of OpenAI's own, which others only pass on
  bool reasons = false;             // keeps its reasoning in items that must be sent back
  bool sampling = true;             // accepts temperature and top_p with its default effort
  bool sampling_unthinking = true;  // accepts them with reasoning effort "none"
};

// Ignores a vendor before the name ("openai/gpt-5", "openai.gpt-5").
OpenAiModelRules openai_model_rules(std::string_view model);

}  // namespace aiw
