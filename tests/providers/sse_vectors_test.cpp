// The event streams of the specification and its test suite.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/providers/corpus.hpp"
#include "worker/base/sse_parser.hpp"

using namespace aiw;
using nlohmann::json;

namespace {

std::string decode_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) break;
    bits = (bits << 6) | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) out += static_cast<char>((bits >> (count -= 8)) & 0xFF);
  }
  return out;
}

json events_of(const std::vector<std::string>& pieces) {
  SseParser parser(1 << 20);
  json out = json::array();
  SseEvent event;
  for (const auto& piece : pieces) {
    parser.feed(piece);
    while (parser.next(event)) {
      out.push_back({{"event", event.type.empty() ? "message" : event.type}, {"data", event.data}, {"id", event.id}});
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the vectors of the SSE specification, however they are cut") {
  const auto root = testing::corpus_root();
  if (!root) {
    MESSAGE("skipped: the corpus is not there (AIW_CORPUS)");
    return;
  }
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*root / "sse")) {
    std::ifstream file(entry.path());
    const json vector = json::parse(file);
    CAPTURE(vector["name"].get<std::string>());
    const std::string bytes = decode_base64(vector["bytes_base64"].get<std::string>());
    CHECK(events_of({bytes}) == vector["events"]);
    std::vector<std::string> single;
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      CHECK(events_of({bytes.substr(0, cut), bytes.substr(cut)}) == vector["events"]);
      single.push_back(bytes.substr(cut, 1));
    }
    CHECK(events_of(single) == vector["events"]);
    ++count;
  }
  CHECK(count == 7);
}
