#include "worker/providers/codec/event_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "protocol/json_text.hpp"
#include "worker/base/crc32.hpp"
#include "worker/base/memory_account.hpp"

namespace aiw {
namespace {

// Markers are characters of a private-use plane. If the text itself holds such a character, its bytes are marked one by
// one, so that the joiner returns the original text.
constexpr char32_t kSurrogateMarkers = 0x10F000;              // + (surrogate - 0xD800)
constexpr char32_t kByteMarkers = kSurrogateMarkers + 0x800;  // + byte
constexpr char32_t kNumberMarker = kByteMarkers + 0x100;      // begins a string that replaces a number
constexpr char32_t kMarkersEnd = kNumberMarker + 1;
constexpr std::string_view kMarkedNumber = "\"\xF4\x8F\xA4\x80";  // a quote and kNumberMarker
constexpr std::size_t kLongText = std::size_t{1} << 20;
constexpr std::size_t kUsualFactor = 2;  // usual bytes of a parsed text for each byte of it
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_high_surrogate(char32_t c) { return c >= 0xD800 && c < 0xDC00; }
bool is_low_surrogate(char32_t c) { return c >= 0xDC00 && c < 0xE000; }
bool is_marker(char32_t c) { return c >= kSurrogateMarkers && c < kMarkersEnd; }
char32_t join_surrogates(char32_t high, char32_t low) { return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00); }

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

// Bytes at the start of a text as generalised UTF-8, in which surrogates are three-byte sequences.
struct Sequence {
  enum Kind { character, incomplete, invalid } kind = invalid;
  std::size_t length = 1;  // invalid: the maximal subpart (Unicode, 3.9), which becomes one U+FFFD
  char32_t code_point = 0;
};

struct LeadByte {
  std::size_t length;
  char32_t bits;
  std::uint8_t second_min, second_max;
};

LeadByte classify(std::uint8_t lead) {
  if (lead < 0x80) return {1, lead, 0, 0};
  if (lead >= 0xC2 && lead <= 0xDF) return {2, lead & 0x1FU, 0x80, 0xBF};
  if (lead >= 0xE0 && lead <= 0xEF)
    return {3, lead & 0x0FU, static_cast<std::uint8_t>(lead == 0xE0 ? 0xA0 : 0x80), 0xBF};
  if (lead >= 0xF0 && lead <= 0xF4) {
    return {4, lead & 0x07U, static_cast<std::uint8_t>(lead == 0xF0 ? 0x90 : 0x80),
            static_cast<std::uint8_t>(lead == 0xF4 ? 0x8F : 0xBF)};
  }
  return {0, 0, 0, 0};
}

Sequence read_sequence(std::string_view text) {
  const LeadByte lead = classify(byte_at(text, 0));
  if (lead.length == 0) return {};
  char32_t code_point = lead.bits;
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {Sequence::incomplete, i, 0};
    const std::uint8_t byte = byte_at(text, i);
    const std::uint8_t low = i == 1 ? lead.second_min : 0x80;
    const std::uint8_t high = i == 1 ? lead.second_max : 0xBF;
    if (byte < low || byte > high) return {Sequence::invalid, i, 0};
    code_point = (code_point << 6) | (byte & 0x3FU);
  }
  return {Sequence::character, lead.length, code_point};
}

// Reads the code unit of a \uXXXX escape at the start of `text`.
std::optional<char32_t> read_unicode_escape(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return std::nullopt;
  char32_t unit = 0;
  for (const char c : text.substr(2, 4)) {
    const int lower = c | 0x20;
    const int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    unit = unit * 16 + static_cast<char32_t>(digit);
  }
  return unit;
}

void append_surrogate_marker(std::string& out, char32_t surrogate) {
  append_utf8(out, kSurrogateMarkers + (surrogate - 0xD800));
}

