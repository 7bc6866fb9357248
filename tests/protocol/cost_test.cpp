#include <doctest/doctest.h>

#include "protocol/config.hpp"

using namespace aiw;

namespace {

constexpr Price kPrice{.input = 1, .output = 10, .cached_input = 0.1, .cache_write = 2};

}  // namespace

TEST_CASE("each kind of token has its own rate") {
  const Usage usage{.input_tokens = 1'000'000,
                    .output_tokens = 100'000,
                    .cached_input_tokens = 400'000,
                    .cache_write_tokens = 200'000};
  CHECK(cost_of(usage, kPrice) == doctest::Approx(0.4 + 0.04 + 0.4 + 1.0));
}

TEST_CASE("a missing rate defaults to the input rate") {
  const Usage usage{.input_tokens = 1'000'000, .output_tokens = 0, .cached_input_tokens = 500'000};
  CHECK(cost_of(usage, {.input = 3, .output = 1, .cached_input = {}, .cache_write = {}}) == doctest::Approx(3));
}

TEST_CASE("without both token counts there is no cost") {
  CHECK_FALSE(cost_of({}, kPrice));
  CHECK_FALSE(cost_of({.input_tokens = 1}, kPrice));
}

TEST_CASE("contradictory counts are limited to the input count") {
  const Usage usage{.input_tokens = 1'000'000,
                    .output_tokens = -5,
                    .cached_input_tokens = 9'000'000,
                    .cache_write_tokens = 9'000'000};
  CHECK(cost_of(usage, kPrice) == doctest::Approx(0.1));
}

TEST_CASE("costs add up like counts") {
  Usage total;
  total.add({.input_tokens = 1});
  CHECK_FALSE(total.cost);
  total.add({.cost = 0.5});
  total.add({.cost = 0.25});
  CHECK(total.cost == 0.75);
}
