// Runs recorded cases through one real worker and reports the result of each.
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
  std::size_t jobs = 32;           // concurrent chats
  std::ostream* frames = nullptr;  // receives every line of the worker's stdout
  bool show_progress = false;      // written to stderr
  std::vector<AcceptedDifference> accepted = {};
};

struct CaseReport {
  const CorpusCase* recorded = nullptr;
  bool ran = false;  // its terminal event was received
  std::vector<Difference> differences;
  std::vector<Difference> accepted;  // differences with a documented reason
  std::vector<std::string> reasons;  // one for each element of `accepted`
  std::vector<std::string> alternatives;
  std::vector<std::string> violations;

  [[nodiscard]] bool passed() const { return ran && differences.empty() && violations.empty(); }
};

struct CorpusReport {
  std::vector<CaseReport> cases;
  std::map<std::string, std::size_t> listed;
  std::vector<std::string> problems;  // problems of the worker as a whole

  // Returns true if nothing differed and the number of cases that ran matches the index.
  [[nodiscard]] bool passed() const;
  // Prints the differences, then the table by API.
  void print(std::ostream& out) const;
};

// `corpus` must outlive the report. The error is a sentence: the worker or the upstream could not be started.
std::expected<CorpusReport, std::string> run_corpus(const Corpus& corpus, const CorpusRunOptions& options);

}  // namespace aiw::tools
