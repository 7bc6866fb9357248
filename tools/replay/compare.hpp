// Compares the outcome of a chat with a corpus' expected result.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/replay/chat_log.hpp"
#include "tools/replay/match.hpp"

namespace aiw::tools {

struct Comparison {
  std::vector<Difference> differences;
  // Fields that differ from the expected value, but match the `accept` list of the expected result.
  std::vector<std::string> alternatives;
};

// `expected` is the complete expected.json of a case. Compares only fields that its `expected` object contains.
Comparison compare(const nlohmann::json& expected, const Outcome& actual);

}  // namespace aiw::tools
