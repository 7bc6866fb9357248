#include "worker/base/white_space.hpp"

#include <doctest/doctest.h>

using namespace aiw;

TEST_CASE("white space is removed at both ends and kept inside") {
  CHECK(trim(" \t\r\n a \n b\r\n") == "a \n b");
  CHECK(trim("a") == "a");
  CHECK(trim("a ") == "a");
  CHECK(trim(" a") == "a");
  CHECK(trim(" \n ").empty());
  CHECK(trim("").empty());
  CHECK(trim("\va\f") == "\va\f");
}

TEST_CASE("a text is blank if it contains only white space") {
  CHECK(is_blank(""));
  CHECK(is_blank(" \t\r\n"));
  CHECK_FALSE(is_blank(" \n."));
}
