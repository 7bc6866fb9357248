// A small appender of JSON objects and arrays to a string: commas and quotes right, nothing else hidden.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/json_text.hpp"

namespace aiw {

// Writes one JSON value into `out`, which must outlive it. Strings must be valid UTF-8. Keys are plain ASCII
// identifiers and are not escaped.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    comma_ = false;
    return *this;
  }

  JsonWriter& string(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
  }
  JsonWriter& boolean(bool value) { return token(value ? "true" : "false"); }
  JsonWriter& null() { return token("null"); }
  template <std::integral T>
  JsonWriter& number(T value) {
    char digits[24];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    return token({digits, static_cast<std::size_t>(result.ptr - digits)});
  }
  JsonWriter& number(double value) {
    char digits[32];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    return token({digits, static_cast<std::size_t>(result.ptr - digits)});
  }
  // A value that is JSON already.
  JsonWriter& raw(JsonSpan value) { return token(value.json); }
  // A string whose contents are escaped already.
  JsonWriter& raw(RawString value) {
    separate();
    out_ += '"';
    out_ += value.raw;
    out_ += '"';
    return *this;
  }
  // A value that is JSON already, in consecutive pieces.
  JsonWriter& raw(std::span<const std::string_view> pieces) {
    separate();
    for (const auto piece : pieces) out_ += piece;
    return *this;
  }

  JsonWriter& field(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, bool value) { return key(name).boolean(value); }
  template <std::integral T>
  JsonWriter& field(std::string_view name, T value) {
    return key(name).number(value);
  }
  JsonWriter& field(std::string_view name, double value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, JsonSpan value) { return key(name).raw(value); }
  JsonWriter& field(std::string_view name, RawString value) { return key(name).raw(value); }
  // Absent values become null.
  template <typename T>
  JsonWriter& field(std::string_view name, const std::optional<T>& value) {
    return value ? field(name, *value) : key(name).null();
  }

 private:
  JsonWriter& open(char bracket) {
    separate();
    out_ += bracket;
    comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    comma_ = true;
    return *this;
  }
  JsonWriter& token(std::string_view text) {
    separate();
    out_ += text;
    return *this;
  }
  void separate() {
    if (comma_) out_ += ',';
    comma_ = true;
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace aiw
