#include "worker/providers/codec/ndjson_parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace aiw;

namespace {

// The lines of `pieces`, then what no newline followed behind a "+".
std::vector<std::string> lines_of(const std::vector<std::string>& pieces, std::size_t limit = 100) {
  NdjsonParser parser(limit);
  std::vector<std::string> out;
  std::string_view line;
  for (const auto& piece : pieces) {
    parser.feed(piece);
    while (parser.next(line)) out.emplace_back(line);
  }
  if (parser.finish(line)) out.push_back("+" + std::string(line));
  if (parser.too_large()) out.emplace_back("too large");
  return out;
}

}  // namespace

TEST_CASE("lines are found however the bytes are cut, blank ones are not reported") {
  const std::string text = "one\n\n  \r\ntwo\r\n{}\nrest";
  const std::vector<std::string> expected = {"one", "two\r", "{}", "+rest"};
  CHECK(lines_of({text}) == expected);
  std::vector<std::string> single;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CHECK(lines_of({text.substr(0, cut), text.substr(cut)}) == expected);
    single.push_back(text.substr(cut, 1));
  }
  CHECK(lines_of(single) == expected);
  CHECK(lines_of({"\n", "  "}).empty());
}

TEST_CASE("a line may have so many bytes and no more") {
  CHECK(lines_of({"12345\n"}, 5) == std::vector<std::string>{"12345"});
  CHECK(lines_of({"1234", "5\n"}, 5) == std::vector<std::string>{"12345"});
  for (const auto& pieces :
       {std::vector<std::string>{"a\n123456\nb\n"}, std::vector<std::string>{"a\n123", "456\nb\n"}}) {
    CHECK(lines_of(pieces, 5) == std::vector<std::string>{"a", "too large"});
  }
}
