#include "worker/base/sse_parser.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace aiw;

namespace {

struct Parsed {
  std::vector<std::string> events;  // "type|data|id"
  bool too_large = false;
  bool operator==(const Parsed&) const = default;
};

Parsed parse(const std::vector<std::string>& pieces, bool finish = false, std::size_t limit = 1 << 20,
             SseSyntax syntax = SseSyntax::standard) {
  SseParser parser(limit, syntax);
  Parsed out;
  SseEvent event;
  const auto record = [&] {
    out.events.push_back(std::string(event.type) + "|" + std::string(event.data) + "|" + std::string(event.id) +
                         (event.unframed ? "|unframed" : ""));
  };
  for (const auto& piece : pieces) {
    const std::string own = piece;  // destroyed after this round, like the buffer of a socket
    parser.feed(own);
    while (parser.next(event)) record();
  }
  while (finish && parser.finish(event)) record();
  out.too_large = parser.too_large();
  return out;
}

// Returns the events of `text`. Checks that every cut into two or three pieces, and into bytes, gives the same events.
std::vector<std::string> events(const std::string& text, bool finish = false, SseSyntax syntax = SseSyntax::standard) {
  const auto parse = [&](const std::vector<std::string>& pieces, bool to_end) {
    return ::parse(pieces, to_end, std::size_t{1} << 20, syntax);
  };
  const Parsed whole = parse({text}, finish);
  std::vector<std::string> bytes;
  for (std::size_t a = 0; a < text.size(); ++a) {
    bytes.push_back(text.substr(a, 1));
    for (std::size_t b = a; b < text.size(); ++b) {
      CHECK(parse({text.substr(0, a), text.substr(a, b - a), text.substr(b)}, finish) == whole);
    }
  }
  CHECK(parse(bytes, finish) == whole);
  return whole.events;
}

using Events = std::vector<std::string>;

}  // namespace

TEST_CASE("lines end in LF, CR LF, CR, or a mixture") {
  const Events two = {"|a|", "|b|"};
  CHECK(events("data: a\n\ndata: b\n\n") == two);
  CHECK(events("data: a\r\n\r\ndata: b\r\n\r\n") == two);
  CHECK(events("data: a\r\rdata: b\r\r") == two);
  CHECK(events("data: a\n\r\ndata: b\r\n\n") == two);
  CHECK(events("data: a\r\n\rdata: b\n\r") == two);
}

TEST_CASE("data lines: one space is removed, several lines are joined, and an empty one counts") {
  CHECK(events("data:a\ndata: b\ndata:  c\n\n") == Events{"|a\nb\n c|"});
  CHECK(events("data\n\n") == Events{"||"});
  CHECK(events("data:\ndata\n\n") == Events{"|\n|"});
  CHECK(events("data:a\n\n\n\ndata:b\n\n") == Events{"|a|", "|b|"});
}

TEST_CASE("fields: event and id are read, others and comments are skipped, and no data means no event") {
  CHECK(events("event: x\ndata: 1\n\ndata: 2\n\n") == Events{"x|1|", "|2|"});
  CHECK(events("id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n") == Events{"|1|7", "|2|7", "|3|"});
  CHECK(events(std::string("id: a\0b\ndata: 1\n\n", 17)) == Events{"|1|"});
  CHECK(events(": comment\nretry: 10\nDATA: x\n data: y\ndata: 1\n\n") == Events{"|1|"});
  CHECK(events("event: ping\n\ndata: 1\n\n") == Events{"|1|"});
}

TEST_CASE("one byte order mark at the very start is skipped") {
  CHECK(events("\xEF\xBB\xBF"
               "data: 1\n\n") == Events{"|1|"});
  CHECK(events("\xEF\xBB\xBF\n\xEF\xBB\xBF"
               "data: 1\n\ndata: 2\n\n") == Events{"|2|"});
}

