// Compares JSON values the way expectations are meant: what is expected must be there, more may be.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

// One thing that is not as expected. The texts are short enough to print: long values show where they part.
struct Difference {
  std::string field;
  std::string expected;
  std::string actual;
};

// Two values side by side, each at most a few hundred characters around the first place where they differ.
Difference difference(std::string field, const nlohmann::json& expected, const nlohmann::json& actual);

// Every member of an expected object must be in the actual one, and match; arrays have equal lengths and match item by
// item; anything else is equal. `at` is the JSON pointer that differences are reported under.
void match_subset(const std::string& at, const nlohmann::json& expected, const nlohmann::json& actual,
                  std::vector<Difference>& out);

// One difference as lines of a report, indented.
std::string to_text(const Difference& difference);

}  // namespace aiw::tools
