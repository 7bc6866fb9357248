#include "worker/base/url.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace aiw;

TEST_CASE("the host of a base URL can be read in one way only") {
  struct Row {
    const char* text;
    bool https;
    const char* host;
    const char* port;
  };
  const std::vector<Row> rows = {
      {"https://api.openai.com", true, "api.openai.com", ""},
      {"HTTPS://API.OpenAI.com/v1", true, "api.openai.com", ""},
      {"http://localhost:11434/v1", false, "localhost", "11434"},
      {"https://a.example?x=1", true, "a.example", ""},
      {"https://a.example/@b", true, "a.example", ""},
      {"https://a.example/p?q=u@b", true, "a.example", ""},
      {"http://[::1]:80/", false, "::1", "80"},
      {"http://[2001:DB8::1]", false, "2001:db8::1", ""},
      {"https://under_score.example", true, "under_score.example", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto url = parse_base_url(row.text);
    REQUIRE(url);
    CHECK(url->https == row.https);
    CHECK(url->host == row.host);
    CHECK(url->port == row.port);
  }
}

TEST_CASE("a URL that two parsers could read differently is rejected, and not repeated in the error") {
  const std::vector<std::string> rows = {
      "",
      "api.openai.com",
      "//api.openai.com",
      "ftp://a.example",
      "file:///etc/passwd",
      "https:a.example",
      "https://",
      "https:///v1",
      "https://:443",
      "https://user@a.example",
      "https://user:pass@a.example/v1",
      "https://a.example@evil.example",
      "https://a.example\\@evil.example",
      "https://a.example\\.evil.example",
      "https://a.example/#fragment",
      "https://a.example#@evil.example",
      "https://a.example /v1",
      " https://a.example",
      "https://a.example\r\nHost: evil.example",
      std::string("https://a.example\0.evil.example", 31),
      "https://a.example\t",
      "https://b\xC3\xBC"
      "cher.example",
      "https://a.example:port",
      "https://a.example:1:2",
      "https://a.example:123456",
      "https://[::1",
      "https://[::1]x",
      "https://[g::1]",
      "https://a%2eexample",
  };
  for (const auto& row : rows) {
    CAPTURE(row);
    const auto url = parse_base_url(row);
    CHECK(!url);
    if (!url && !row.empty()) CHECK(url.error().find("evil") == std::string::npos);
  }
}

TEST_CASE("a base URL has a length limit") {
  const std::string start = "https://a.example/";
  CHECK(parse_base_url(start + std::string(8192 - start.size(), 'p')));
  CHECK(parse_base_url(start + std::string(8193 - start.size(), 'p')).error() == "it has more than 8,192 bytes");
}

TEST_CASE("only localhost and complete loopback addresses count as loopback") {
  for (const char* host : {"localhost", "127.0.0.1", "127.255.0.9", "::1"}) CHECK(is_loopback(host));
  for (const char* host :
       {"", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil.example", "127.1", "127.0.0.256",
        "127.0.0.08", "127..0.1", "127.0.0.1.", "127.0.0.010", "10.0.0.1", "0.0.0.0", "128.0.0.1", "::", "1::1"}) {
    CAPTURE(host);
    CHECK(!is_loopback(host));
  }
}

TEST_CASE("percent_encode encodes everything except unreserved characters") {
  CHECK(percent_encode("aZ0-._~") == "aZ0-._~");
  CHECK(percent_encode("a/b c&=%+\n") == "a%2Fb%20c%26%3D%25%2B%0A");
  CHECK(percent_encode("\xE2\x82\xAC") == "%E2%82%AC");
}

TEST_CASE("a URL is displayed without user name, query and fragment") {
  CHECK(shown_url("https://a.example/v1/chat?key=k#f") == "https://a.example/v1/chat");
  CHECK(shown_url("https://u:p@a.example/v1") == "https://a.example/v1");
  CHECK(shown_url("https://a.example/v1/@me") == "https://a.example/v1/@me");
  CHECK(shown_url("https://a.example") == "https://a.example");
  CHECK(shown_url("https://u@v@a.example") == "https://a.example");
}

TEST_CASE("dot segments in a path are found, in every encoding") {
  for (const char* path : {".", "..", "a/..", "../a", "a/./b", "%2e", ".%2E/a", "a/%2e%2E"}) {
    CAPTURE(path);
    CHECK(has_dot_segment(path));
  }
  for (const char* path : {"", "/", "a", "...", "a..b", ".a", "a/b.", "%2f", "%2e%2e%2e", "%252e"}) {
    CAPTURE(path);
    CHECK_FALSE(has_dot_segment(path));
  }
}
