// A folder of recorded cases: index.jsonl, and for each case the response and what it should decode to.
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
  Script response;          // uncut
  nlohmann::json expected;  // the whole expected.json
};

struct Corpus {
  std::vector<CorpusCase> cases;
  std::map<std::string, std::size_t> listed;  // by API: lines of the index that were asked for
};

struct CorpusSelection {
  std::vector<std::string> apis;  // empty: all
  std::string filter;             // part of an id; empty: all
};

// Whether a line of the index is asked for.
bool is_selected(const nlohmann::json& entry, const CorpusSelection& selection);

// The error is a sentence: a folder without an index, a case that the index lists and that cannot be read.
std::expected<Corpus, std::string> load_corpus(const std::filesystem::path& folder, const CorpusSelection& selection);

// A difference that is known and why it is accepted, from accepted_differences.json.
struct AcceptedDifference {
  std::string id;
  std::string field;  // as reports name it; "usage" stands for each of its fields too
  std::string reason;
};

std::expected<std::vector<AcceptedDifference>, std::string> load_accepted_differences(
    const std::filesystem::path& file);

}  // namespace aiw::tools
