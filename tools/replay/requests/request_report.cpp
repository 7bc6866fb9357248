// Text report of a request run.
#include <iomanip>

#include "tools/replay/requests/request_run.hpp"

namespace aiw::tools {
namespace {

struct Row {
  std::size_t ran = 0, passed = 0, accepted = 0, prefixes = 0, differed = 0;

  void add(const RequestReport& report) {
    ++ran;
    passed += report.passed() ? 1u : 0u;
    accepted += report.accepted.empty() ? 0u : 1u;
    prefixes += report.has_prefix && report.stable ? 1u : 0u;
    differed += report.passed() ? 0u : 1u;
  }
};

std::map<std::string, Row> rows_of(const RequestsReport& report) {
  std::map<std::string, Row> rows;
  for (const auto& one : report.requests) rows[one.recorded->api].add(one);
  return rows;
}

void print_row(std::ostream& out, const std::string& name, const Row& row) {
  out << std::left << std::setw(22) << name << std::right;
  for (const std::size_t count : {row.ran, row.passed, row.accepted, row.prefixes, row.differed}) {
    out << std::setw(14) << count;
  }
  out << '\n';
}

}  // namespace

bool RequestsReport::passed() const {
  if (!problems.empty() || requests.empty()) return false;
  for (const auto& [api, row] : rows_of(*this)) {
    if (row.differed > 0 || row.accepted > kMaxAccepted) return false;
  }
  return true;
}

void RequestsReport::print(std::ostream& out) const {
  for (const auto& one : requests) {
    if (one.passed()) continue;
    out << one.recorded->api << ' ' << one.recorded->id << " (" << one.recorded->provider << ")\n";
    for (const auto& difference : one.differences) out << to_text(difference);
    if (one.has_prefix && !one.stable) out << "    the bytes of a shorter history do not begin this one's\n";
  }
  for (const auto& one : requests) {
    for (std::size_t i = 0; i < one.accepted.size(); ++i) {
      out << "accepted: " << one.recorded->api << ' ' << one.recorded->id << ' ' << one.accepted[i].field << ": "
          << one.reasons[i] << '\n';
    }
  }
  for (const auto& problem : problems) out << "problem: " << problem << '\n';
  out << std::left << std::setw(22) << "api" << std::right;
  for (const char* title : {"requests", "passed", "by reason", "stable", "differed"}) out << std::setw(14) << title;
  out << '\n';
  for (const auto& [api, row] : rows_of(*this)) {
    print_row(out, api, row);
    if (row.accepted > kMaxAccepted) {
      out << api << ": more than " << kMaxAccepted << " requests differ for a reason\n";
    }
  }
  if (requests.empty()) out << "the corpus has no such request\n";
}

}  // namespace aiw::tools
