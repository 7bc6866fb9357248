#include "worker/providers/codec/ascii_json.hpp"

#include <algorithm>
#include <cstdint>

namespace aiw {
namespace {

void append_code_unit(std::string& out, char32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[unit >> shift & 0xFU];
}

void append_escape(std::string& out, char32_t code_point) {
  if (code_point < 0x10000) return append_code_unit(out, code_point);
  append_code_unit(out, 0xD800 + ((code_point - 0x10000) >> 10));
  append_code_unit(out, 0xDC00 + ((code_point - 0x10000) & 0x3FFU));
}

// Decodes the character beyond ASCII at the start of valid UTF-8 and removes it.
char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  char32_t code_point = lead & (0x7FU >> length);
  for (const char c : text.substr(1, length - 1)) code_point = code_point << 6 | (static_cast<std::uint8_t>(c) & 0x3FU);
  text.remove_prefix(std::min(length, text.size()));
  return code_point;
}

}  // namespace

std::string to_ascii_json(std::string_view json) {
  constexpr std::uint8_t kDelete = 0x7F;
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const auto byte = static_cast<std::uint8_t>(json.front());
    if (byte > kDelete) {
      append_escape(out, take_character(json));
      continue;
    }
    if (byte == kDelete) {
      append_escape(out, byte);
    } else {
      out += byte < 0x20 ? ' ' : json.front();
    }
    json.remove_prefix(1);
  }
  return out;
}

}  // namespace aiw
