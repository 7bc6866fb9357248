#include "worker/base/rope.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

namespace {

using aiw::Rope;

std::string read_in_pieces(Rope& rope, std::size_t piece) {
  std::string out;
  std::string buffer(piece, '\0');
  while (const std::size_t count = rope.read(out.size(), buffer.data(), piece)) {
    CHECK(count <= piece);
    out.append(buffer, 0, count);
  }
  return out;
}

}  // namespace

TEST_CASE("a rope reads as the concatenation of its pieces, with reads of any size") {
  const std::string large(1000, 'l');
  const std::string larger(3000, 'm');
  Rope rope;
  rope.append("[");
  rope.append("");
  rope.append("a,");
  rope.splice(large);
  rope.splice(larger);
  rope.splice("short");
  rope.append("]");
  const std::string whole = "[a," + large + larger + "short]";
  CHECK(rope.size() == whole.size());
  CHECK(rope.str() == whole);
  for (const std::size_t piece : {1UL, 2UL, 7UL, 999UL, 1000UL, 1001UL, 10'000UL}) {
    CAPTURE(piece);
    CHECK(read_in_pieces(rope, piece) == whole);
  }
}

TEST_CASE("a read may start at any offset, also before the previous one") {
  const std::string large(500, 'x');
  Rope rope;
  rope.append("ab");
  rope.splice(large);
  rope.append("yz");
  const auto whole = rope.str();
  char buffer[4];
  for (const std::size_t offset : {0UL, 503UL, 1UL, 2UL, 499UL, 0UL, 502UL}) {
    CAPTURE(offset);
    const auto count = rope.read(offset, buffer, sizeof buffer);
    CHECK(std::string_view(buffer, count) == whole.substr(offset, sizeof buffer));
  }
  CHECK(rope.read(whole.size(), buffer, sizeof buffer) == 0);
  CHECK(rope.read(whole.size() + 10, buffer, sizeof buffer) == 0);
  CHECK(rope.read(0, buffer, 2) == 2);
}

TEST_CASE("long pieces are referenced, short ones are copied") {
  std::string large(500, 'x');
  std::string small = "small";
  Rope rope;
  rope.splice(large);
  rope.splice(small);
  large[0] = 'y';
  small[0] = 'S';
  CHECK(rope.str().starts_with("yx"));
  CHECK(rope.str().ends_with("xsmall"));
}

TEST_CASE("a shared rope is read at its position, and can be part of several ropes") {
  const std::string large(500, 'x');
  auto beginning = std::make_shared<Rope>();
  beginning->append("[a");
  beginning->splice(large);
  for (int i = 0; i < 3; ++i) {
    Rope rope;
    rope.append("{");
    rope.share(beginning);
    rope.share(std::make_shared<Rope>());
    rope.share(beginning);
    rope.append("}");
    const std::string whole = "{[a" + large + "[a" + large + "}";
    CHECK(rope.size() == whole.size());
    CHECK(rope.str() == whole);
    for (const std::size_t piece : {1UL, 3UL, 501UL, 10'000UL}) CHECK(read_in_pieces(rope, piece) == whole);
    char buffer[4];
    for (const std::size_t offset : {0UL, 502UL, 1UL, 504UL, 2UL}) {
      const auto count = rope.read(offset, buffer, sizeof buffer);
      CHECK(std::string_view(buffer, count) == whole.substr(offset, sizeof buffer));
    }
  }
}

TEST_CASE("a rope keeps many small copied pieces and a huge one") {
  Rope rope;
  std::string whole;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = std::to_string(i);
    i % 7 == 0 ? rope.splice(text) : rope.append(text);
    whole += text;
  }
  const std::string huge(300'000, 'h');
  rope.append(huge);
  CHECK(rope.size() == whole.size() + huge.size());
  CHECK(rope.str() == whole + huge);
  CHECK(read_in_pieces(rope, 65'536) == whole + huge);
}

TEST_CASE("a moved-from rope can be written again") {
  Rope rope;
  rope.append("abc");
  const Rope moved = std::move(rope);
  rope.append("xyz");
  CHECK(moved.str() == "abc");
  CHECK(rope.str() == "xyz");
}

TEST_CASE("an empty or moved-from rope returns no bytes") {
  Rope rope;
  char byte = 0;
  CHECK(rope.read(0, &byte, 1) == 0);
  CHECK(rope.str().empty());
  rope.append("abc");
  Rope moved = std::move(rope);
  CHECK(moved.str() == "abc");
}
