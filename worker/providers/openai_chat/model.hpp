// Options that models under OpenAI's Chat Completions API accept, by model name.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/chat.hpp"

namespace aiw::openai_chat {

struct SamplingRules {
  bool sampling = true;   // temperature, topP, logprobs
  bool penalties = true;  // penalties and stop sequences
};

// `asked` is the reasoning that the chat requests. Models that think only on request accept all options otherwise.
SamplingRules sampling_rules(std::string_view model, const std::optional<Reasoning>& asked);
// False for models that refuse reasoning_effort: OpenAI's that do not think, and xAI's with a fixed effort.
bool takes_effort(std::string_view model);
// True for Moonshot's models that think by default.
bool is_thinking_kimi(std::string_view model);

}  // namespace aiw::openai_chat
