// What models that are served under OpenAI's Chat Completions API take, read off their names.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/chat.hpp"

namespace aiw::openai_chat {

struct SamplingRules {
  bool sampling = true;   // temperature, topP, logprobs
  bool penalties = true;  // and stop sequences
};

// `asked`: models that think only when they are asked to take everything otherwise.
SamplingRules sampling_rules(std::string_view model, const std::optional<Reasoning>& asked);
// False for models that refuse reasoning_effort: OpenAI's that do not think, and xAI's that always think alike.
bool takes_effort(std::string_view model);
// True for Moonshot's models that think unless they are told not to.
bool is_thinking_kimi(std::string_view model);

}  // namespace aiw::openai_chat
