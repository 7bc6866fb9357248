// Writes log probabilities of tokens as the JSON array that StepSink::logprobs takes.
#pragma once

#include <string>
#include <string_view>

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw {

class LogprobsWriter {
 public:
  LogprobsWriter() { writer_.begin_array(); }
  LogprobsWriter(const LogprobsWriter&) = delete;
  LogprobsWriter& operator=(const LogprobsWriter&) = delete;

  // Adds the next token; valid UTF-8.
  void token(std::string_view text, double logprob);
  // Adds an alternative to the token added last.
  void alternative(std::string_view text, double logprob);
  [[nodiscard]] bool empty() const { return !in_token_; }
  // Returns the array. Nothing may be added after it.
  std::string_view finish();

 private:
  void entry(std::string_view text, double logprob);
  void end_token();

  std::string out_;
  JsonWriter writer_{out_};
  bool in_token_ = false;
  bool in_alternatives_ = false;
};

// Adds entries in the form of OpenAI and Ollama: {token, logprob, top_logprobs: [{token, logprob}]}.
void add_token_entries(const EventJson& json, const JsonElement& entries, LogprobsWriter& out);
// Adds the parallel arrays of OpenAI's legacy completions: {tokens: [text], token_logprobs: [number or null],
// top_logprobs: [{text: number}]}. Leaves out the first token of an echoed prompt, which has no likelihood.
void add_token_arrays(const EventJson& json, const JsonElement& arrays, LogprobsWriter& out);

}  // namespace aiw
