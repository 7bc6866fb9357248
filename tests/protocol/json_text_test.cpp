#include "protocol/json_text.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

using namespace aiw;

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_json_escaped(out, text);
  return out;
}

std::string utf8(char32_t code_point) {
  std::string out;
  append_utf8(out, code_point);
  return out;
}

}  // namespace

TEST_CASE("find_json_special finds the first byte that needs an escape, at every distance and alignment") {
  for (const char special : {'"', '\\', '\x01', '\x1f', '\0', '\n'}) {
    for (std::size_t length = 0; length < 70; ++length) {
      for (std::size_t begin = 0; begin < 17; ++begin) {
        std::string text(begin, '"');  // before the range, must be ignored
        text.append(length, 'a');
        text += special;
        text += '"';
        const char* const first = text.data() + begin;
        CHECK(find_json_special(first, text.data() + text.size()) == first + length);
        CHECK(find_json_special(first, first + length) == first + length);
      }
    }
  }
}

TEST_CASE("bytes from 0x20 on, except quotes and backslashes, are not special") {
  std::string text;
  for (int c = 0x20; c < 0x100; ++c) {
    if (c != '"' && c != '\\') text += static_cast<char>(c);
  }
  CHECK(find_json_special(text.data(), text.data() + text.size()) == text.data() + text.size());
}

TEST_CASE("RawString decodes every escape") {
  CHECK(RawString{R"(a\"b\\c\/d)"}.text() == "a\"b\\c/d");
  CHECK(RawString{R"(\b\f\n\r\t)"}.text() == "\b\f\n\r\t");
  CHECK(RawString{R"(\u0041\u00e9\u00E9\u20ac\uFFFF)"}.text() == "A\xC3\xA9\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBF");
  CHECK(RawString{R"(x\ud83d\ude00y\uDBFF\uDFFFz)"}.text() == "x\xF0\x9F\x98\x80y\xF4\x8F\xBF\xBFz");
  CHECK(RawString{R"(\u0000)"}.text() == std::string(1, '\0'));
  CHECK(RawString{R"(\\u0041)"}.text() == "\\u0041");
  CHECK(RawString{""}.text().empty());
  CHECK(RawString{"plain \xF0\x9F\x98\x80"}.text() == "plain \xF0\x9F\x98\x80");
}

TEST_CASE("append_json_escaped escapes quotes, backslashes and control characters, and nothing else") {
  CHECK(escaped("a\"b\\c/d") == R"(a\"b\\c/d)");
  CHECK(escaped("\b\f\n\r\t") == R"(\b\f\n\r\t)");
  CHECK(escaped(std::string_view("\0\x01\x1f\x7f", 4)) == "\\u0000\\u0001\\u001f\x7f");
  CHECK(escaped("\xE2\x80\xA8\xF0\x9F\x98\x80") == "\xE2\x80\xA8\xF0\x9F\x98\x80");
  CHECK(escaped("").empty());
  std::string out = "x";
  append_json_string(out, "y\n");
  CHECK(out == R"(x"y\n")");
}

TEST_CASE("escaped text decodes to the same text, for every character of the first planes") {
  for (char32_t c = 0; c < 0x11000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    const std::string text = "<" + utf8(c) + ">";
    const std::string raw = escaped(text);
    if (RawString{raw}.text() != text || nlohmann::json::parse('"' + raw + '"') != text) FAIL("code point ", +c);
  }
}

TEST_CASE("JsonSpan reports the type of its value") {
  CHECK(JsonSpan{R"("a\n")"}.is_string());
  CHECK(JsonSpan{R"("a\n")"}.as_string().text() == "a\n");
  CHECK(JsonSpan{R"("")"}.as_string().empty());
  CHECK(JsonSpan{"{}"}.is_object());
  CHECK_FALSE(JsonSpan{"[]"}.is_object());
  CHECK_FALSE(JsonSpan{}.is_string());
  CHECK_FALSE(JsonSpan{}.is_object());
}

TEST_CASE("find_invalid_utf8 returns the first bad byte") {
  CHECK_FALSE(find_invalid_utf8(""));
  CHECK_FALSE(find_invalid_utf8("a\xC3\xA9\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"));
  const std::pair<std::string_view, std::size_t> cases[] = {
      {"\x80", 0},              // continuation byte without a lead byte
      {"ab\xFF", 2},            // byte that never occurs in UTF-8
      {"a\xC0\x80", 1},         // overlong, two bytes
      {"a\xC1\xBF", 1},         // overlong, two bytes
      {"\xE0\x9F\xBF", 0},      // overlong, three bytes
      {"\xF0\x8F\xBF\xBF", 0},  // overlong, four bytes
      {"\xED\xA0\x80", 0},      // surrogate
      {"\xF4\x90\x80\x80", 0},  // beyond U+10FFFF
      {"\xF5\x80\x80\x80", 0},  // beyond U+10FFFF
      {"abc\xC3", 3},           // cut off
      {"abc\xE2\x82", 3},       // cut off
      {"abc\xF0\x9F\x98", 3},   // cut off
      {"\xC3\xA9\xE2\x82z", 2},
  };
  for (const auto& [text, offset] : cases) {
    CAPTURE(offset);
    REQUIRE(find_invalid_utf8(text));
    CHECK(*find_invalid_utf8(text) == offset);
    const std::string far = std::string(100, 'x') + std::string(text);
    CHECK(*find_invalid_utf8(far) == offset + 100);
  }
}

TEST_CASE("sanitize_utf8 replaces invalid UTF-8 and keeps the rest") {
  CHECK(sanitize_utf8("") == "");
  CHECK(sanitize_utf8("caf\xC3\xA9") == "caf\xC3\xA9");
  CHECK(sanitize_utf8("a\xFFz") == "a\xEF\xBF\xBDz");
  CHECK(sanitize_utf8("a\xF0\x9F\x98z") == "a\xEF\xBF\xBDz");
  CHECK(sanitize_utf8("\xFF\xFE") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(sanitize_utf8("\xE2\x82\xE2\x82\xAC") == "\xEF\xBF\xBD\xE2\x82\xAC");
  CHECK(sanitize_utf8("tail\xC3") == "tail\xEF\xBF\xBD");
}

TEST_CASE("sanitize_utf8 takes linear time, even for invalid text") {
  const std::string text(1 << 20, '\xFF');
  const auto begin = std::chrono::steady_clock::now();
  const std::string out = sanitize_utf8(text);
  CHECK(out.size() == 3 * text.size());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));  // a minute if quadratic
}

TEST_CASE("utf8_prefix cuts only between characters") {
  const std::string_view text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t max = 0; max < std::size(expected); ++max) CHECK(utf8_prefix(text, max).size() == expected[max]);
}

TEST_CASE("append_utf8 writes one to four bytes") {
  CHECK(utf8(U'A') == "A");
  CHECK(utf8(0x7FF) == "\xDF\xBF");
  CHECK(utf8(0x800) == "\xE0\xA0\x80");
  CHECK(utf8(0xFFFF) == "\xEF\xBF\xBF");
  CHECK(utf8(0x10000) == "\xF0\x90\x80\x80");
  CHECK(utf8(0x10FFFF) == "\xF4\x8F\xBF\xBF");
}
