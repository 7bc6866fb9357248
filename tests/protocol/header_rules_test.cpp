#include "protocol/header_rules.hpp"

#include <doctest/doctest.h>

#include <string>

using aiw::header_name_fault;
using aiw::is_framing_header;
using aiw::valid_header;

TEST_CASE("a header name is a token, and a header value has no control characters") {
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

TEST_CASE("fault 95: framing headers are recognised in every case and spelling") {
  for (const char* name : {"Host",
                           "content-length",
                           "CONTENT-LENGTH",
                           "Content_Length",
                           "content.length",
                           "Transfer-Encoding",
                           "transfer_encoding",
                           "Connection",
                           "Keep-Alive",
                           "TE",
                           "te",
                           "Trailer",
                           "Upgrade",
                           "Expect",
                           "Content-Encoding",
                           "HTTP2-Settings",
                           "Proxy-Authorization",
                           "proxy_connection",
                           "Proxy-Anything",
                           "Alt-Used"}) {
    CAPTURE(name);
    CHECK(is_framing_header(name));
    CHECK(header_name_fault(name));
  }
  for (const char* name :
       {"anthropic-beta", "HTTP-Referer", "X-Title", "User-Agent", "Accept", "Accept-Encoding", "Content-Type",
        "Cookie", "Authorization", "X-Host", "Hostname", "X-Content-Length", "openai-organization", "x_underscore",
        "Proxied", "X-Forwarded-For", "Content-Language", "Idempotency-Key"}) {
    CAPTURE(name);
    CHECK_FALSE(is_framing_header(name));
    CHECK_FALSE(header_name_fault(name));
  }
  for (const char* name : {"", "a b", " Host", "Host ", "a:", ":authority", "a\r\nb"}) {
    CAPTURE(name);
    CHECK(header_name_fault(name));
  }
}
