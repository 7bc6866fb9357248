// What models of the Responses API take, read off their names.
#pragma once

#include <string_view>

namespace aiw {

struct OpenAiModelRules {
  bool reasons = false;             // keeps its reasoning in items that are to come back
  bool sampling = true;             // takes temperature and top_p as it is
  bool sampling_unthinking = true;  // takes them with reasoning effort "none"
};

// A vendor before the name ("openai/gpt-5", "openai.gpt-5") is passed over.
OpenAiModelRules openai_model_rules(std::string_view model);

}  // namespace aiw
