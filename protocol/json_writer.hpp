// Minimal writer for JSON objects and arrays. It places commas and quotes, and does nothing else.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/json_text.hpp"

namespace aiw {

// Writes JSON into `out`, which must outlive the writer. `out` is a std::string or anything with append(). If it also
// has splice(), it receives raw texts by reference instead of a copy. Strings must be valid UTF-8. Keys are plain ASCII
// identifiers and are not escaped.
template <typename Out>
class BasicJsonWriter {
 public:
  // `goes_on`: `out` already has preceding elements or members, so the first write begins with a comma.
  explicit BasicJsonWriter(Out& out, bool goes_on = false) : out_(out), comma_(goes_on) {}

  BasicJsonWriter& begin_object() { return open('{'); }
  BasicJsonWriter& end_object() { return close('}'); }
  BasicJsonWriter& begin_array() { return open('['); }
  BasicJsonWriter& end_array() { return close(']'); }

  BasicJsonWriter& key(std::string_view name) {
    char text[kLongestKey + 4];
    char* end = text;
    if (comma_) *end++ = ',';
    comma_ = false;
    *end++ = '"';
    if (name.size() > kLongestKey) {
      out_.append(std::string_view(text, static_cast<std::size_t>(end - text)));
      out_.append(name);
      end = text;
    } else {
      end = std::copy(name.begin(), name.end(), end);
    }
    *end++ = '"';
    *end++ = ':';
    out_.append(std::string_view(text, static_cast<std::size_t>(end - text)));
    return *this;
  }

  // The same of a literal, in one append: a Rope's cost more than a string's.
  template <std::size_t N>
  BasicJsonWriter& key(const char (&name)[N]) {
    char text[N + 3] = {',', '"'};
    std::memcpy(text + 2, name, N - 1);
    std::memcpy(text + N + 1, "\":", 2);
    append_after_comma(text, N + 3);
    comma_ = false;
    return *this;
  }

  BasicJsonWriter& string(std::string_view text) {
    separate();
    if constexpr (std::same_as<Out, std::string>) {
      append_json_string(out_, text);
    } else {
      std::string quoted;
      append_json_string(quoted, text);
      out_.append(quoted);
    }
    return *this;
  }
  BasicJsonWriter& boolean(bool value) { return token(value ? "true" : "false"); }
  BasicJsonWriter& null() { return token("null"); }
  template <std::integral T>
  BasicJsonWriter& number(T value) {
    char digits[24];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    return token({digits, static_cast<std::size_t>(result.ptr - digits)});
  }
  BasicJsonWriter& number(double value) {
    char digits[32];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    return token({digits, static_cast<std::size_t>(result.ptr - digits)});
  }
  // Writes a value that is already JSON.
  BasicJsonWriter& raw(JsonSpan value) {
    separate();
    refer(value.json);
    return *this;
  }
  // Writes a string whose contents are already escaped.
  BasicJsonWriter& raw(RawString value) {
    begin_string();
    refer(value.raw);
    return end_string();
  }
  // Writes a value that is already JSON, in consecutive pieces.
  BasicJsonWriter& raw(std::span<const std::string_view> pieces) {
    separate();
    for (const auto piece : pieces) refer(piece);
    return *this;
  }
  // Writes a value that is already JSON. Always copies it, so that it need not outlive `out`.
  BasicJsonWriter& copy(std::string_view json) { return token(json); }
  // Writes members of an object or elements of an array that are already JSON and separated by commas. Always copies.
  BasicJsonWriter& copy_list(std::string_view items) { return items.empty() ? *this : token(items); }

  // Opens a string. The caller appends its escaped contents to out() and then calls end_string().
  BasicJsonWriter& begin_string() {
    append_after_comma(",\"", 2);
    return *this;
  }
  BasicJsonWriter& end_string() { return close('"'); }
  [[nodiscard]] Out& out() { return out_; }

  // The same of two literals; nothing in `text` needs an escape.
  template <std::size_t N, std::size_t M>
  BasicJsonWriter& field(const char (&name)[N], const char (&text)[M]) {
    char member[N + M + 4] = {',', '"'};
    std::memcpy(member + 2, name, N - 1);
    std::memcpy(member + N + 1, "\":\"", 3);
    std::memcpy(member + N + 4, text, M - 1);
    member[N + M + 3] = '"';
    append_after_comma(member, N + M + 4);
    return *this;
  }
  template <std::size_t N>
  BasicJsonWriter& field(const char (&name)[N], RawString value) {
    char text[N + 4] = {',', '"'};
    std::memcpy(text + 2, name, N - 1);
    std::memcpy(text + N + 1, "\":\"", 3);
    append_after_comma(text, N + 4);
    refer(value.raw);
    return end_string();
  }
  BasicJsonWriter& field(std::string_view name, std::string_view text) { return key(name).string(text); }
  BasicJsonWriter& field(std::string_view name, const char* text) { return key(name).string(text); }
  BasicJsonWriter& field(std::string_view name, bool value) { return key(name).boolean(value); }
  template <std::integral T>
  BasicJsonWriter& field(std::string_view name, T value) {
    return key(name).number(value);
  }
  BasicJsonWriter& field(std::string_view name, double value) { return key(name).number(value); }
  BasicJsonWriter& field(std::string_view name, JsonSpan value) { return key(name).raw(value); }
  BasicJsonWriter& field(std::string_view name, RawString value) { return key(name).raw(value); }
  // Writes null for an absent value.
  template <typename T>
  BasicJsonWriter& field(std::string_view name, const std::optional<T>& value) {
    return value ? field(name, *value) : key(name).null();
  }

 private:
  static constexpr std::size_t kLongestKey = 60;  // longest key that is buffered here, so that `out` is called once

  BasicJsonWriter& open(char bracket) {
    const char text[2] = {',', bracket};
    append_after_comma(text, 2);
    comma_ = false;
    return *this;
  }
  BasicJsonWriter& close(char bracket) {
    put(bracket);
    comma_ = true;
    return *this;
  }
  BasicJsonWriter& token(std::string_view text) {
    separate();
    out_.append(text);
    return *this;
  }
  void refer(std::string_view text) {
    if constexpr (requires { out_.splice(text); }) {
      out_.splice(text);
    } else {
      out_.append(text);
    }
  }
  void put(char c) {
    if constexpr (requires { out_.push_back(c); }) {
      out_.push_back(c);
    } else {
      out_.append(std::string_view(&c, 1));
    }
  }
  // `text` begins with a comma, which is left out of a first element.
  void append_after_comma(const char* text, std::size_t size) {
    const std::size_t skip = comma_ ? 0 : 1;
    out_.append(std::string_view(text + skip, size - skip));
    comma_ = true;
  }
  void separate() {
    if (comma_) put(',');
    comma_ = true;
  }

  Out& out_;
  bool comma_;
};

using JsonWriter = BasicJsonWriter<std::string>;

}  // namespace aiw
