// Text report of a corpus run.
#include <algorithm>
#include <iomanip>

#include "tools/replay/corpus_run.hpp"

namespace aiw::tools {
namespace {

struct Row {
  std::size_t listed = 0, ran = 0, passed = 0, alternatives = 0, accepted = 0, differed = 0;

  void add(const CaseReport& report) {
    ran += report.ran ? 1u : 0u;
    passed += report.passed() ? 1u : 0u;
    alternatives += report.passed() && !report.alternatives.empty() ? 1u : 0u;
    accepted += report.passed() && !report.accepted.empty() ? 1u : 0u;
    differed += report.passed() ? 0u : 1u;
  }
  void add(const Row& row) {
    listed += row.listed;
    ran += row.ran;
    passed += row.passed;
    alternatives += row.alternatives;
    accepted += row.accepted;
    differed += row.differed;
  }
};

void print_row(std::ostream& out, const std::string& name, const Row& row) {
  out << std::left << std::setw(22) << name << std::right;
  for (const std::size_t count : {row.listed, row.ran, row.passed, row.alternatives, row.accepted, row.differed}) {
    out << std::setw(14) << count;
  }
  out << '\n';
}

void print_table(std::ostream& out, const CorpusReport& report) {
  std::map<std::string, Row> rows;
  for (const auto& [api, count] : report.listed) rows[api].listed = count;
  for (const auto& one : report.cases) rows[one.recorded->api].add(one);
  out << std::left << std::setw(22) << "api" << std::right;
  for (const char* title : {"listed", "ran", "passed", "by accept", "by reason", "differed"})
    out << std::setw(14) << title;
  out << '\n';
  Row total;
  for (const auto& [api, row] : rows) {
    print_row(out, api, row);
    total.add(row);
  }
  if (rows.size() > 1) print_row(out, "all", total);
}

void print_case(std::ostream& out, const CaseReport& report) {
  const CorpusCase& recorded = *report.recorded;
  out << recorded.api << ' ' << recorded.id << " (" << recorded.provider << ", "
      << (recorded.streaming ? "streaming" : "unary") << ", confidence " << recorded.confidence << ")\n";
  if (!report.ran) out << "    no terminal event came\n";
  for (const auto& violation : report.violations) out << "    broken promise: " << violation << '\n';
  for (const auto& difference : report.differences) out << to_text(difference);
}

void print_accepted(std::ostream& out, const CaseReport& report) {
  for (std::size_t i = 0; i < report.accepted.size(); ++i) {
    out << "accepted: " << report.recorded->api << ' ' << report.recorded->id << ' ' << report.accepted[i].field << ": "
        << report.reasons[i] << '\n';
  }
}

}  // namespace

bool CorpusReport::passed() const {
  std::map<std::string, std::size_t> ran;
  for (const auto& one : cases) {
    if (!one.passed()) return false;
    ++ran[one.recorded->api];
  }
  return problems.empty() && !cases.empty() && ran == listed;
}

void CorpusReport::print(std::ostream& out) const {
  for (const auto& one : cases) {
    if (!one.passed()) print_case(out, one);
  }
  for (const auto& one : cases) print_accepted(out, one);
  for (const auto& problem : problems) out << "problem: " << problem << '\n';
  print_table(out, *this);
  for (const auto& [api, count] : listed) {
    const auto ran =
        std::ranges::count_if(cases, [&](const CaseReport& one) { return one.ran && one.recorded->api == api; });
    if (count == 0) out << "the index lists no such case of " << api << '\n';
    if (static_cast<std::size_t>(ran) != count) {
      out << api << ": " << ran << " cases ran, the index lists " << count << '\n';
    }
  }
  if (listed.empty()) out << "the index lists no such case\n";
}

}  // namespace aiw::tools
