// JSON strings and values as they stand in a text, and the way back into one.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

// Returns the first byte in [begin, end) that cannot stand unescaped inside a JSON string: `"`, `\` or a control
// character below 0x20; `end` if there is none. Reads no byte past `end`.
const char* find_json_special(const char* begin, const char* end);

// A JSON string's contents as written between its quotes: escapes unresolved but valid, UTF-8 valid, every surrogate
// escape paired. A view: the line it was read from must outlive it. Escapes mean the same in every JSON text, so
// `raw` may be copied between quotes anywhere.
struct RawString {
  std::string_view raw;

  [[nodiscard]] bool empty() const { return raw.empty(); }
  // The text itself, as UTF-8.
  [[nodiscard]] std::string text() const;
};

// A whole JSON value as written, without surrounding white space, validated token by token. A view like RawString.
struct JsonSpan {
  std::string_view json;

  [[nodiscard]] bool empty() const { return json.empty(); }
  [[nodiscard]] bool is_string() const { return !json.empty() && json.front() == '"'; }
  [[nodiscard]] bool is_object() const { return !json.empty() && json.front() == '{'; }
  // The contents of a string value. Requires is_string().
  [[nodiscard]] RawString as_string() const { return {json.substr(1, json.size() - 2)}; }
};

// Appends `text` escaped for a JSON string, without quotes. `text` must be valid UTF-8 (see sanitize_utf8); non-ASCII
// characters are written as they are.
void append_json_escaped(std::string& out, std::string_view text);

// The same with quotes around it.
void append_json_string(std::string& out, std::string_view text);

// What `\` and `c` mean in a JSON string (RFC 8259, 7); NUL: nothing, or more must follow (`u`).
inline char short_escape(char c) {
  static constexpr auto kMeanings = [] {
    std::array<char, 256> meanings{};
    meanings['"'] = '"', meanings['\\'] = '\\', meanings['/'] = '/', meanings['b'] = '\b';
    meanings['f'] = '\f', meanings['n'] = '\n', meanings['r'] = '\r', meanings['t'] = '\t';
    return meanings;
  }();
  return kMeanings[static_cast<unsigned char>(c)];
}

// The character that `text` begins with as a JSON string's escape (`\/`, `\n`, `\u002f`, a pair of surrogates), and how
// long the escape is; nothing if it begins with none.
struct JsonEscape {
  char32_t code_point;
  std::size_t length;
};
std::optional<JsonEscape> json_escape_at(std::string_view text);

// Appends the UTF-8 encoding of one code point.
void append_utf8(std::string& out, char32_t code_point);

// Offset of the first byte that is not part of valid UTF-8; nothing if all of `text` is valid.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// `text` with every maximal invalid sequence replaced by U+FFFD.
std::string sanitize_utf8(std::string_view text);

// The longest prefix of valid UTF-8 `text` of at most `max_bytes` that ends between two characters.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);

}  // namespace aiw
