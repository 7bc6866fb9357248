#include "tools/bench/output_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "tools/support/synthetic_stream.hpp"

namespace aiw::tools {

namespace {

constexpr std::string_view kType = "\"type\":\"";
constexpr std::size_t kTypeWithin = 200;

std::uint64_t fill_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), kFillByte));
}

}  // namespace

void OutputScanner::feed(std::span<const char> bytes, std::int64_t now_ns) {
  std::string_view rest(bytes.data(), bytes.size());
  fill_bytes += fill_in(rest);
  while (!rest.empty()) {
    const auto* end = static_cast<const char*>(std::memchr(rest.data(), '\n', rest.size()));
    if (end == nullptr) {
      partial_.append(rest);
      return;
    }
    std::string_view line = rest.substr(0, static_cast<std::size_t>(end - rest.data()));
    rest.remove_prefix(line.size() + 1);
    if (partial_.empty()) {
      on_line(line, now_ns);
    } else {
      partial_.append(line);
      on_line(partial_, now_ns);
      partial_.clear();
    }
  }
}

void OutputScanner::on_line(std::string_view line, std::int64_t now_ns) {
  if (line.empty()) return;
  if (line.front() != '{' || on_frame(line)) {
    if (collect_arrivals) collect(line, now_ns);
  } else {
    fill_bytes -= fill_in(line);
  }
}

bool OutputScanner::on_frame(std::string_view line) {
  // Most lines have `type` at the same offset as the previous line.
  if (line.size() <= type_at_ + kType.size() || line.substr(type_at_, kType.size()) != kType) {
    std::size_t found = line.substr(0, kTypeWithin).find(kType);
    // Not a frame: a line of the provider, copied by the relay.
    if (found == std::string_view::npos || line.size() <= found + kType.size()) return true;
    type_at_ = found;
  }
  std::string_view type = line.substr(type_at_ + kType.size());
  if (type.starts_with("de") || type.starts_with("ch")) return true;
  if (type.starts_with("done\"")) {
    ++done;
  } else if (type.starts_with("error\"") || type.starts_with("rejected\"")) {
    if (failed++ == 0) first_failure = line.substr(0, 500);
  } else if (type.starts_with("tool_call\"")) {
    ++tool_calls;
  } else if (type.starts_with("health_ok\"")) {
    constexpr std::string_view kId = "\"id\":\"";
    std::size_t id = line.find(kId);
    if (id == std::string_view::npos) return false;
    id += kId.size();
    health_ids.emplace_back(line.substr(id, line.find('"', id) - id));
  }
  return false;
}

void OutputScanner::collect(std::string_view line, std::int64_t now_ns) {
  for (std::size_t at = 0; (at = line.find(kTimestampMark, at)) != std::string_view::npos; at += kTimestampDigits + 2) {
    std::int64_t sent = 0;
    if (line.size() < at + kTimestampDigits + 2) return;
    const char* begin = line.data() + at + 1;
    auto [end, error] = std::from_chars(begin, begin + kTimestampDigits, sent);
    if (error != std::errc{} || *end != kTimestampMark) continue;
    arrivals.push_back({.sent_ns = sent, .took_ns = now_ns - sent});
  }
}

}  // namespace aiw::tools
