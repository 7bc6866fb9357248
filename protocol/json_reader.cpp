#include "protocol/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <list>

#include "protocol/ascii.hpp"
#include "protocol/json_pointer.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxPointerBytes = 300;

}  // namespace

std::string_view to_string(JsonType type) {
  switch (type) {
    case JsonType::object: return "an object";
    case JsonType::array: return "an array";
    case JsonType::string: return "a string";
    case JsonType::number: return "a number";
    case JsonType::boolean: return "a boolean";
    case JsonType::null: break;
  }
  return "null";
}

JsonReader::JsonReader(char* text, std::size_t size, int max_depth)
    : text_(text), size_(size), max_depth_(static_cast<std::size_t>(max_depth)) {}

void JsonReader::fail(JsonError::Kind kind, std::string message, std::size_t offset) {
  if (error_) return;
  error_ = JsonError{kind, std::move(message), pointer(), offset};
  at_ = size_;
}

void JsonReader::adopt(const JsonError& error) {
  if (error_) return;
  error_ = error;
  at_ = size_;
}

std::string JsonReader::pointer() const {
  std::string out = prefix_;
  for (const auto& level : levels_) {
    if (level.first) break;  // no element of this level has begun
    out += '/';
    out += level.is_array ? std::to_string(level.index) : escape_pointer(RawString{level.key}.text());
    if (out.size() > kMaxPointerBytes) return std::string(utf8_prefix(out, kMaxPointerBytes));
  }
  return out;
}

void JsonReader::skip_space() {
  while (at_ < size_ && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
}

JsonType JsonReader::type() {
  skip_space();
  if (at_ < size_) {
    switch (text_[at_]) {
      case '{': return JsonType::object;
      case '[': return JsonType::array;
      case '"': return JsonType::string;
      case 't':
      case 'f': return JsonType::boolean;
      case 'n': return JsonType::null;
      default:
        if (text_[at_] == '-' || is_ascii_digit(text_[at_])) return JsonType::number;
    }
  }
  fail(JsonError::Kind::syntax, "a value was expected", at_);
  return JsonType::null;
}

bool JsonReader::expect(JsonType wanted) {
  const JsonType found = type();
  if (!ok()) return false;
  if (found == wanted) return true;
  std::string message = "expected ";
  message += to_string(wanted);
  message += ", found ";
  message += to_string(found);
  fail(JsonError::Kind::value, std::move(message), at_);
  return false;
}

bool JsonReader::enter(char bracket, JsonType type) {
  if (!expect(type)) return false;
  if (levels_.size() >= max_depth_) {
    fail(JsonError::Kind::depth, "nested deeper than " + std::to_string(max_depth_), at_);
    return false;
  }
  levels_.push_back(Level{{}, 0, bracket == '[', true});
  ++at_;
  return true;
}

// Moves past the comma to the next element, or past the closing bracket.
bool JsonReader::next_element(char close) {
  if (!ok()) return false;
  skip_space();
  auto& level = levels_.back();
  const char c = at_ < size_ ? text_[at_] : '\0';
  if (c == close) {
    ++at_;
    levels_.pop_back();
    return false;
  }
  if (level.first) {
    level.first = false;
    return true;
  }
  if (c != ',') {
    fail(JsonError::Kind::syntax, std::string("expected ',' or '") + close + "'", at_);
    return false;
  }
  ++at_;
  ++level.index;
  skip_space();
  return true;
}

bool JsonReader::next_item() { return next_element(']'); }

bool JsonReader::next_member(std::string_view& key) {
  if (!next_element('}')) return false;
  if (at_ >= size_ || text_[at_] != '"') {
    fail(JsonError::Kind::syntax, "expected a key in quotes", at_);
    return false;
  }
  key = scan_string();
  if (!ok()) return false;
  levels_.back().key = key;
  skip_space();
  if (at_ >= size_ || text_[at_] != ':') {
    fail(JsonError::Kind::syntax, "expected ':' after a key", at_);
    return false;
  }
  ++at_;
  return true;
}

bool JsonReader::skip_null() {
  skip_space();
  if (size_ - at_ < 4 || std::memcmp(text_ + at_, "null", 4) != 0) return false;
  at_ += 4;
  return true;
}

std::optional<unsigned> JsonReader::hex4_at(std::size_t offset) const {
  if (size_ - offset < 4) return std::nullopt;
  unsigned value = 0;
  const auto result = std::from_chars(text_ + offset, text_ + offset + 4, value, 16);
  if (result.ec != std::errc() || result.ptr != text_ + offset + 4) return std::nullopt;
  return value;
}

// Reads the four digits after `\u`; `at_` is after the `u`. Replaces a lone surrogate by U+FFFD.
bool JsonReader::scan_unicode_escape() {
  const auto unit = hex4_at(at_);
  if (!unit) return false;
  const std::size_t digits = at_;
  at_ += 4;
  if (*unit < 0xD800 || *unit > 0xDFFF) return true;
  if (*unit < 0xDC00 && size_ - at_ >= 6 && text_[at_] == '\\' && text_[at_ + 1] == 'u') {
    const auto low = hex4_at(at_ + 2);
    if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
      at_ += 6;
      return true;
    }
  }
  std::memcpy(text_ + digits, "fffd", 4);
  ++repaired_;
  return true;
}

