// What stands beside the content of a Gemini answer: token counts, sources, log probabilities.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "protocol/usage.hpp"
#include "worker/providers/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// usageMetadata as ours. Google leaves zeros out of its JSON, so a count that is missing beside others is 0, except
// for the details. Nothing: it has no counts (yet).
std::optional<Usage> read_gemini_usage(const JsonElement& metadata);

// Reports each source once, although a stream may repeat them.
class GeminiSources {
 public:
  // A candidate's groundingMetadata, citationMetadata and urlContextMetadata.
  void add_grounding(const EventJson& json, const JsonElement& metadata, StepSink& sink);
  void add_citations(const EventJson& json, const JsonElement& metadata, StepSink& sink);
  void add_url_context(const EventJson& json, const JsonElement& metadata, StepSink& sink);

 private:
  static constexpr std::size_t kMaxSources = 10'000;
  void report(Source source, StepSink& sink);

  std::set<std::string> known_;
};

// A candidate's logprobsResult as the protocol's array; empty if it has no tokens.
std::string read_gemini_logprobs(const EventJson& json, const JsonElement& result);

}  // namespace aiw
