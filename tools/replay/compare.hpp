// Compares what a chat came to with a corpus' expected result.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/replay/chat_log.hpp"
#include "tools/replay/match.hpp"

namespace aiw::tools {

struct Comparison {
  std::vector<Difference> differences;
  // Fields that are not as expected but as the expected result's own `accept` list allows.
  std::vector<std::string> alternatives;
};

// `expected` is the whole of a case's expected.json: only the fields that its `expected` object has are compared.
Comparison compare(const nlohmann::json& expected, const Outcome& actual);

}  // namespace aiw::tools
