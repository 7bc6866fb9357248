// Rules of Gemini's models, read off their names.
#pragma once

#include <string_view>

namespace aiw::google {

struct ModelRules {
  bool thinks = true;             // takes a thinkingConfig
  bool takes_levels = false;      // Gemini 3: thinkingLevel instead of a budget
  bool takes_minimal = false;     // thinks less than at LOW
  bool takes_medium = false;      // between LOW and HIGH
  bool can_stop_thinking = true;  // takes a budget of 0
  bool wants_signatures = false;  // refuses function calls without a thoughtSignature
  bool media_in_results = false;  // takes functionResponse.parts
};

// ai.google.dev/gemini-api/docs/thinking, .../thought-signatures and .../function-calling
ModelRules model_rules(std::string_view model);

}  // namespace aiw::google
