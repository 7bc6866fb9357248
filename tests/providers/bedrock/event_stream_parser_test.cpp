#include "worker/providers/bedrock/event_stream_parser.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "tests/providers/bedrock/event_stream.hpp"

using namespace aiw;
using namespace aiw::testing;
using Fault = bedrock::EventStreamParser::Fault;

namespace {

constexpr std::size_t kLimit = std::size_t{1} << 20;

struct Parsed {
  std::vector<std::pair<std::string, std::string>> messages;  // :event-type and payload
  Fault fault = Fault::none;
  bool inside = false;
  bool operator==(const Parsed&) const = default;
};

Parsed parse(const std::vector<std::string>& pieces, std::size_t limit = kLimit) {
  bedrock::EventStreamParser parser(limit);
  Parsed out;
  bedrock::EventStreamMessage message;
  for (const auto& piece : pieces) {
    parser.feed(piece);
    while (parser.next(message)) out.messages.emplace_back(message.header(":event-type"), message.payload);
  }
  out.fault = parser.fault();
  out.inside = parser.inside_message();
  return out;
}

Parsed bytewise(const std::string& bytes) {
  std::vector<std::string> pieces;
  for (const char c : bytes) pieces.emplace_back(1, c);
  return parse(pieces);
}

}  // namespace

TEST_CASE("messages come out whole, however the bytes are cut") {
  const std::string bytes =
      bedrock_event("one", "{\"a\":1}") + bedrock_event("empty", "") + bedrock_event("long", std::string(3000, 'x'));
  const Parsed whole = parse({bytes});
  REQUIRE(whole.messages.size() == 3);
  CHECK(whole.messages[0] == std::pair<std::string, std::string>("one", "{\"a\":1}"));
  CHECK(whole.messages[1].second.empty());
  CHECK(whole.messages[2].second.size() == 3000);
  CHECK_FALSE(whole.inside);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    REQUIRE(parse({bytes.substr(0, cut), bytes.substr(cut)}) == whole);
  }
  CHECK(bytewise(bytes) == whole);
}

TEST_CASE("a stream that ends within a message is seen as cut, at every byte") {
  const std::string first = bedrock_event("one", "{}");
  const std::string bytes = first + bedrock_event("two", "{}");
  for (std::size_t end = 0; end <= bytes.size(); ++end) {
    const Parsed got = parse({bytes.substr(0, end)});
    CHECK(got.fault == Fault::none);
    CHECK(got.inside == (end != 0 && end != first.size() && end != bytes.size()));
    CHECK(got.messages.size() == (end < first.size() ? 0U : end < bytes.size() ? 1U : 2U));
  }
}

TEST_CASE("a changed bit anywhere is found, and nothing comes after it") {
  const std::string first = bedrock_event("one", "{\"k\":\"v\"}");
  const std::string after = bedrock_event("two", "{}");
  for (std::size_t at = 0; at < first.size(); ++at) {
    std::string bytes = first;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    const Parsed got = parse({bytes + after});
    REQUIRE(got.messages.empty());
    REQUIRE(got.fault == Fault::bad_checksum);
  }
}

TEST_CASE("lengths that contradict each other are refused before anything is kept") {
  const auto prelude = [](std::uint64_t total, std::uint64_t headers) {
    const std::string start = big_endian(total, 4) + big_endian(headers, 4);
    return start + big_endian(slow_crc32(start), 4);
  };
  CHECK(parse({prelude(15, 0)}).fault == Fault::malformed);
  CHECK(parse({prelude(0, 0)}).fault == Fault::malformed);
  CHECK(parse({prelude(20, 5)}).fault == Fault::malformed);
  CHECK(parse({prelude(100, 0xFFFFFFFF)}).fault == Fault::malformed);
  CHECK(parse({prelude(kLimit + 1, 0)}).fault == Fault::too_large);
  CHECK(parse({prelude(0xFFFFFFFF, 0)}).fault == Fault::too_large);
  CHECK(parse({prelude(kLimit, 0)}).fault == Fault::none);
}

TEST_CASE("malformed headers are refused though the checksums are right") {
  const std::vector<std::string> rows = {
      std::string("\x00", 1),  // an empty name
      std::string("\x05"
                  "abc",
                  4),  // a name beyond the end
      std::string("\x01"
                  "a",
                  2),  // no type
      std::string("\x01"
                  "a"
                  "\x0A",
                  3),  // a type that does not exist
      std::string("\x01"
                  "a"
                  "\x07"
                  "\x00"
                  "\x05"
                  "xy",
                  7),  // a value beyond the end
      std::string("\x01"
                  "a"
                  "\x04"
                  "\x00"
                  "\x00",
                  5),  // a number beyond the end
  };
  for (const auto& headers : rows) CHECK(parse({raw_event_message(headers, "{}")}).fault == Fault::malformed);
}
