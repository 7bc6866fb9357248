// One event's JSON, parsed strictly at first and leniently where broken Unicode or a large number is the only fault,
// and the joiner that puts characters together which an upstream split across deltas.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiw {

using JsonElement = simdjson::dom::element;

// A parser to be reused for all events of one answer. Parses exactly one JSON value, fully validated, at most 128
// levels deep. If lone surrogate escapes or invalid UTF-8 make it fail, it tries once more on a copy in which each
// such surrogate and each such byte is a marker character of a private range: repaired() is then true, and text must
// go through a TextJoiner or plain_text(), which know the markers. A number that fits neither 64 bits nor a double is a
// marked string in that copy; json_text() writes it as the number that it was. Not thread-safe.
class EventJson {
 public:
  static constexpr std::size_t kMaxDepth = 128;

  // Nothing: the text is not one JSON value, or there is no memory for it, which ends its owner. The element lives
  // until the next call, and json_text() needs `text` until then.
  std::optional<JsonElement> parse(std::string_view text);
  // True if the element last returned holds marker characters.
  [[nodiscard]] bool repaired() const { return repaired_; }
  // True if the text last parsed is valid JSON as it stands, whatever the size of its numbers. (Not noticed: large
  // numbers beside characters of the markers' range.)
  [[nodiscard]] bool is_valid_json() const { return valid_json_; }
  // A string of that element as valid UTF-8, for what is not streamed: names, ids, messages.
  [[nodiscard]] std::string plain_text(std::string_view text) const;
  // A value of that element as compact, valid JSON, with its numbers as they were written.
  [[nodiscard]] std::string json_text(const JsonElement& value) const;

 private:
  static constexpr std::size_t kFirstCapacity = 4096;

  // Objects and arrays of the element in document order, each with the number of fractions before it.
  struct Fractions {
    std::vector<std::string_view> texts;  // as written
    std::vector<std::pair<simdjson::dom::object::iterator, std::size_t>> objects;
    std::vector<std::pair<simdjson::dom::array::iterator, std::size_t>> arrays;

    void add(const JsonElement& value, std::size_t& count);
    [[nodiscard]] std::size_t before(const JsonElement& value) const;
  };

  // Memory that the parser reserves and never touches is nobody's (worker/base/memory_account.hpp).
  class Untouched {
   public:
    Untouched() = default;
    Untouched(const Untouched&) = delete;
    Untouched& operator=(const Untouched&) = delete;
    ~Untouched();
    void set(std::ptrdiff_t bytes);

   private:
    std::ptrdiff_t bytes_ = 0;
  };

  bool reserve(std::string_view text);
  simdjson::error_code parse_leniently(std::string_view text, simdjson::error_code error, JsonElement& element);
  void restore_fractions(const JsonElement& value, std::string& json) const;

  Untouched untouched_;  // longer than the parser
  simdjson::dom::parser parser_{};
  std::string copy_;
  std::string_view source_;                     // what was parsed: the caller's text or copy_
  mutable std::optional<Fractions> fractions_;  // of source_, once they are needed
  bool repaired_ = false;
  bool valid_json_ = false;
};

// Joins the text deltas of one channel (one content part): turns markers back into characters, keeps the half of a
// character that ends a delta until the next delta brings the other half. What never becomes a character comes out as
// U+FFFD. Costs nothing while no marker was met.
class TextJoiner {
 public:
  // The text to hand on, possibly empty; it lives until the next call, and no longer than `text`.
  std::string_view add(std::string_view text, bool repaired) {
    if (!repaired && held_.empty()) return text;
    return join(text, repaired);
  }
  // The part ended: what is still held.
  std::string_view flush();

 private:
  std::string_view join(std::string_view text, bool repaired);

  std::string held_;  // WTF-8 (a lone surrogate as three bytes) and stray bytes, not yet handed on
  std::string out_;
};

// Readers that give nothing where the value is missing or has another type.
std::optional<JsonElement> get_member(const JsonElement& object, std::string_view key);  // null counts as missing
std::optional<JsonElement> get_path(const JsonElement& object, std::initializer_list<std::string_view> keys);
std::optional<std::string_view> get_string(const JsonElement& object, std::string_view key);
std::string_view get_string_or_empty(const JsonElement& object, std::string_view key);
// The id of a tool's call. One of more than kMaxCallIdBytes becomes a short one, the same for the same text: every
// delta of the call repeats it.
inline constexpr std::size_t kMaxCallIdBytes = 1024;
std::string read_call_id(const EventJson& json, const JsonElement& object, std::string_view key);
// A count: an integer from 0 to 2^63 - 1, or a float that is one.
std::optional<std::int64_t> as_count(const JsonElement& value);
std::optional<std::int64_t> get_count(const JsonElement& object, std::string_view key);
std::optional<bool> get_bool(const JsonElement& object, std::string_view key);
std::optional<simdjson::dom::object> get_object(const JsonElement& object, std::string_view key);
std::optional<simdjson::dom::array> get_array(const JsonElement& object, std::string_view key);

// The member `error` of an object if it reports one: null, false and empty values do not.
std::optional<JsonElement> get_error(const JsonElement& object);
bool reports_error(const JsonElement& error);

// The value written again as compact JSON, numbers as the parser reads them. Answers use EventJson::json_text().
std::string to_json(const JsonElement& value);

}  // namespace aiw
