#include "tools/replay/match.hpp"

#include <algorithm>

#include "protocol/json_pointer.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::size_t kWindow = 240;  // bytes of a value shown in a report
constexpr std::size_t kBefore = 40;   // bytes of these before the first difference

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string window(const std::string& text, std::size_t begin) {
  std::size_t end = std::min(text.size(), begin + kWindow);
  while (begin > 0 && is_continuation(text[begin])) --begin;
  while (end < text.size() && is_continuation(text[end])) ++end;
  std::string out = text.substr(begin, end - begin);
  if (begin > 0) out.insert(0, "... ");
  if (end < text.size()) out += " ... (" + std::to_string(text.size()) + " bytes)";
  return out;
}

}  // namespace

Difference difference(std::string field, const json& expected, const json& actual) {
  const std::string left = dump(expected), right = dump(actual);
  const auto parted = std::ranges::mismatch(left, right).in1 - left.begin();
  const std::size_t from = static_cast<std::size_t>(parted);
  const bool fits = left.size() <= kWindow && right.size() <= kWindow;
  const std::size_t begin = fits || from < kBefore ? 0 : from - kBefore;
  return {std::move(field), window(left, std::min(begin, left.size())), window(right, std::min(begin, right.size()))};
}

void match_subset(const std::string& at, const json& expected, const json& actual, std::vector<Difference>& out) {
  if (expected.is_object() && actual.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      const std::string below = at + "/" + escape_pointer(key);
      const auto found = actual.find(key);
      if (found == actual.end()) {
        out.push_back({below, window(dump(value), 0), "(absent)"});
      } else {
        match_subset(below, value, *found, out);
      }
    }
  } else if (expected.is_array() && actual.is_array() && expected.size() == actual.size()) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      match_subset(at + "/" + std::to_string(i), expected[i], actual[i], out);
    }
  } else if (expected != actual) {
    out.push_back(difference(at.empty() ? "(root)" : at, expected, actual));
  }
}

std::string to_text(const Difference& difference) {
  return "    " + difference.field + "\n      expected: " + difference.expected +
         "\n      actual:   " + difference.actual + "\n";
}

}  // namespace aiw::tools
