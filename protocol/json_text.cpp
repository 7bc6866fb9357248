#include "protocol/json_text.hpp"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace aiw {
namespace {

bool is_special(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

bool is_high_surrogate(char32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_low_surrogate(char32_t code) { return code >= 0xDC00 && code < 0xE000; }

// Returns the code unit of the `\uXXXX` at the start of `text`.
std::optional<char32_t> code_unit_at(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return std::nullopt;
  unsigned code = 0;
  const char* const end = text.data() + 6;
  if (std::from_chars(text.data() + 2, end, code, 16).ptr != end) return std::nullopt;
  return code;
}

// Returns the length of the valid UTF-8 sequence at the start of `text`; 0 if there is none (Unicode 15, table 3-7).
std::size_t utf8_sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (text.empty()) return 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= low && byte(1) <= high && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

const char* find_json_special(const char* begin, const char* end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  for (; end - begin >= 16; begin += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i found =
        _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    const int mask = _mm_movemask_epi8(found);
    if (mask != 0) return begin + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (begin != end && !is_special(static_cast<unsigned char>(*begin))) ++begin;
  return begin;
}

std::string RawString::text() const {
  std::string out;
  out.reserve(raw.size());
  std::size_t from = 0;
  for (auto slash = raw.find('\\'); slash != std::string_view::npos; slash = raw.find('\\', from)) {
    out.append(raw, from, slash - from);
    const auto escape = json_escape_at(raw.substr(slash));
    append_utf8(out, escape->code_point);
    from = slash + escape->length;
  }
  out.append(raw, from);
  return out;
}

std::optional<JsonEscape> json_escape_at(std::string_view text) {
  if (text.size() < 2 || text[0] != '\\') return std::nullopt;
  if (const char meant = short_escape(text[1]); meant != '\0') return JsonEscape{static_cast<unsigned char>(meant), 2};
  constexpr std::size_t kLength = 6;
  const auto code = code_unit_at(text);
  if (!code || is_low_surrogate(*code)) return std::nullopt;
  if (!is_high_surrogate(*code)) return JsonEscape{*code, kLength};
  const auto low = code_unit_at(text.substr(kLength));
  if (!low || !is_low_surrogate(*low)) return std::nullopt;
  return JsonEscape{0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00), 2 * kLength};
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

namespace {

void append_each_escaped(std::string& out, std::string_view text) {
  const char* from = text.data();
  const char* const end = from + text.size();
  while (true) {
    const char* special = find_json_special(from, end);
    out.append(from, special);
    if (special == end) return;
    const auto c = static_cast<unsigned char>(*special);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: {
        constexpr std::string_view kHex = "0123456789abcdef";
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
      }
    }
    from = special + 1;
  }
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  try {
    append_each_escaped(out, text);
  } catch (...) {
    out.resize(before);  // a partial escape would make the surrounding JSON invalid
    throw;
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_sequence_length(text.substr(at, 4));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

std::string sanitize_utf8(std::string_view text) {
  const auto bad = find_invalid_utf8(text);
  if (!bad) return std::string(text);
  std::string out(text, 0, *bad);
  for (text.remove_prefix(*bad); !text.empty();) {
    if (const std::size_t length = utf8_sequence_length(text); length > 0) {
      out.append(text, 0, length);
      text.remove_prefix(length);
      continue;
    }
    out += "\xEF\xBF\xBD";
    text.remove_prefix(1);
    while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0U) == 0x80U) text.remove_prefix(1);
  }
  return out;
}

std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (static_cast<unsigned char>(text[max_bytes]) & 0xC0U) == 0x80U) --max_bytes;
  return text.substr(0, max_bytes);
}

}  // namespace aiw
