// OpenAI's log probabilities, which Chat Completions and Responses write in the same shape.
#pragma once

#include <string>

#include "worker/providers/event_json.hpp"

namespace aiw {

// `tokens`, an array of {token, logprob, top_logprobs}, as StepSink::logprobs wants it; empty: there are none.
std::string read_openai_logprobs(const EventJson& json, const JsonElement& tokens);

}  // namespace aiw
