// What OpenAI's models take, and xAI's, read off their names.
#pragma once

#include <string_view>

namespace aiw {

struct OpenAiModelRules {
  bool ours = false;                // one of OpenAI's own, which others only pass on
  bool reasons = false;             // keeps its reasoning in items that are to come back
  bool sampling = true;             // takes temperature and top_p as it is
  bool sampling_unthinking = true;  // takes them with reasoning effort "none"
};

// A vendor before the name ("openai/gpt-5", "openai.gpt-5") is passed over.
OpenAiModelRules openai_model_rules(std::string_view model);

}  // namespace aiw
