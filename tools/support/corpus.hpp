// Folder of recorded cases: index.jsonl, and for each case the response and its expected decoding.
#pragma once

#include <expected>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/support/script.hpp"

namespace aiw::tools {

struct CorpusCase {
  std::string id;
  std::string api;
  std::string provider;
  std::string confidence;
  bool streaming = false;
  Script response;          // not cut into pieces
  nlohmann::json expected;  // contents of expected.json
};

struct Corpus {
  std::vector<CorpusCase> cases;
  std::map<std::string, std::size_t> listed;  // selected lines of the index, by API
};

struct CorpusSelection {
  std::vector<std::string> apis;  // empty: all
  std::string filter;             // part of an id; empty: all
};

// Returns true if a line of the index is selected.
bool is_selected(const nlohmann::json& entry, const CorpusSelection& selection);

// Error: a sentence; the folder has no index, or a case of the index cannot be read.
std::expected<Corpus, std::string> load_corpus(const std::filesystem::path& folder, const CorpusSelection& selection);

// Known difference and the reason why it is accepted, from accepted_differences.json.
struct AcceptedDifference {
  std::string id;
  std::string field;  // as named in reports; "usage" also covers each of its fields
  std::string reason;
};

std::expected<std::vector<AcceptedDifference>, std::string> load_accepted_differences(
    const std::filesystem::path& file);

}  // namespace aiw::tools