// Copies the escape at the start of `text` and marks a lone surrogate. Returns the escape's length.
std::size_t repair_escape(std::string_view text, std::string& out) {
  const auto unit = read_unicode_escape(text);
  if (!unit || (!is_high_surrogate(*unit) && !is_low_surrogate(*unit))) {
    const auto kept = text.substr(0, text.size() > 1 && byte_at(text, 1) < 0x80 ? 2 : 1);
    out += kept;
    return kept.size();
  }
  const auto second = read_unicode_escape(text.substr(6));
  const bool paired = is_high_surrogate(*unit) && second && is_low_surrogate(*second);
  if (!paired) {
    append_surrogate_marker(out, *unit);
    return 6;
  }
  if (is_marker(join_surrogates(*unit, *second))) {
    append_surrogate_marker(out, *unit);
    append_surrogate_marker(out, *second);
  } else {
    out += text.substr(0, 12);
  }
  return 12;
}

// Copies the character beyond ASCII at the start of `text`, or marks its bytes. Returns its length.
std::size_t repair_character(std::string_view text, std::string& out) {
  const Sequence sequence = read_sequence(text);
  const bool surrogate = sequence.code_point >= 0xD800 && sequence.code_point < 0xE000;
  if (sequence.kind == Sequence::character && !surrogate && !is_marker(sequence.code_point)) {
    out += text.substr(0, sequence.length);
  } else {
    for (std::size_t i = 0; i < sequence.length; ++i) append_utf8(out, kByteMarkers + byte_at(text, i));
  }
  return sequence.length;
}

void repair(std::string_view text, std::string& out) {
  out.clear();
  out.reserve(text.size() + text.size() / 4);
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && text[plain] != '\\' && byte_at(text, plain) < 0x80) ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    text.remove_prefix(text.front() == '\\' ? repair_escape(text, out) : repair_character(text, out));
  }
}

