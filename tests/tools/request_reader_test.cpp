#include "tools/support/request_reader.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace aiw::tools {
namespace {

using State = RequestReader::State;
constexpr RequestReader::Limits kLimits{.body = 1000, .body_kept = 1000};

TEST_CASE("two requests in one stream are parsed the same, wherever it is split") {
  const std::string wire =
      "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
      "PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
  for (std::size_t split = 0; split <= wire.size(); ++split) {
    CAPTURE(split);
    RequestReader reader(kLimits);
    std::vector<Request> requests;
    for (std::string_view part : {std::string_view(wire).substr(0, split), std::string_view(wire).substr(split)}) {
      std::span<const char> bytes(part);
      while (!bytes.empty()) {
        if (reader.feed(bytes) == State::kComplete) requests.push_back(reader.take());
      }
    }
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].method == "POST");
    CHECK(requests[0].body == "hello");
    CHECK(requests[1].target == "/b");
    CHECK(requests[1].body == "abcde");
  }
}

State feed_all(std::string_view wire) {
  RequestReader reader(kLimits);
  std::span<const char> bytes(wire);
  State state = State::kReading;
  while (!bytes.empty() && state == State::kReading) state = reader.feed(bytes);
  return state;
}

TEST_CASE("a request that is malformed or too large is reported as such") {
  CHECK(feed_all("GET /\r\n\r\n") == State::kMalformed);
  CHECK(feed_all("GET / SPDY/1\r\n\r\n") == State::kMalformed);
  CHECK(feed_all("GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n") == State::kMalformed);
  CHECK(feed_all("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") == State::kMalformed);
  CHECK(feed_all("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n") == State::kMalformed);
  CHECK(feed_all("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n") == State::kTooLarge);
  CHECK(feed_all("GET / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n") == State::kTooLarge);
  CHECK(feed_all(std::string(100'000, 'x')) == State::kTooLarge);
}

TEST_CASE("Expect: 100-continue is reported once, and only while the body is awaited") {
  RequestReader reader(kLimits);
  std::string_view head = "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  std::span<const char> bytes(head);
  CHECK(reader.feed(bytes) == State::kReading);
  CHECK(reader.take_continue_wish());
  CHECK_FALSE(reader.take_continue_wish());
}

}  // namespace
}  // namespace aiw::tools
