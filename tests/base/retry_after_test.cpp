#include "worker/base/retry_after.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace aiw;
using std::chrono::sys_days;

namespace {

constexpr std::chrono::sys_seconds kNow = sys_days(std::chrono::year(2026) / 3 / 1) + std::chrono::hours(12);

std::optional<std::int64_t> delay(std::vector<std::pair<std::string, std::string>> headers,
                                  std::string_view hint = {}) {
  return retry_after_ms(ResponseHead{429, std::move(headers)}, hint, kNow);
}

}  // namespace

TEST_CASE("fault 55: Retry-After is parsed in every format that servers use") {
  struct Row {
    const char* value;
    std::optional<std::int64_t> ms;
  };
  const std::vector<Row> rows = {
      {"0.05", 50},
      {"2", 2000},
      {" 2 ", 2000},
      {"121", 121'000},
      {"1e9", 1'000'000'000'000},
      {"-1", std::nullopt},
      {"0", std::nullopt},
      {"NaN", std::nullopt},
      {"inf", std::nullopt},
      {"1e999", std::nullopt},
      {"", std::nullopt},
      {"soon", std::nullopt},
      {"2 seconds", std::nullopt},
      {"0.0001", 1},
      {"Sun, 01 Mar 2026 12:00:30 GMT", 30'000},
      {"Sun, 01 Mar 2026 11:59:59 GMT", std::nullopt},
      {"Sunday, 01-Mar-26 12:01:00 GMT", 60'000},
      {"Sun Mar  1 12:00:05 2026", 5'000},
      {"Sun, 31 Feb 2026 12:00:30 GMT", std::nullopt},
      {"Sun, 01 Mar 2026 25:00:30 GMT", std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.value);
    CHECK(delay({{"retry-after", row.value}}) == row.ms);
  }
}

TEST_CASE("fault 55: retry-after-ms takes precedence, and an invalid source is skipped") {
  CHECK(delay({{"retry-after", "2"}, {"retry-after-ms", "150.5"}}) == 151);
  CHECK(delay({{"retry-after", "2"}, {"retry-after-ms", "-5"}}) == 2000);
  CHECK(delay({{"retry-after", "2"}, {"retry-after-ms", "NaN"}}) == 2000);
  CHECK(delay({{"retry-after", "3"}}, "34.4s") == 3000);
  CHECK(delay({}, "34.4s") == 34'400);
  CHECK(delay({{"retry-after", "-1"}}, "34.4s") == 34'400);
  CHECK(delay({}) == std::nullopt);
}

TEST_CASE("a rate limit's reset time counts only if nothing remains of the limit") {
  CHECK(delay({{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", "6m0s"}}) == 360'000);
  CHECK(delay({{"x-ratelimit-remaining-requests", "9"}, {"x-ratelimit-reset-requests", "6m0s"}}) == std::nullopt);
  CHECK(delay({{"x-ratelimit-remaining-requests", "0"},
               {"x-ratelimit-reset-requests", "120ms"},
               {"x-ratelimit-remaining-tokens", "0"},
               {"x-ratelimit-reset-tokens", "1.5s"}}) == 1500);
  CHECK(delay({{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", "1709294400"}}) == std::nullopt);
  CHECK(delay({{"x-ratelimit-reset-a", "3s"}, {"x-ratelimit-remaining-a", "1"}, {"x-ratelimit-remaining-a", "0"}}) ==
        std::nullopt);  // only the first header of a name counts
}

TEST_CASE("parse_duration_ms accepts numbers with units and nothing else") {
  CHECK(parse_duration_ms("1h2m3.5s") == 3'723'500);
  CHECK(parse_duration_ms("7ms") == 7);
  for (const char* bad : {"", "s", "5", "5 s", "5s!", "m5", "..s"}) {
    CAPTURE(bad);
    CHECK(parse_duration_ms(bad) == std::nullopt);
  }
}
