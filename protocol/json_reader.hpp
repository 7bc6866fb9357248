// A pull reader of one JSON text (RFC 8259) that knows where it is: it hands out views of the text instead of building
// a tree, and its errors name the byte and the JSON pointer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_text.hpp"

namespace aiw {

enum class JsonType { object, array, string, number, boolean, null };

std::string_view to_string(JsonType type);

struct JsonError {
  enum class Kind {
    syntax,  // no JSON
    depth,   // nested deeper than allowed
    value,   // JSON, but not what the caller can accept
  };
  Kind kind = Kind::syntax;
  std::string message;     // never quotes the text
  std::string pointer;     // RFC 6901, where the reader stood
  std::size_t offset = 0;  // bytes from the start of the text
};

// Reads a text once, forward. The first error is kept and ends the reading: every later call returns an empty value at
// once, so callers check ok() when they are done. The text must be valid UTF-8 and outlive every view handed out.
//
// A lone surrogate escape, which no UTF-8 text can carry on, is replaced in place by \ufffd (the same length) and
// counted.
class JsonReader {
 public:
  JsonReader(char* text, std::size_t size, int max_depth);

  // Checks all of the text: grammar, depth, pairs of surrogates, numbers that fit a double, keys unique in an object.
  void validate();

  [[nodiscard]] JsonType type();
  // Calls on_member(key) for each member whose value is not null; it must read the value or skip it. `key` is the key's
  // text, its escapes resolved, and lives for the call.
  template <typename F>
  void object(F&& on_member) {
    object_with_nulls([&](std::string_view key) {
      if (!skip_null()) on_member(key);
    });
  }
  // The same for each member, null or not.
  template <typename F>
  void object_with_nulls(F&& on_member) {
    if (!enter('{', JsonType::object)) return;
    for (std::string_view key; next_member(key);) {
      if (key.find('\\') == std::string_view::npos) {
        on_member(key);
      } else {
        const std::string text = RawString{key}.text();
        on_member(std::string_view(text));
      }
    }
  }
  // Calls on_item() for each item; it must read the value or skip it.
  template <typename F>
  void array(F&& on_item) {
    if (!enter('[', JsonType::array)) return;
    while (next_item()) {
      on_item();
    }
  }
  RawString raw_string();
  std::string string() { return raw_string().text(); }
  bool boolean();
  double number();
  // An integer in [min, max], written without fraction or exponent.
  std::int64_t integer(std::int64_t min, std::int64_t max);
  // Any value, as written.
  JsonSpan value();
  void skip() { value(); }
  // The text must end here.
  void end();

  // Reports that the value last begun (or about to be read) is not acceptable.
  void fail(std::string message) { fail(JsonError::Kind::value, std::move(message), at_); }
  // Takes over the error of a reader of a part of this text.
  void adopt(const JsonError& error);
  [[nodiscard]] bool ok() const { return !error_; }
  [[nodiscard]] const JsonError& error() const { return *error_; }
  [[nodiscard]] std::size_t repaired_surrogates() const { return repaired_; }
  // Where the reader stands, as a JSON pointer below `prefix`.
  [[nodiscard]] std::string pointer() const;
  void set_pointer_prefix(std::string prefix) { prefix_ = std::move(prefix); }

 private:
  struct Level {
    std::string_view key;   // the member being read
    std::size_t index = 0;  // the item being read
    bool is_array = false;
    bool first = true;
  };

  void fail(JsonError::Kind kind, std::string message, std::size_t offset);
  void skip_space();
  bool enter(char bracket, JsonType type);
  bool next_member(std::string_view& key);
  bool next_item();
  bool next_element(char close);
  bool skip_null();
  bool expect(JsonType wanted);
  std::string_view scan_string();
  bool scan_escape();
  bool scan_unicode_escape();
  std::optional<unsigned> hex4_at(std::size_t offset) const;
  std::string_view scan_number();
  void scan_literal(std::string_view literal);
  void scan_value();
  void check_keys(std::size_t from);

  char* const text_;
  const std::size_t size_;
  const std::size_t max_depth_;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
  bool check_keys_ = false;
  std::vector<std::string_view> keys_;  // of the open objects, innermost last
  std::string prefix_;
  std::optional<JsonError> error_;
  std::size_t repaired_ = 0;
};

}  // namespace aiw