TEST_CASE("errors between events are returned on request: lines of JSON and an error field") {
  const auto errors = [](const std::string& text) { return events(text, true, SseSyntax::with_errors); };
  const Events chunk_and_error = {"|a|", "|{\"e\":1}||unframed"};
  for (const std::string end : {"", "\n", "\r\n\r\n", "\n\n\n"}) {
    CHECK(errors("data: a\n\n{\"e\":1}" + end) == chunk_and_error);
    CHECK(errors("data: a\n{\"e\":1}" + end) == chunk_and_error);  // within an event
  }
  CHECK(errors("{\n  \"e\":\n}\n\ndata: b\n\n") == Events{"|{\n  \"e\":\n}||unframed", "|b|"});
  CHECK(errors("{\"e\":1}\nevent: t\ndata: b\n\n") == Events{"|{\"e\":1}||unframed", "t|b|"});
  CHECK(errors("{\"e\":1}\n: c\n{\"f\":1}\n") == Events{"|{\"e\":1}||unframed", "|{\"f\":1}||unframed"});
  CHECK(errors("error: no\n\ndata: b\n\n") == Events{"error|no|", "|b|"});
  CHECK(errors("data: a\nerror: no\n\n") == Events{"|a|", "error|no|"});
  CHECK(errors("data: {\ndata: }\n\nother\n\"x\": 1\n\n") == Events{"|{\n}|"});
  CHECK(events("{\"e\":1}\nerror: no\n\ndata: a\n\n", true) == Events{"|a|"});
}

TEST_CASE("an event without its blank line is returned only by finish") {
  CHECK(events("data: 1\n\ndata: 2\n") == Events{"|1|"});
  CHECK(events("data: 1\n\ndata: 2\n", true) == Events{"|1|", "|2|"});
  CHECK(events("data: 1\n\ndata: 2", true) == Events{"|1|", "|2|"});
  CHECK(events("data: 1\n\ndata: 2\r", true) == Events{"|1|", "|2|"});
  CHECK(events("data: 1\n\n", true) == Events{"|1|"});
  CHECK(events("event: x", true).empty());
  CHECK(events("\xEF\xBB\xBF", true).empty());
}

TEST_CASE("an event with one data line within the fed bytes is not copied") {
  const std::string bytes = "data: hello\n\n";
  SseParser parser(100);
  SseEvent event;
  parser.feed(bytes);
  REQUIRE(parser.next(event));
  CHECK(event.data.data() == bytes.data() + 6);
}

TEST_CASE("the limit applies to lines and to whole events, however they are split") {
  const std::string fits = "data: " + std::string(94, 'x') + "\n\n";
  const std::string line = "data: " + std::string(95, 'x') + "\n\n";
  const std::string lines = "data: " + std::string(50, 'x') + "\ndata: " + std::string(50, 'x') + "\n\n";
  const std::string endless(101, ':');
  for (const bool bytewise : {false, true}) {
    const auto run = [&](const std::string& text) {
      std::vector<std::string> pieces;
      for (const char c : text) pieces.emplace_back(1, c);
      return parse(bytewise ? pieces : std::vector{text}, false, 100);
    };
    CHECK(run(fits).events.size() == 1);
    CHECK_FALSE(run(fits).too_large);
    for (const auto& text : {line, lines, endless}) {
      CHECK(run("data: 1\n\n" + text + "data: 2\n\n") == Parsed{{"|1|"}, true});
    }
  }
}

TEST_CASE("parsing takes linear time") {
  const auto start = std::chrono::steady_clock::now();
  SseParser parser(std::size_t{16} << 20);
  SseEvent event;
  std::size_t early = 0;
  const std::string head = "data: ", x = "x";
  parser.feed(head);
  CHECK_FALSE(parser.next(event));
  for (int i = 0; i < (15 << 20); ++i) {
    parser.feed(x);
    if (parser.next(event)) ++early;
  }
  CHECK(early == 0);
  parser.feed("\n\n");
  REQUIRE(parser.next(event));
  CHECK(event.data.size() == std::size_t{15} << 20);
  // A stream with CR line ends only, fed as a whole. The search for LF must not run to the end for each line.
  std::string carriage;
  for (int i = 0; i < 500'000; ++i) carriage += "data:1\r\r";
  parser.feed(carriage);
  std::size_t count = 0;
  while (parser.next(event)) ++count;
  CHECK(count == 500'000);
  // Quadratic work would take minutes. The limit leaves time for sanitizers and busy machines.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
}

TEST_CASE("sse: an event without data is not returned, but its id and retry time are kept") {
  SseParser parser(1 << 10);
  SseEvent event;
  parser.feed("id: 7\nretry: 250\ndata\n\nid: 8\n\nretry: soon\nretry: -1\nretry: 99999999999\n\n");
  REQUIRE(parser.next(event));
  CHECK(event.id == "7");
  CHECK(event.data.empty());
  CHECK(parser.retry_ms() == 250);
  CHECK_FALSE(parser.next(event));
  CHECK(parser.last_id() == "8");
  CHECK(parser.retry_ms() == 86'400'000);
}
