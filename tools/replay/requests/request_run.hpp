// Sends recorded requests as chats through one real worker, and compares what reaches the upstream with the recording.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tools/replay/match.hpp"
#include "tools/replay/requests/converter.hpp"
#include "tools/support/corpus.hpp"

namespace aiw::tools {

// Loads the cases of a corpus whose request was recorded as JSON. The error is a sentence.
std::expected<std::vector<RecordedRequest>, std::string> load_recorded_requests(const std::filesystem::path& folder,
                                                                                const CorpusSelection& selection);

struct RequestRunOptions {
  std::filesystem::path worker;
  std::size_t jobs = 32;           // concurrent chats
  std::ostream* frames = nullptr;  // receives every line of the worker's stdout
  std::vector<AcceptedDifference> accepted = {};
};

struct RequestReport {
  const RecordedRequest* recorded = nullptr;
  std::vector<Difference> differences;
  std::vector<Difference> accepted;  // differences with a documented reason
  std::vector<std::string> reasons;  // one for each element of `accepted`
  bool has_prefix = false;           // a shorter history of the same chat was sent too
  bool stable = false;               // the body with the shorter history is a prefix of this body

  [[nodiscard]] bool passed() const { return differences.empty() && (stable || !has_prefix); }
};

struct RequestsReport {
  static constexpr std::size_t kMaxAccepted = 10;  // limit on cases with accepted differences, per API

  std::vector<RequestReport> requests;
  std::vector<std::string> problems;

  [[nodiscard]] bool passed() const;
  // Prints the differences, then the table by API.
  void print(std::ostream& out) const;
};

// `recorded` must outlive the report. The error is a sentence: the worker or the upstream could not be started.
std::expected<RequestsReport, std::string> run_requests(const std::vector<RecordedRequest>& recorded,
                                                        const RequestRunOptions& options);

}  // namespace aiw::tools
