#include "worker/agent/retry_policy.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace aiw;
using std::chrono::milliseconds;

namespace {

Error retryable(std::optional<std::int64_t> retry_after_ms = {}) {
  return {.code = "upstream_http", .retryable = true, .retry_after_ms = retry_after_ms};
}

constexpr RetryOptions kMany{.max = 10};

}  // namespace

TEST_CASE("fault 54: backoff doubles from half a second to eight, less up to a quarter") {
  const std::vector<int> delays = {500, 1000, 2000, 4000, 8000, 8000, 8000};
  int failures = 0;
  for (const int delay : delays) {
    ++failures;
    CAPTURE(failures);
    CHECK(retry_delay(retryable(), failures, kMany, 0) == milliseconds(delay));
    CHECK(retry_delay(retryable(), failures, kMany, 0.5) == milliseconds(delay * 7 / 8));
    CHECK(retry_delay(retryable(), failures, kMany, 1) == milliseconds(delay * 3 / 4));
  }
}

TEST_CASE("fault 55: a server's own delay is exact, never shortened, up to 120 s") {
  struct Row {
    std::int64_t asked;
    std::optional<std::int64_t> waited;
  };
  for (const Row row : {Row{1, 1}, Row{50, 50}, Row{9'000, 9'000}, Row{120'000, 120'000}, Row{120'001, std::nullopt},
                        Row{1'000'000'000'000, std::nullopt}, Row{0, 500}, Row{-1, 500}}) {
    CAPTURE(row.asked);
    const auto delay = retry_delay(retryable(row.asked), 1, kMany, 0);
    CHECK(delay.has_value() == row.waited.has_value());
    if (delay && row.waited) CHECK(delay->count() == *row.waited);
  }
  CHECK(retry_delay(retryable(2'000), 1, kMany, 0.999) == milliseconds(2'000));
}

TEST_CASE("there is no retry for what is not retryable or once the retries are used up") {
  CHECK(!retry_delay(Error{.code = "upstream_http", .retry_after_ms = 10}, 1, kMany, 0));
  CHECK(retry_delay(retryable(), 2, {.max = 2}, 0));
  CHECK(!retry_delay(retryable(), 3, {.max = 2}, 0));
  CHECK(!retry_delay(retryable(10), 3, {.max = 2}, 0));
  CHECK(!retry_delay(retryable(), 1, {.max = 0}, 0));
}

TEST_CASE("three chats of a host may be on a retry, or a fifth of them") {
  RetryBudget budget;
  budget.chat_began("a");
  for (int i = 0; i < 3; ++i) CHECK(budget.claim("a"));
  CHECK(!budget.claim("a"));
  budget.release("a");
  CHECK(budget.claim("a"));
  for (int i = 1; i < 25; ++i) budget.chat_began("a");
  CHECK(budget.claim("a"));
  CHECK(budget.claim("a"));
  CHECK(!budget.claim("a"));
  CHECK(budget.claim("b"));
}

TEST_CASE("a budget shrinks with its chats and is fresh once they are gone") {
  RetryBudget budget;
  for (int i = 0; i < 20; ++i) budget.chat_began("a");
  for (int i = 0; i < 4; ++i) CHECK(budget.claim("a"));
  for (int i = 0; i < 19; ++i) budget.chat_ended("a");
  budget.release("a");
  CHECK(!budget.claim("a"));
  for (int i = 0; i < 3; ++i) budget.release("a");
  budget.chat_ended("a");
  for (int i = 0; i < 3; ++i) CHECK(budget.claim("a"));
  CHECK(!budget.claim("a"));
}
