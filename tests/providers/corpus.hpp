// The corpus of recorded provider traffic as test data, and the means to compare what a decoder makes of it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/providers/provider.hpp"

namespace aiw::testing {

// Everything a step's decoder said, in order and assembled.
class RecordingSink : public StepSink {
 public:
  void delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) override;
  void tool_call(int part, ToolCall call) override;
  void tool_result(ProviderToolResult result) override;
  void file(int part, GeneratedFile file) override;
  void source(const Source& source) override;
  void logprobs(int part, std::string_view tokens) override;
  void provider_state(int part, std::string state) override;
  void usage(const Usage& usage) override;
  void warning(std::string_view code, std::string_view message) override;
  void finish(FinishReason reason, std::string_view raw) override;
  void fail(Error error) override;

  struct PartRecord {
    ContentKind kind = ContentKind::text;
    std::string text;
    std::string tool_call_id;
  };
  std::map<int, PartRecord> parts;
  std::vector<std::pair<int, ToolCall>> calls;
  std::vector<std::pair<int, std::string>> states;
  std::vector<ProviderToolResult> provider_results;
  std::vector<std::pair<int, GeneratedFile>> files;
  std::vector<Source> sources;
  std::vector<std::pair<int, nlohmann::json>> logprob_tokens;
  std::optional<Usage> last_usage;
  std::vector<std::string> warnings;  // codes
  std::optional<FinishReason> finished;
  std::string finish_raw;
  std::optional<Error> failed;
  std::size_t delta_count = 0;
  std::vector<std::string> violations;  // of StepSink's promises: bad UTF-8, calls after the end, two kinds in a part

  // All text of one kind, parts concatenated in order of their number.
  [[nodiscard]] std::string text_of(ContentKind kind) const;
  // A printable whole, equal exactly if two answers are the same however they were cut.
  [[nodiscard]] std::string summary() const;

 private:
  void check_open(std::string_view what);
};

// Feeds `body` cut at `cuts` (ascending offsets), then ends.
RecordingSink decode(const WireApi& api, BodyFormat format, std::string_view body,
                     const std::vector<std::size_t>& cuts = {});
// Checks that every cut gives what the whole body gives: all two-piece cuts and byte by byte. Bodies above
// `exhaustive_bytes` are cut at a sample of positions. Returns what differs; empty: nothing.
std::vector<std::string> cut_differences(const WireApi& api, BodyFormat format, std::string_view body,
                                         std::size_t exhaustive_bytes = 8192);

struct CorpusCase {
  std::string id;
  std::string api;
  std::string provider;
  std::string confidence;
  bool streaming = false;
  ResponseHead head;
  std::string body;
  nlohmann::json expected;
  nlohmann::json accept;
};

// AIW_CORPUS, else ../shared/corpus beside the source tree; nothing if it is not there.
std::optional<std::filesystem::path> corpus_root();
// The cases of one API, in the order of index.jsonl. Throws if a listed file cannot be read.
std::vector<CorpusCase> load_corpus(const std::filesystem::path& root, std::string_view api);
// What of the expected result (with its `accept` alternatives) the recorded step does not meet; empty: equal.
std::vector<std::string> expectation_differences(const CorpusCase& test_case, const RecordingSink& got);

}  // namespace aiw::testing
