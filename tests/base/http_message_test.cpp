#include "worker/base/http_message.hpp"

#include <doctest/doctest.h>

#include <string>

using aiw::join_url;
using aiw::valid_header;

TEST_CASE("a head gives the first value of a header") {
  const aiw::ResponseHead head{200, {{"retry-after", "1"}, {"x-a", ""}, {"retry-after", "2"}}};
  CHECK(head.header("retry-after") == "1");
  CHECK(head.header("x-a").empty());
  CHECK(head.header("x-b").empty());
}

TEST_CASE("a header's name is a token and its value has no control characters") {
  CHECK(valid_header("X-Api-Key", "sk-123"));
  CHECK(valid_header("x!#$%&'*+-.^_`|~9", ""));
  CHECK(valid_header("a", "tab\tand caf\xC3\xA9"));
  for (const char* name : {"", "a b", "a:", "a\r", "caf\xC3\xA9", "(a)"}) {
    CAPTURE(name);
    CHECK_FALSE(valid_header(name, "v"));
  }
  CHECK_FALSE(valid_header(std::string("a\0b", 3), "v"));
  for (const char* value : {"a\r\nX-Evil: 1", "a\n", "\r", "\x7F", "\x1B[0m"}) {
    CAPTURE(value);
    CHECK_FALSE(valid_header("a", value));
  }
  CHECK_FALSE(valid_header("a", std::string("v\0w", 3)));
}

TEST_CASE("a base and a path are joined by exactly one slash") {
  for (const char* base : {"https://h/v1", "https://h/v1/", "https://h/v1//"}) {
    for (const char* path : {"chat/x", "/chat/x", "//chat/x"}) CHECK(join_url(base, path) == "https://h/v1/chat/x");
  }
}
