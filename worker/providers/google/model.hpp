// Rules of Gemini's models, by model name.
#pragma once

#include <string_view>

namespace aiw::google {

struct ModelRules {
  bool thinks = true;             // accepts a thinkingConfig
  bool takes_levels = false;      // Gemini 3: thinkingLevel instead of a budget
  bool takes_minimal = false;     // accepts MINIMAL, a level below LOW
  bool takes_medium = false;      // accepts MEDIUM, a level between LOW and HIGH
  bool can_stop_thinking = true;  // accepts a budget of 0
  bool wants_signatures = false;  // refuses function calls without a thoughtSignature
  bool media_in_results = false;  // accepts functionResponse.parts
};

// ai.google.dev/gemini-api/docs/thinking, .../thought-signatures and .../function-calling
ModelRules model_rules(std::string_view model);

}  // namespace aiw::google
