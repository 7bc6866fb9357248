// JSON strings and values as written in a text, and functions to decode and encode them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

// Returns the first byte in [begin, end) that must be escaped in a JSON string: `"`, `\` or a control character below
// 0x20. Returns `end` if there is none. Reads no byte past `end`.
const char* find_json_special(const char* begin, const char* end);

// Contents of a JSON string as written between its quotes. Escapes are unresolved but valid, UTF-8 is valid, and every
// surrogate escape is paired. A view: the source line must outlive it. Escapes mean the same in every JSON text, so
// `raw` may be copied between any quotes.
struct RawString {
  std::string_view raw;

  [[nodiscard]] bool empty() const { return raw.empty(); }
  // Returns the text with its escapes resolved, as UTF-8.
  [[nodiscard]] std::string text() const;
};

// A whole JSON value as written, without surrounding white space, validated token by token. A view like RawString.
struct JsonSpan {
  std::string_view json;

  [[nodiscard]] bool empty() const { return json.empty(); }
  [[nodiscard]] bool is_string() const { return !json.empty() && json.front() == '"'; }
  [[nodiscard]] bool is_object() const { return !json.empty() && json.front() == '{'; }
  // Returns the contents of a string value. Requires is_string().
  [[nodiscard]] RawString as_string() const { return {json.substr(1, json.size() - 2)}; }
};

// Appends `text` escaped for a JSON string, without quotes. `text` must be valid UTF-8 (see sanitize_utf8). Non-ASCII
// characters are not escaped.
void append_json_escaped(std::string& out, std::string_view text);

// Same as append_json_escaped(), with quotes around the text.
void append_json_string(std::string& out, std::string_view text);
// Returns such a string.
std::string json_string(std::string_view text);

// Returns the character that `\` followed by `c` stands for in a JSON string (RFC 8259, 7). Returns NUL if the escape
// is invalid or needs more characters (`u`).
inline char short_escape(char c) {
  static constexpr auto kMeanings = [] {
    std::array<char, 256> meanings{};
    meanings['"'] = '"', meanings['\\'] = '\\', meanings['/'] = '/', meanings['b'] = '\b';
    meanings['f'] = '\f', meanings['n'] = '\n', meanings['r'] = '\r', meanings['t'] = '\t';
    return meanings;
  }();
  return kMeanings[static_cast<unsigned char>(c)];
}

// Code point and length of a JSON escape (`\/`, `\n`, `\u002f`, a surrogate pair). json_escape_at() reads the one at
// the start of `text`; nullopt if there is none.
struct JsonEscape {
  char32_t code_point;
  std::size_t length;
};
std::optional<JsonEscape> json_escape_at(std::string_view text);

// Appends the UTF-8 encoding of one code point.
void append_utf8(std::string& out, char32_t code_point);

// Returns the offset of the first byte that is not valid UTF-8; nullopt if all of `text` is valid.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// Returns `text` with each maximal invalid sequence replaced by U+FFFD.
std::string sanitize_utf8(std::string_view text);

// Returns the longest prefix of `text` (valid UTF-8) that has at most `max_bytes` and does not split a character.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);

}  // namespace aiw
