// Bench results: rows with one figure for each subject, printed as a table and as JSON.
#pragma once

#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace aiw::tools {

struct Row {
  std::string key;
  std::string label;
  std::string unit;
  bool less_is_better = true;
  std::optional<double> limit = std::nullopt;  // highest allowed ratio to the relay's figure
  std::optional<double> of = std::nullopt;     // reference for every ratio, instead of the relay's figure
  std::map<std::string, double> values = {};   // figures by subject
};

class Report {
 public:
  explicit Report(std::vector<std::string> subjects) : subjects_(std::move(subjects)) {}  // the relay is first

  // The returned reference stays valid when rows are added.
  Row& add(Row row) { return rows_.emplace_back(std::move(row)); }
  void fail(std::string what) { failures_.push_back(std::move(what)); }

  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  // Limits apply to the second subject, the worker.
  [[nodiscard]] std::string table() const;
  [[nodiscard]] nlohmann::json json() const;

 private:
  [[nodiscard]] std::optional<double> ratio(const Row& row, const std::string& subject) const;

  std::vector<std::string> subjects_;
  std::deque<Row> rows_;
  std::vector<std::string> failures_;
};

}  // namespace aiw::tools
