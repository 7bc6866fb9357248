// Token probabilities as OpenAI's APIs give them, in the protocol's words.
#pragma once

#include <string>

#include "worker/providers/event_json.hpp"

namespace aiw {

// `tokens` is an array of {token, logprob, bytes, top_logprobs} of the event in `json`. Returns the JSON array that
// StepSink::logprobs takes; empty if it holds no token.
std::string read_openai_logprobs(const EventJson& json, const JsonElement& tokens);

}  // namespace aiw
