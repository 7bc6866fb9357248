// Parser for the JSON of one event. It is strict at first, and lenient if broken Unicode or a large number is the only
// fault. Also the joiner of characters that an upstream split across deltas.
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

// A parser to reuse for all events of one response. Parses exactly one JSON value, fully validated, at most 128 levels
// deep. If lone surrogate escapes or invalid UTF-8 cause a failure, it retries on a copy. The copy has a marker
// character of a private range for each such surrogate and byte. Then repaired() is true, and text must pass through a
// TextJoiner or plain_text(), which decode the markers. A number that fits neither 64 bits nor a double is a marked
// string in the copy; json_text() writes it as the original number. Not thread-safe.
class EventJson {
 public:
  static constexpr std::size_t kMaxDepth = 128;

  // Returns nothing if the text is not one JSON value. Also returns nothing if there is no memory for it; the owner of
  // the memory account is then closed. The element is valid until the next call, and json_text() needs `text` until
  // then.
  std::optional<JsonElement> parse(std::string_view text);
  // True if the element returned last holds marker characters.
  [[nodiscard]] bool repaired() const { return repaired_; }
  // True if the text parsed last is valid JSON as received, whatever the size of its numbers. (Exception: it misses
  // large numbers in a text that also has characters of the markers' range.)
  [[nodiscard]] bool is_valid_json() const { return valid_json_; }
  // Returns a string of that element as valid UTF-8. For strings that are not streamed: names, ids, messages.
  [[nodiscard]] std::string plain_text(std::string_view text) const;
  // Returns such a string that is a member of an object; empty if there is none.
  [[nodiscard]] std::string text(const JsonElement& object, std::string_view key) const;
  // Returns a value of that element as compact, valid JSON, with its numbers as received.
  [[nodiscard]] std::string json_text(const JsonElement& value) const;
  // Returns such a string as it is, and any other value as JSON. Some servers send the JSON of arguments in a string.
  [[nodiscard]] std::string text_or_json(const JsonElement& value) const;

 private:
  static constexpr std::size_t kFirstCapacity = 4096;

  // Objects and arrays of the element in document order, each with the number of fractions before it.
  struct Fractions {
    std::vector<std::string_view> texts;  // as received
    std::vector<std::pair<simdjson::dom::object::iterator, std::size_t>> objects;
    std::vector<std::pair<simdjson::dom::array::iterator, std::size_t>> arrays;

    void add(const JsonElement& value, std::size_t& count);
    [[nodiscard]] std::size_t before(const JsonElement& value) const;
  };

  // Memory that the parser reserves but never touches, which is charged to nobody (worker/base/memory_account.hpp).
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

  Untouched untouched_;  // must outlive the parser
  simdjson::dom::parser parser_{};
  std::string copy_;
  std::string_view source_;                     // the parsed text: the caller's or copy_
  mutable std::optional<Fractions> fractions_;  // fractions of source_, found on first use
  bool repaired_ = false;
  bool valid_json_ = false;
};

// Joins the text deltas of one channel (one content part). Turns markers back into characters. Keeps a half character
// at the end of a delta until the next delta brings the other half. A half that stays alone becomes U+FFFD. Costs
// nothing until the first marker.
class TextJoiner {
 public:
  // Returns the text to pass on, possibly empty. It is valid until the next call, and no longer than `text`.
  std::string_view add(std::string_view text, bool repaired) {
    if (!repaired && held_.empty()) return text;
    return join(text, repaired);
  }
  // Call at the end of the part: returns the text that is still held.
  std::string_view flush();

 private:
  std::string_view join(std::string_view text, bool repaired);

  std::string held_;  // WTF-8 (a lone surrogate as three bytes) and stray bytes, not yet passed on
  std::string out_;
};

// Readers that return nothing if the value is missing or has another type.
std::optional<JsonElement> get_member(const JsonElement& object, std::string_view key);  // null counts as missing
std::optional<JsonElement> get_path(const JsonElement& object, std::initializer_list<std::string_view> keys);
std::optional<std::string_view> get_string(const JsonElement& object, std::string_view key);
std::string_view get_string_or_empty(const JsonElement& object, std::string_view key);
// Reads the id of a tool call. An id of more than kMaxCallIdBytes is replaced by a short one. The same text gives the
// same short id, because every delta of the call repeats it.
inline constexpr std::size_t kMaxCallIdBytes = 1024;
std::string read_call_id(const EventJson& json, const JsonElement& object, std::string_view key);
// Same for the name of a tool, which every frame of its calls repeats.
inline std::string read_tool_name(const EventJson& json, const JsonElement& object, std::string_view key = "name") {
  return read_call_id(json, object, key);
}
// Reads a count: an integer from 0 to 2^63 - 1, or a float with such a value.
std::optional<std::int64_t> as_count(const JsonElement& value);
inline std::optional<std::int64_t> as_count(const std::optional<JsonElement>& value) {
  return value ? as_count(*value) : std::nullopt;
}
std::optional<std::int64_t> get_count(const JsonElement& object, std::string_view key);
std::optional<std::int64_t> count_at(const JsonElement& object, std::initializer_list<std::string_view> path);
std::optional<bool> get_bool(const JsonElement& object, std::string_view key);
std::optional<simdjson::dom::object> get_object(const JsonElement& object, std::string_view key);
std::optional<simdjson::dom::array> get_array(const JsonElement& object, std::string_view key);

// Returns a string value; empty for any other value.
inline std::string_view as_string(const JsonElement& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? text : std::string_view();
}
inline std::string_view as_string(const std::optional<JsonElement>& value) {
  return value ? as_string(*value) : std::string_view();
}

// Elements of an array, or members of an object. A value of another form has none.
template <typename Container>
class JsonRange {
 public:
  JsonRange() = default;
  explicit JsonRange(const JsonElement& value) {
    Container container;
    if (value.get(container) != simdjson::SUCCESS) return;
    begin_ = container.begin();
    end_ = container.end();
  }
  [[nodiscard]] auto begin() const { return begin_; }
  [[nodiscard]] auto end() const { return end_; }
  [[nodiscard]] bool empty() const { return !(begin_ != end_); }

 private:
  typename Container::iterator begin_{}, end_{};
};
using JsonElements = JsonRange<simdjson::dom::array>;
using JsonMembers = JsonRange<simdjson::dom::object>;

inline JsonElements elements_of(const JsonElement& array) { return JsonElements(array); }
inline JsonElements elements_of(const std::optional<JsonElement>& array) {
  return array ? JsonElements(*array) : JsonElements();
}
JsonElements elements_of(const JsonElement& object, std::string_view key);
inline JsonMembers members_of(const JsonElement& object) { return JsonMembers(object); }

struct MemberSlot {
  std::string_view key;
  std::optional<JsonElement>& value;
};

// Puts the value of each named member into its slot. null counts as missing. The last of equal keys counts.
inline void read_members(const JsonElement& object, std::initializer_list<MemberSlot> slots) {
  for (const auto [key, value] : members_of(object)) {
    for (const MemberSlot& slot : slots) {
      if (slot.key.size() != key.size() || slot.key != key) continue;  // most differ in size
      if (!value.is_null()) slot.value = value;
      break;
    }
  }
}

// Returns the member `error` of an object if it reports an error. The values null, false and empty do not.
std::optional<JsonElement> get_error(const JsonElement& object);
bool reports_error(const JsonElement& error);

// Writes the value as compact JSON, with numbers as the parser reads them. Responses use EventJson::json_text().
std::string to_json(const JsonElement& value);

}  // namespace aiw
