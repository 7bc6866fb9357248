#include "tools/bench/report.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace aiw::tools {

namespace {

std::string padded(const std::string& text, std::size_t width, bool left = false) {
  std::string space(width > text.size() ? width - text.size() : 0, ' ');
  return left ? text + space : space + text;
}

std::string number(double value) {
  std::array<char, 40> text{};
  int digits = value < 10 ? 3 : value < 100 ? 2 : value < 10'000 ? 1 : 0;
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

}  // namespace

std::optional<double> Report::ratio(const Row& row, const std::string& subject) const {
  auto own = row.values.find(subject);
  if (own != row.values.end() && row.of) return own->second / *row.of;
  auto relay = row.values.find(subjects_.front());
  if (own == row.values.end() || relay == row.values.end() || relay->second <= 0) return std::nullopt;
  return own->second / relay->second;
}

std::string Report::table() const {
  constexpr std::size_t kLabel = 52;
  constexpr std::size_t kValue = 12;
  constexpr std::size_t kRatio = 9;
  std::string out = padded("", kLabel, true);
  for (const auto& name : subjects_) {
    out += padded(name, kValue) + (&name == &subjects_.front() ? "" : padded("x relay", kRatio));
  }
  out += "   limit\n";
  for (const Row& row : rows_) {
    out += padded(row.label + ", " + row.unit, kLabel, true);
    for (const auto& name : subjects_) {
      auto value = row.values.find(name);
      out += padded(value == row.values.end() ? "-" : number(value->second), kValue);
      if (&name == &subjects_.front()) continue;
      auto times = ratio(row, name);
      out += padded(times ? number(*times) : "-", kRatio);
    }
    if (row.limit) {
      auto times = subjects_.size() > 1 ? ratio(row, subjects_[1]) : std::nullopt;
      out += "   " + number(*row.limit) + (!times ? "" : *times <= *row.limit ? "  ok" : "  MISSED");
    }
    out += "\n";
  }
  for (const auto& failure : failures_) out += "FAILED: " + failure + "\n";
  return out;
}

nlohmann::json Report::json() const {
  auto rows = nlohmann::json::array();
  for (const Row& row : rows_) {
    nlohmann::json entry{{"key", row.key}, {"label", row.label}, {"unit", row.unit}, {"values", row.values}};
    entry["lessIsBetter"] = row.less_is_better;
    for (const auto& name : subjects_) {
      if (auto times = ratio(row, name); times && name != subjects_.front()) entry["timesRelay"][name] = *times;
    }
    if (row.of) entry["of"] = *row.of;
    if (row.limit) {
      entry["limit"] = *row.limit;
      auto times = subjects_.size() > 1 ? ratio(row, subjects_[1]) : std::nullopt;
      if (times) entry["withinLimit"] = *times <= *row.limit;
    }
    rows.push_back(std::move(entry));
  }
  return {{"subjects", subjects_}, {"rows", std::move(rows)}, {"failures", failures_}};
}

}  // namespace aiw::tools