// Returns the length of the string at the start of `json`, with both quotes.
std::size_t string_length(std::string_view json) {
  std::size_t at = 1;
  for (; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return std::min(at + 1, json.size());
}

// Returns the length of the number at the start of `json`; 0 if it is not a valid number.
std::size_t number_length(std::string_view json) {
  std::size_t at = json.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < json.size() && json[at] >= '0' && json[at] <= '9') ++at;
    return at - first;
  };
  const bool zero = json.substr(at).starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return 0;
  if (json.substr(at).starts_with('.') && (++at, digits() == 0)) return 0;
  if (at < json.size() && (json[at] | 0x20) == 'e') {
    ++at;
    if (at < json.size() && (json[at] == '+' || json[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

bool is_fraction(std::string_view number) { return number.find_first_of(".eE") != std::string_view::npos; }

template <typename T>
bool reads_as(std::string_view number) {
  T value;
  return std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc{};
}

// True if the parser has no type for the number.
bool is_large_number(std::string_view number) {
  if (is_fraction(number)) return !reads_as<double>(number);
  return !reads_as<std::int64_t>(number) && !reads_as<std::uint64_t>(number);
}

// Calls `on_number` with each number of the JSON text, and `on_text` with each piece between them.
template <typename OnText, typename OnNumber>
void split_at_numbers(std::string_view json, OnText&& on_text, OnNumber&& on_number) {
  std::size_t done = 0, at = 0;
  while ((at = json.find_first_of("\"-0123456789", at)) != std::string_view::npos) {
    const auto rest = json.substr(at);
    const std::size_t length = rest.front() == '"' ? string_length(rest) : number_length(rest);
    if (rest.front() != '"' && length > 0) {
      on_text(json.substr(done, at - done));
      on_number(rest.substr(0, length));
      done = at + length;
    }
    at += std::max<std::size_t>(length, 1);
  }
  on_text(json.substr(done));
}

// Replaces numbers that the parser has no type for by marked strings.
void mark_large_numbers(std::string& json) {
  std::string out;
  out.reserve(json.size() + json.size() / 8);
  split_at_numbers(
      json, [&](std::string_view text) { out += text; },
      [&](std::string_view number) {
        const bool large = is_large_number(number);
        if (large) out += kMarkedNumber;
        out += number;
        if (large) out += '"';
      });
  json = std::move(out);
}

// Reverses mark_large_numbers() in compact JSON.
void unmark_numbers(std::string& json) {
  std::size_t at = json.find(kMarkedNumber);
  if (at == std::string::npos) return;
  std::string out = json.substr(0, at);
  while (at < json.size()) {
    const auto rest = std::string_view(json).substr(at);
    const std::size_t length = rest.front() == '"' ? string_length(rest) : std::min(rest.find('"'), rest.size());
    const auto piece = rest.substr(0, length);
    out += piece.starts_with(kMarkedNumber) ? piece.substr(kMarkedNumber.size(), length - kMarkedNumber.size() - 1)
                                            : piece;
    at += length;
  }
  json = std::move(out);
}

// Appends the generalised UTF-8 that one marker stands for. Appends any other character itself.
void append_unmarked(std::string& out, const Sequence& sequence, std::string_view bytes) {
  if (!is_marker(sequence.code_point)) {
    out += bytes;
  } else if (sequence.code_point == kNumberMarker) {
    return;  // the number's digits follow
  } else if (sequence.code_point >= kByteMarkers) {
    out += static_cast<char>(sequence.code_point - kByteMarkers);
  } else {
    append_utf8(out, 0xD800 + (sequence.code_point - kSurrogateMarkers));
  }
}

void append_unmarked(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\xF4'), text.size());  // the lead byte of every marker
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const Sequence sequence = read_sequence(text);
    append_unmarked(out, sequence, text.substr(0, sequence.length));
    text.remove_prefix(sequence.length);
  }
}

// Moves the part of `held` (generalised UTF-8 and stray bytes) that is decidable to `out` as UTF-8. Returns the number
// of bytes moved. `last` means that nothing follows, so everything is decidable.
std::size_t resolve(std::string_view held, bool last, std::string& out) {
  std::size_t at = 0;
  while (at < held.size()) {
    const auto rest = held.substr(at);
    const Sequence first = read_sequence(rest);
    if (first.kind == Sequence::incomplete && !last) return at;
    if (first.kind == Sequence::character && is_high_surrogate(first.code_point)) {
      const auto after = rest.substr(first.length);
      const Sequence second = after.empty() ? Sequence{Sequence::incomplete, 0, 0} : read_sequence(after);
      if (second.kind == Sequence::incomplete && !last) return at;
      if (second.kind == Sequence::character && is_low_surrogate(second.code_point)) {
        append_utf8(out, join_surrogates(first.code_point, second.code_point));
        at += first.length + second.length;
        continue;
      }
    }
    const bool surrogate = first.code_point >= 0xD800 && first.code_point < 0xE000;
    out += first.kind == Sequence::character && !surrogate ? rest.substr(0, first.length) : kReplacement;
    at += first.length;
  }
  return at;
}

// Returns the maximum bytes for a parsed text: two copies of it, and for each value its place and its number.
std::size_t parsed_size(std::string_view text) {
  const auto values = std::ranges::count_if(text, [](char c) { return c == ',' || c == ':' || c == '[' || c == '{'; });
  return 3 * text.size() + 24 * static_cast<std::size_t>(values);
}

}  // namespace

EventJson::Untouched::~Untouched() { set(0); }

void EventJson::Untouched::set(std::ptrdiff_t bytes) {
  thread_heap -= bytes - bytes_;
  bytes_ = bytes;
}

// For a long text the parser reserves about 14 times its length. Only a text of single digits needs most of that.
bool EventJson::reserve(std::string_view text) {
  const std::size_t bytes = text.size();
  if (!MemoryAccount::fits(parsed_size(text))) return false;
  if (bytes <= parser_.capacity()) return true;
  untouched_.set(0);
  const auto before = thread_heap;
  const bool done = parser_.allocate(bytes, kMaxDepth) == simdjson::SUCCESS;
  const auto most = static_cast<std::ptrdiff_t>(kUsualFactor * bytes);
  untouched_.set(std::max<std::ptrdiff_t>(thread_heap - before - most, 0));
  return done;
}

std::optional<JsonElement> EventJson::parse(std::string_view text) {
  repaired_ = valid_json_ = false;
  fractions_.reset();
  source_ = text;
  if (text.empty()) return std::nullopt;  // may have a null address, from which the parser would copy
  JsonElement element;
  if (parser_.max_depth() != kMaxDepth && parser_.allocate(kFirstCapacity, kMaxDepth) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  if (text.size() >= kLongText && !reserve(text)) return std::nullopt;
  auto error = parser_.parse(text.data(), text.size()).get(element);
  valid_json_ = error == simdjson::SUCCESS;
  if (error == simdjson::UTF8_ERROR || error == simdjson::STRING_ERROR || error == simdjson::NUMBER_ERROR) {
    error = parse_leniently(text, error, element);
  }
  if (error != simdjson::SUCCESS) return std::nullopt;
  return element;
}

// A parse stops at the first fault, so broken characters may hide a number that is too large, and the reverse.
simdjson::error_code EventJson::parse_leniently(std::string_view text, simdjson::error_code error,
                                                JsonElement& element) {
  repair(text, copy_);
  const bool same_text = copy_ == text;
  repaired_ = true;
  for (const bool mark_numbers : {false, true}) {
    if (error == simdjson::NUMBER_ERROR && !mark_numbers) continue;
    if (mark_numbers) mark_large_numbers(copy_);
    if (copy_.size() >= kLongText && !reserve(copy_)) return simdjson::MEMALLOC;
    source_ = copy_;
    error = parser_.parse(copy_).get(element);
    if (error != simdjson::NUMBER_ERROR) break;
  }
  valid_json_ = error == simdjson::SUCCESS && same_text;
  return error;
}

std::string EventJson::plain_text(std::string_view text) const {
  if (!repaired_) return std::string(text);
  TextJoiner joiner;
  std::string out(joiner.add(text, true));
  out += joiner.flush();
  return out;
}

std::string EventJson::text(const JsonElement& object, std::string_view key) const {
  return plain_text(get_string_or_empty(object, key));
}

std::string EventJson::text_or_json(const JsonElement& value) const {
  return value.is_string() ? plain_text(as_string(value)) : json_text(value);
}

std::string EventJson::json_text(const JsonElement& value) const {
  std::string json = to_json(value);
  restore_fractions(value, json);
  if (!repaired_) return json;
  unmark_numbers(json);
  return plain_text(json);
}

// The parser keeps a fraction only as a double. So the original text is found by its position among the fractions.
void EventJson::restore_fractions(const JsonElement& value, std::string& json) const {
  if (!value.is_object() && !value.is_array()) return;
  bool any = false;
  split_at_numbers(json, [](std::string_view) {}, [&](std::string_view number) { any = any || is_fraction(number); });
  if (!any) return;
  if (!fractions_) {
    Fractions& all = fractions_.emplace();
    split_at_numbers(
        source_, [](std::string_view) {},
        [&](std::string_view number) {
          if (is_fraction(number)) all.texts.push_back(number);
        });
    std::size_t count = 0;
    all.add(parser_.doc.root(), count);
  }
  std::size_t next = fractions_->before(value);
  std::string out;
  split_at_numbers(
      json, [&](std::string_view text) { out += text; },
      [&](std::string_view number) {
        const bool known = is_fraction(number) && next < fractions_->texts.size();
        out += known ? fractions_->texts[next++] : number;
      });
  json = std::move(out);
}

void EventJson::Fractions::add(const JsonElement& value, std::size_t& count) {
  simdjson::dom::object object;
  simdjson::dom::array array;
  if (value.type() == simdjson::dom::element_type::DOUBLE) {
    ++count;
  } else if (value.get(object) == simdjson::SUCCESS) {
    objects.emplace_back(object.begin(), count);
    for (const auto member : object) add(member.value, count);
  } else if (value.get(array) == simdjson::SUCCESS) {
    arrays.emplace_back(array.begin(), count);
    for (const JsonElement item : array) add(item, count);
  }
}

std::size_t EventJson::Fractions::before(const JsonElement& value) const {
  const auto find = [](const auto& places, const auto& begin) {
    const auto place = std::ranges::lower_bound(
        places, begin, [](const auto& a, const auto& b) { return a < b; },
        [](const auto& entry) { return entry.first; });
    return place->second;
  };
  simdjson::dom::object object;
  if (value.get(object) == simdjson::SUCCESS) return find(objects, object.begin());
  return find(arrays, simdjson::dom::array(value).begin());
}

std::string_view TextJoiner::join(std::string_view text, bool repaired) {
  if (repaired) {
    append_unmarked(held_, text);
  } else {
    held_ += text;
  }
  out_.clear();
  held_.erase(0, resolve(held_, false, out_));
  return out_;
}

std::string_view TextJoiner::flush() {
  out_.clear();
  resolve(held_, true, out_);
  held_.clear();
  return out_;
}

std::optional<JsonElement> get_member(const JsonElement& object, std::string_view key) {
  simdjson::dom::object fields;
  JsonElement value;
  if (object.get(fields) != simdjson::SUCCESS || fields.at_key(key).get(value) != simdjson::SUCCESS)
    return std::nullopt;
  if (value.is_null()) return std::nullopt;
  return value;
}

std::optional<JsonElement> get_path(const JsonElement& object, std::initializer_list<std::string_view> keys) {
  std::optional<JsonElement> value = object;
  for (const auto key : keys) {
    if (value) value = get_member(*value, key);
  }
  return value;
}

namespace {

template <typename T>
std::optional<T> get_as(const JsonElement& object, std::string_view key) {
  const auto member = get_member(object, key);
  T value;
  if (!member || member->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string_view> get_string(const JsonElement& object, std::string_view key) {
  return get_as<std::string_view>(object, key);
}

std::string_view get_string_or_empty(const JsonElement& object, std::string_view key) {
  return get_string(object, key).value_or(std::string_view());
}

std::string read_call_id(const EventJson& json, const JsonElement& object, std::string_view key) {
  const std::string_view id = get_string_or_empty(object, key);
  if (id.size() <= kMaxCallIdBytes) return json.plain_text(id);
  return json.plain_text(utf8_prefix(id, kMaxCallIdBytes / 2)) + "_" + std::to_string(crc32(id));
}

std::optional<std::int64_t> as_count(const JsonElement& value) {
  std::int64_t integer = 0;
  if (value.is_int64() && value.get(integer) == simdjson::SUCCESS) {
    return integer < 0 ? std::nullopt : std::optional(integer);
  }
  double number = 0;
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!value.is_double() || value.get(number) != simdjson::SUCCESS) return std::nullopt;
  if (!(number >= 0) || number >= kLimit || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<std::int64_t> get_count(const JsonElement& object, std::string_view key) {
  return as_count(get_member(object, key));
}

std::optional<std::int64_t> count_at(const JsonElement& object, std::initializer_list<std::string_view> path) {
  return as_count(get_path(object, path));
}

JsonElements elements_of(const JsonElement& object, std::string_view key) {
  return elements_of(get_member(object, key));
}

std::optional<bool> get_bool(const JsonElement& object, std::string_view key) { return get_as<bool>(object, key); }

std::optional<simdjson::dom::object> get_object(const JsonElement& object, std::string_view key) {
  return get_as<simdjson::dom::object>(object, key);
}

std::optional<simdjson::dom::array> get_array(const JsonElement& object, std::string_view key) {
  return get_as<simdjson::dom::array>(object, key);
}

bool reports_error(const JsonElement& error) {
  bool flag = true;
  std::string_view text = "-";
  if (error.is_null() || (error.get(flag) == simdjson::SUCCESS && !flag)) return false;
  if (error.get(text) == simdjson::SUCCESS) return !text.empty();
  if (error.is_object()) return !members_of(error).empty();
  return !error.is_array() || !elements_of(error).empty();
}

std::optional<JsonElement> get_error(const JsonElement& object) {
  const auto error = get_member(object, "error");
  return error && reports_error(*error) ? error : std::nullopt;
}

std::string to_json(const JsonElement& value) { return simdjson::minify(value); }

}  // namespace aiw
