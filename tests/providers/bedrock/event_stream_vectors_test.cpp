// The messages of AWS's own event-stream test suites.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/providers/corpus.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/bedrock/event_stream_parser.hpp"

using namespace aiw;
using nlohmann::json;

namespace {

std::string decoded(const json& text) {
  std::string out;
  if (!base64_decode(text.get<std::string>(), out)) throw std::runtime_error("a vector is no base64");
  return out;
}

std::int64_t as_signed(std::string_view bytes) {
  std::int64_t number = bytes.empty() || static_cast<signed char>(bytes.front()) >= 0 ? 0 : -1;
  for (const char c : bytes) number = number * 256 + static_cast<unsigned char>(c);
  return number;
}

json value_of(const bedrock::EventStreamHeader& header) {
  switch (header.type) {
    case bedrock::EventStreamType::true_value: return {"bool", true};
    case bedrock::EventStreamType::false_value: return {"bool", false};
    case bedrock::EventStreamType::byte: return {"byte", as_signed(header.value)};
    case bedrock::EventStreamType::int16: return {"short", as_signed(header.value)};
    case bedrock::EventStreamType::int32: return {"integer", as_signed(header.value)};
    case bedrock::EventStreamType::int64: return {"long", as_signed(header.value)};
    case bedrock::EventStreamType::timestamp: return {"timestamp", as_signed(header.value)};
    case bedrock::EventStreamType::bytes: return {"bytes", base64_encode(header.value)};
    case bedrock::EventStreamType::string: return {"string", header.value};
    case bedrock::EventStreamType::uuid: break;
  }
  std::string digits;
  for (const char c : header.value) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    digits += kDigits[static_cast<unsigned char>(c) >> 4U];
    digits += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return {"uuid", digits};
}

// What the bytes hold: null if they are refused or cut short.
json parse(const std::vector<std::string>& pieces) {
  bedrock::EventStreamParser parser(std::size_t{1} << 20);
  bedrock::EventStreamMessage message;
  json out;
  for (const auto& piece : pieces) {
    parser.feed(piece);
    while (parser.next(message)) {
      out = {{"headers", json::object()}, {"payload", base64_encode(message.payload)}};
      std::string_view rest = message.headers;
      bedrock::EventStreamHeader header;
      while (bedrock::take_event_stream_header(rest, header))
        out["headers"][std::string(header.name)] = value_of(header);
    }
  }
  return parser.fault() != bedrock::EventStreamParser::Fault::none || parser.inside_message() ? json() : out;
}

}  // namespace

TEST_CASE("the vectors of AWS's event streams, however they are cut") {
  const auto root = testing::corpus_root();
  if (!root) {
    MESSAGE("skipped: the corpus is not there (AIW_CORPUS)");
    return;
  }
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*root / "eventstream")) {
    std::ifstream file(entry.path());
    const json vector = json::parse(file);
    CAPTURE(vector["name"].get<std::string>());
    const std::string bytes = decoded(vector["bytes_base64"]);
    json expected;
    if (vector["valid"].get<bool>()) {
      expected = {{"headers", vector["headers"]}, {"payload", vector["payload_base64"]}};
    }
    CHECK(parse({bytes}) == expected);
    std::vector<std::string> single;
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      CHECK(parse({bytes.substr(0, cut), bytes.substr(cut)}) == expected);
      single.push_back(bytes.substr(cut, 1));
    }
    CHECK(parse(single) == expected);
    ++count;
  }
  CHECK(count == 6);
}
