#include "worker/base/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <string>

namespace aiw {
namespace {

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Parses a decimal number at the start of `text` and removes it from `text`.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  text = trim(text);
  std::string_view rest = text;
  const auto value = take_number(rest);
  if (value && rest.empty()) return value;
  // The official clients also accept "1e3", because they use their language's float parser.
  double general = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), general);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return general;
}

std::optional<std::int64_t> positive_ms(std::optional<double> ms) {
  constexpr double kLongest = 1e15;  // longer than any useful delay, and fits an integer
  if (!ms || !(*ms > 0) || std::isinf(*ms)) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(std::min(*ms, kLongest)));
}

std::optional<double> unit_ms(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  return std::nullopt;
}

std::optional<double> date_delay_ms(std::string_view text, std::chrono::sys_seconds now) {
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return 1000.0 * static_cast<double>((*date - now).count());
}

// OpenAI sends rate-limit headers with every response. Only a limit that is used up gives a retry delay.
std::optional<double> ratelimit_reset_ms(const ResponseHead& head) {
  constexpr std::string_view kReset = "x-ratelimit-reset-";
  constexpr std::string_view kRemaining = "x-ratelimit-remaining-";
  std::map<std::string_view, bool> used_up;  // by the limit's name; the first header of a name counts
  for (const auto& [name, value] : head.headers) {
    if (name.starts_with(kRemaining))
      used_up.emplace(std::string_view(name).substr(kRemaining.size()), trim(value) == "0");
  }
  std::optional<double> longest;
  for (const auto& [name, value] : head.headers) {
    if (!name.starts_with(kReset)) continue;
    const auto limit = used_up.find(std::string_view(name).substr(kReset.size()));
    if (limit == used_up.end() || !limit->second) continue;
    const auto delay = parse_duration_ms(trim(value));
    if (delay && (!longest || *delay > *longest)) longest = delay;
  }
  return longest;
}

// Words of a date, split at spaces, commas and hyphens (obsolete form).
struct DateWords {
  std::array<std::string_view, 6> words;
  std::size_t count = 0;
};

DateWords split_date(std::string_view text) {
  DateWords out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ,-"), text.size());
    if (end > 0) {
      if (out.count == out.words.size()) return {};
      out.words[out.count++] = text.substr(0, end);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<int> parse_digits(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.size() > 4 || value < 0) return std::nullopt;
  return value;
}

std::optional<unsigned> parse_month(std::string_view name) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto found = std::ranges::find(kMonths, name);
  if (found == kMonths.end()) return std::nullopt;
  return static_cast<unsigned>(found - kMonths.begin()) + 1;
}

std::optional<std::chrono::seconds> parse_time_of_day(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hours = parse_digits(text.substr(0, 2));
  const auto minutes = parse_digits(text.substr(3, 2));
  const auto seconds = parse_digits(text.substr(6, 2));
  if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds);
}

std::optional<std::chrono::sys_seconds> make_date(std::string_view day, std::string_view month, std::string_view year,
                                                  std::string_view time) {
  const auto day_number = parse_digits(day);
  const auto month_number = parse_month(month);
  auto year_number = parse_digits(year);
  const auto seconds = parse_time_of_day(time);
  if (!day_number || !month_number || !year_number || !seconds) return std::nullopt;
  if (year.size() == 2) *year_number += *year_number < 70 ? 2000 : 1900;
  const std::chrono::year_month_day date(std::chrono::year(*year_number), std::chrono::month(*month_number),
                                         std::chrono::day(static_cast<unsigned>(*day_number)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::sys_days(date)) + *seconds;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
  const auto [words, count] = split_date(text);
  if (count == 6 && words[5] == "GMT") return make_date(words[1], words[2], words[3], words[4]);
  if (count == 5) return make_date(words[2], words[1], words[4], words[3]);  // asctime form
  return std::nullopt;
}

std::optional<double> parse_duration_ms(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const auto value = take_number(text);
    const std::size_t end = std::min(text.find_first_of("0123456789.-"), text.size());
    const auto unit = unit_ms(text.substr(0, end));
    if (!value || !unit) return std::nullopt;
    total += *value * *unit;
    text.remove_prefix(end);
  }
  return total;
}

std::optional<std::int64_t> retry_after_ms(const ResponseHead& head, std::string_view body_hint,
                                           std::chrono::sys_seconds now) {
  if (const auto ms = positive_ms(parse_number(head.header("retry-after-ms")))) return ms;
  const auto header = head.header("retry-after");
  auto delay = parse_number(header);
  if (delay) *delay *= 1000;
  if (const auto ms = positive_ms(delay ? delay : date_delay_ms(header, now))) return ms;
  if (const auto ms = positive_ms(parse_duration_ms(body_hint))) return ms;
  return positive_ms(ratelimit_reset_ms(head));
}

}  // namespace aiw
