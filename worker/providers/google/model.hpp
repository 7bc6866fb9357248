// Rules of Gemini's models, by model name.
#pragma once

#include <string_view>

#include "protocol/config.hpp"

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

// The API that serves a model of Vertex AI: vertex or vertex_anthropic.
Api vertex_api_of(std::string_view model);

// ai.google.dev/gemini-api/docs/thinking, .../thought-signatures and .../function-calling
ModelRules model_rules(std::string_view model);

}  // namespace aiw::google
