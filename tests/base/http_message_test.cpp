#include "worker/base/http_message.hpp"

#include <doctest/doctest.h>

#include <string>

using aiw::join_url;
using aiw::RequestHeaders;

TEST_CASE("a response head returns the first value of a header") {
  const aiw::ResponseHead head{200, {{"retry-after", "1"}, {"x-a", ""}, {"retry-after", "2"}}};
  CHECK(head.header("retry-after") == "1");
  CHECK(head.header("x-a").empty());
  CHECK(head.header("x-b").empty());
}

TEST_CASE("fault 95: request headers contain no invalid or framing header, and no header twice") {
  RequestHeaders headers;
  CHECK(headers.set({"Anthropic-Beta", "a"}));
  CHECK(headers.set({"X-Title", ""}));
  CHECK(headers.set({"anthropic-beta", "b", true}));
  CHECK(headers.size() == 2);
  CHECK(headers[1].name == "anthropic-beta");
  CHECK(headers[1].value == "b");
  CHECK(headers[1].secret);
  CHECK(headers.find("ANTHROPIC-BETA") == &headers[1]);
  CHECK(headers.find("anthropic") == nullptr);
  CHECK_FALSE(headers.set({"X-A", "b\r\nX-Evil: 1"}));
  CHECK_FALSE(headers.set({"X A", "b"}));
  CHECK_FALSE(headers.set({"Content-Length", "900"}));
  CHECK_FALSE(headers.set({"X-Title", "a\n"}));
  CHECK(headers.size() == 2);
  CHECK(headers[0].value.empty());
  const RequestHeaders listed = {{"a", "1"}, {"Host", "evil.example"}, {"A", "2"}, {"b c", "3"}};
  CHECK(listed.size() == 1);
  CHECK(listed[0].value == "2");
}

TEST_CASE("a base URL and a path are joined by exactly one slash") {
  for (const char* base : {"https://h/v1", "https://h/v1/", "https://h/v1//"}) {
    for (const char* path : {"chat/x", "/chat/x", "//chat/x"}) CHECK(join_url(base, path) == "https://h/v1/chat/x");
  }
}
