#include "protocol/line_framer.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using aiw::FramedLine;
using aiw::LineFramer;

constexpr const char* kTooLarge = "<too large>";

void drain(LineFramer& framer, std::vector<std::string>& out) {
  while (auto line = framer.next()) out.push_back(line->too_large ? kTooLarge : line->text);
}

void feed(LineFramer& framer, std::string_view bytes, std::vector<std::string>& out) {
  const auto room = framer.prepare(bytes.size());
  REQUIRE(room.size() >= bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  framer.commit(bytes.size());
  drain(framer, out);
}

std::vector<std::string> lines_of(const std::vector<std::string_view>& pieces, std::size_t max) {
  LineFramer framer(max);
  std::vector<std::string> out;
  for (const auto piece : pieces) feed(framer, piece, out);
  if (auto line = framer.finish()) out.push_back(line->too_large ? kTooLarge : line->text);
  CHECK_FALSE(framer.finish());
  return out;
}

// Checks that the input gives `expected` as a whole, cut in two at any position, and byte by byte.
void check_every_split(std::string_view input, const std::vector<std::string>& expected, std::size_t max = 1000) {
  CAPTURE(input);
  CHECK(lines_of({input}, max) == expected);
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < input.size(); ++i) {
    CHECK(lines_of({input.substr(0, i), input.substr(i)}, max) == expected);
    bytes.push_back(input.substr(i, 1));
  }
  CHECK(lines_of(bytes, max) == expected);
}

}  // namespace

TEST_CASE("lines end at LF or CR LF, and the last line at the end of input") {
  check_every_split("", {});
  check_every_split("a\nbc\n", {"a", "bc"});
  check_every_split("a\r\nb\rc\r\nd", {"a", "b\rc", "d"});
  check_every_split("last\r", {"last"});
  check_every_split(std::string_view("a\0b\n", 4), {std::string("a\0b", 3)});
}

TEST_CASE("blank lines are not reported") {
  check_every_split("\n\r\n \t\n \r\n  x \n\n", {"  x "});
  check_every_split(" \t", {});
}

TEST_CASE("a byte order mark is skipped only at the very start") {
  check_every_split("\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}\n", {"{}", "\xEF\xBB\xBF{}"});
  check_every_split("\xEF\xBB\xBF\n{}\n", {"{}"});
  check_every_split("\n\xEF\xBB\xBF{}\n", {"\xEF\xBB\xBF{}"});
  check_every_split("\xEF\xBB", {"\xEF\xBB"});
}

TEST_CASE("a line at the limit passes, a longer one is reported once and dropped") {
  check_every_split("12345678\nok\n", {"12345678", "ok"}, 8);
  check_every_split("123456789\nok\n", {kTooLarge, "ok"}, 8);
  check_every_split("ok\n12345678901234567890\nok\n", {"ok", kTooLarge, "ok"}, 8);
  check_every_split("12345678901234567890", {kTooLarge}, 8);
  check_every_split("123456789\n123456789\r\n\n1\n", {kTooLarge, kTooLarge, "1"}, 8);
}

TEST_CASE("an oversized line is reported before it ends") {
  LineFramer framer(4);
  std::vector<std::string> out;
  feed(framer, "12345", out);
  CHECK(out == std::vector<std::string>{kTooLarge});
}

TEST_CASE("long lines arrive complete, whatever surrounds them") {
  const std::string longer(300'000, 'x');
  const std::string line(100'000, 'y');
  std::string input = "a\n" + longer + "\nb\n" + line + "\r\n" + longer + "\nc";
  const std::vector<std::string> expected = {"a", longer, "b", line, longer, "c"};
  for (const std::size_t piece : {1000UL, 65'536UL, 262'144UL, input.size()}) {
    CAPTURE(piece);
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < input.size(); at += piece) {
      pieces.push_back(std::string_view(input).substr(at, piece));
    }
    CHECK(lines_of(pieces, 1 << 20) == expected);
  }
}

TEST_CASE("every line has room for the parser's padding") {
  LineFramer framer(1 << 20);
  for (const std::size_t length : {1UL, 63UL, 40'000UL, 65'535UL, 500'000UL}) {
    const std::string input = std::string(length, 'x') + "\n";
    const auto room = framer.prepare(input.size());
    std::memcpy(room.data(), input.data(), input.size());
    framer.commit(input.size());
    const auto line = framer.next();
    REQUIRE(line);
    CHECK(line->text.capacity() >= length + 64);
    CHECK_FALSE(framer.next());
  }
}

TEST_CASE("a long line is returned without a copy") {
  LineFramer framer(1 << 24);
  const std::string bytes(1 << 20, 'x');
  std::vector<std::string> out;
  feed(framer, bytes, out);
  const auto room = framer.prepare(16);
  const char* const start = room.data() - bytes.size();
  std::memcpy(room.data(), "\nrest", 5);
  framer.commit(5);
  const auto line = framer.next();
  REQUIRE(line);
  CHECK(line->text.data() == start);
  CHECK(framer.finish()->text == "rest");
}

TEST_CASE("a dropped line is skipped to its end, however it continues") {
  LineFramer framer(1 << 20);
  std::vector<std::string> out;
  feed(framer, "first\nthe begi", out);
  const aiw::FramedLine line = framer.drop_line();
  CHECK(line.no_memory);
  CHECK(line.text.empty());
  feed(framer, "nning is lost\nnext\n", out);
  CHECK(out == std::vector<std::string>{"first", "next"});
}
