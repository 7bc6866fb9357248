// Runs recorded cases through one real worker and says how each came out.
#pragma once

#include <expected>
#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tools/replay/compare.hpp"
#include "tools/support/corpus.hpp"

namespace aiw::tools {

struct CorpusRunOptions {
  std::filesystem::path worker;
  Cut cut;
  std::size_t jobs = 32;           // chats in flight
  std::ostream* frames = nullptr;  // gets every line of the worker's stdout
  bool show_progress = false;      // on stderr
  std::vector<AcceptedDifference> accepted = {};
};

struct CaseReport {
  const CorpusCase* recorded = nullptr;
  bool ran = false;  // its terminal event came
  std::vector<Difference> differences;
  std::vector<Difference> accepted;  // differences with a written reason
  std::vector<std::string> reasons;  // of `accepted`, one each
  std::vector<std::string> alternatives;
  std::vector<std::string> violations;

  [[nodiscard]] bool passed() const { return ran && differences.empty() && violations.empty(); }
};

struct CorpusReport {
  std::vector<CaseReport> cases;
  std::map<std::string, std::size_t> listed;
  std::vector<std::string> problems;  // of the worker as a whole

  // Nothing differed, and as many cases ran as the index lists.
  [[nodiscard]] bool passed() const;
  // The differences, then the table by API.
  void print(std::ostream& out) const;
};

// `corpus` must outlive the report. The error is a sentence: the worker or the upstream could not be started.
std::expected<CorpusReport, std::string> run_corpus(const Corpus& corpus, const CorpusRunOptions& options);

}  // namespace aiw::tools
