// Subset comparison of JSON values: expected members must be present, additional members are allowed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

// Difference from an expected value. The texts are short enough to print: of long values they show the part that
// differs.
struct Difference {
  std::string field;
  std::string expected;
  std::string actual;
};

// Returns two values side by side, each at most a few hundred characters around the first difference.
Difference difference(std::string field, const nlohmann::json& expected, const nlohmann::json& actual);

// Every member of an expected object must be present in the actual object and match. Arrays must have equal lengths and
// match item by item. All other values must be equal. `at` is the JSON pointer used in reported differences.
void match_subset(const std::string& at, const nlohmann::json& expected, const nlohmann::json& actual,
                  std::vector<Difference>& out);

// Formats a difference as indented lines of a report.
std::string to_text(const Difference& difference);

}  // namespace aiw::tools
