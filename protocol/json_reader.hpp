// Pull reader for one JSON text (RFC 8259). It returns views of the text instead of building a tree. Its errors report
// the byte offset and the JSON pointer.
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
    syntax,  // not JSON
    depth,   // nested deeper than allowed
    value,   // valid JSON, but not accepted by the caller
  };
  Kind kind = Kind::syntax;
  std::string message;     // never quotes the text
  std::string pointer;     // position of the reader (RFC 6901)
  std::size_t offset = 0;  // bytes from the start of the text
};

// Reads a text once, forward. The first error is kept and stops the reader: every later call returns an empty value at
// once. Callers may therefore check ok() only at the end. The text must be valid UTF-8 and outlive every returned view.
// A lone surrogate escape cannot be represented in UTF-8. It is replaced in place by \ufffd (same length) and counted.
class JsonReader {
 public:
  JsonReader(char* text, std::size_t size, int max_depth);

  // Validates the whole text: grammar, depth, surrogate pairs, numbers that fit a double, and unique keys in each
  // object.
  void validate();

  [[nodiscard]] JsonType type();
  // Calls on_member(key) for each member whose value is not null. on_member must read or skip the value. `key` has its
  // escapes resolved and is valid for that call only.
  template <typename F>
  void object(F&& on_member) {
    object_with_nulls([&](std::string_view key) {
      if (!skip_null()) on_member(key);
    });
  }
  // Same as object(), but includes members whose value is null.
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
  // Calls on_item() for each item, which must read or skip the value.
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
  // Reads an integer in [min, max], written without fraction or exponent.
  std::int64_t integer(std::int64_t min, std::int64_t max);
  // Reads any value and returns it as written.
  JsonSpan value();
  void skip() { value(); }
  // Fails unless the text ends here.
  void end();

  // Rejects the current value (the one last begun or about to be read).
  void fail(std::string message) { fail(JsonError::Kind::value, std::move(message), at_); }
  // Takes over the error of a reader of a part of this text.
  void adopt(const JsonError& error);
  [[nodiscard]] bool ok() const { return !error_; }
  [[nodiscard]] const JsonError& error() const { return *error_; }
  [[nodiscard]] std::size_t repaired_surrogates() const { return repaired_; }
  // Returns the reader's position as a JSON pointer below `prefix`.
  [[nodiscard]] std::string pointer() const;
  void set_pointer_prefix(std::string prefix) { prefix_ = std::move(prefix); }

 private:
  struct Level {
    std::string_view key;   // key of the current member
    std::size_t index = 0;  // index of the current item
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
  std::vector<std::string_view> keys_;  // keys of the open objects, innermost last
  std::string prefix_;
  std::optional<JsonError> error_;
  std::size_t repaired_ = 0;
};

}  // namespace aiw