bool JsonReader::scan_escape() {
  ++at_;
  if (at_ >= size_) return false;
  const char c = text_[at_++];
  if (c == 'u') return scan_unicode_escape();
  return short_escape(c) != '\0';
}

// Reads the string that begins at `at_` and returns its contents.
std::string_view JsonReader::scan_string() {
  const std::size_t begin = ++at_;
  while (true) {
    at_ = static_cast<std::size_t>(find_json_special(text_ + at_, text_ + size_) - text_);
    if (at_ >= size_) {
      fail(JsonError::Kind::syntax, "a string does not end", begin - 1);
      return {};
    }
    if (text_[at_] == '"') {
      ++at_;
      return {text_ + begin, at_ - 1 - begin};
    }
    const std::size_t special = at_;
    if (text_[at_] != '\\') {
      fail(JsonError::Kind::syntax, "a control character stands unescaped in a string", special);
      return {};
    }
    if (!scan_escape()) {
      fail(JsonError::Kind::syntax, "an escape sequence is not valid", special);
      return {};
    }
    // More escapes often follow directly.
    while (size_ - at_ >= 2 && text_[at_] == '\\' && short_escape(text_[at_ + 1]) != '\0') at_ += 2;
  }
}

std::string_view JsonReader::scan_number() {
  const std::size_t begin = at_;
  const auto digits = [&] {
    const std::size_t from = at_;
    while (at_ < size_ && is_ascii_digit(text_[at_])) ++at_;
    return at_ - from;
  };
  if (text_[at_] == '-') ++at_;
  const bool leading_zero = at_ < size_ && text_[at_] == '0';
  const std::size_t whole = digits();
  bool valid = whole == 1 || (whole > 1 && !leading_zero);
  if (valid && at_ < size_ && text_[at_] == '.') {
    ++at_;
    valid = digits() > 0;
  }
  if (valid && at_ < size_ && (text_[at_] | 0x20) == 'e') {
    ++at_;
    if (at_ < size_ && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    valid = digits() > 0;
  }
  if (!valid) {
    fail(JsonError::Kind::syntax, "a number is not valid", begin);
    return {};
  }
  return {text_ + begin, at_ - begin};
}

double JsonReader::number() {
  if (!expect(JsonType::number)) return 0;
  const std::size_t begin = at_;
  const std::string_view token = scan_number();
  double value = 0;
  const auto result = std::from_chars(token.data(), token.data() + token.size(), value);
  if (ok() && result.ec == std::errc::result_out_of_range && token.find_first_of("eE.") == std::string_view::npos) {
    fail(JsonError::Kind::value, "a number is too large", begin);
  } else if (ok() && result.ec == std::errc::result_out_of_range) {
    // from_chars reports overflow and underflow alike. Underflow (1e-400) is accepted as zero; overflow (1e999) is an
    // error.
    if (std::isinf(std::strtod(std::string(token).c_str(), nullptr))) {
      fail(JsonError::Kind::value, "a number is too large", begin);
    }
  }
  return ok() ? value : 0;
}

std::int64_t JsonReader::integer(std::int64_t min, std::int64_t max) {
  if (!expect(JsonType::number)) return min;
  const std::size_t begin = at_;
  const std::string_view token = scan_number();
  std::int64_t value = 0;
  const auto result = std::from_chars(token.data(), token.data() + token.size(), value);
  if (!ok()) return min;
  const bool whole = result.ec == std::errc() && result.ptr == token.data() + token.size();
  if (whole && value >= min && value <= max) return value;
  fail(JsonError::Kind::value, "expected an integer from " + std::to_string(min) + " to " + std::to_string(max), begin);
  return min;
}

void JsonReader::scan_literal(std::string_view literal) {
  if (size_ - at_ < literal.size() || std::string_view(text_ + at_, literal.size()) != literal) {
    fail(JsonError::Kind::syntax, "a value was expected", at_);
    return;
  }
  at_ += literal.size();
}

bool JsonReader::boolean() {
  if (!expect(JsonType::boolean)) return false;
  const bool value = text_[at_] == 't';
  scan_literal(value ? "true" : "false");
  return value && ok();
}

RawString JsonReader::raw_string() {
  if (!expect(JsonType::string)) return {};
  return {scan_string()};
}

// Recursion depth is limited by max_depth_.
void JsonReader::scan_value() {
  switch (type()) {
    case JsonType::object: {
      const std::size_t keys_before = keys_.size();
      if (!enter('{', JsonType::object)) return;
      for (std::string_view key; next_member(key);) {
        if (check_keys_) keys_.push_back(key);
        scan_value();
      }
      if (check_keys_) check_keys(keys_before);
      return;
    }
    case JsonType::array:
      if (!enter('[', JsonType::array)) return;
      while (next_item()) scan_value();
      return;
    case JsonType::string: scan_string(); return;
    case JsonType::number: number(); return;
    case JsonType::boolean: boolean(); return;
    case JsonType::null:
      if (ok()) scan_literal("null");
  }
}

// Rejects a duplicate key in the object that was just closed. Its keys start at index `from`.
void JsonReader::check_keys(std::size_t from) {
  if (!ok()) return;
  const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(from);
  std::list<std::string> decoded;  // a list, because an empty list allocates nothing and most objects need no entry
  for (auto key = begin; key != keys_.end(); ++key) {
    if (key->find('\\') != std::string_view::npos) *key = decoded.emplace_back(RawString{*key}.text());
  }
  auto twice = keys_.end();
  if (keys_.end() - begin <= 12) {
    for (auto key = begin; key != keys_.end() && twice == keys_.end(); ++key) {
      if (std::find(begin, key, *key) != key) twice = key;
    }
  } else {
    std::sort(begin, keys_.end());
    twice = std::adjacent_find(begin, keys_.end());
  }
  if (twice != keys_.end()) {
    fail(JsonError::Kind::value, "a key stands twice in an object", at_ - 1);
    error_->pointer += '/' + escape_pointer(utf8_prefix(*twice, 64));
  }
  keys_.resize(from);
}

JsonSpan JsonReader::value() {
  skip_space();
  const std::size_t begin = at_;
  scan_value();
  if (!ok()) return {};
  return {{text_ + begin, at_ - begin}};
}

void JsonReader::end() {
  if (!ok()) return;
  skip_space();
  if (at_ != size_) fail(JsonError::Kind::syntax, "something follows the end of the value", at_);
}

void JsonReader::validate() {
  check_keys_ = true;
  scan_value();
  end();
  check_keys_ = false;
}

}  // namespace aiw
