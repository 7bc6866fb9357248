// Metadata of a Gemini response: token counts, sources, log probabilities.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "protocol/usage.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw::google {

// Converts usageMetadata. Google omits zeros from its JSON, so a count that is missing beside others is 0, except for
// the details. Nothing if it has no counts (yet).
std::optional<Usage> read_usage(const JsonElement& metadata);

// Reports each source once, although a stream may repeat it.
class Sources {
 public:
  // `metadata` is a candidate's groundingMetadata, citationMetadata or urlContextMetadata.
  void add_grounding(const EventJson& json, const JsonElement& metadata, StepSink& sink);
  void add_citations(const EventJson& json, const JsonElement& metadata, StepSink& sink);
  void add_url_context(const EventJson& json, const JsonElement& metadata, StepSink& sink);

 private:
  static constexpr std::size_t kMaxSources = 10'000;
  void report(Source source, StepSink& sink);

  std::set<std::string> known_;
};

// Members of a candidate's groundingMetadata besides its sources. They are the search suggestions that Google requires
// apps to show, the queries, the words that each chunk supports, and the token of the map. For the parent, as state
// that no request reads.
class Grounding {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{256} << 10;

  // Adds metadata from one chunk. A stream sends lists in pieces: groundingChunks has those that earlier chunks did not
  // have, and supports count all of them (ai.google.dev/api/generate-content, GroundingMetadata). Other members may be
  // repeated; the last one counts.
  void add(const EventJson& json, const JsonElement& metadata);
  // True if there is nothing besides sources.
  [[nodiscard]] bool empty() const { return !says_more_; }
  // Returns all members as JSON.
  [[nodiscard]] std::string json() const;

 private:
  std::map<std::string, std::string, std::less<>> members_;  // names and JSON values
  std::size_t bytes_ = 0;                                    // of both
  bool says_more_ = false;
};

// Returns a candidate's logprobsResult as the protocol's array; empty if it has no tokens.
std::string read_logprobs(const EventJson& json, const JsonElement& result);

}  // namespace aiw::google
