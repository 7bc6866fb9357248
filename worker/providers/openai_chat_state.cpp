#include "worker/providers/openai_chat_state.hpp"

#include <algorithm>
#include <cstdint>

#include "worker/providers/event_json.hpp"

namespace aiw {
namespace {

void append_escape(std::string& out, char32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 0xFU];
}

// Decodes the character at the start of valid UTF-8 and removes it.
char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  char32_t code_point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length && i < text.size(); ++i) {
    code_point = (code_point << 6) | (static_cast<std::uint8_t>(text[i]) & 0x3FU);
  }
  text.remove_prefix(std::min(length, text.size()));
  return code_point;
}

}  // namespace

std::string to_ascii_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    if (static_cast<std::uint8_t>(json.front()) < 0x80) {
      out += json.front();
      json.remove_prefix(1);
      continue;
    }
    const char32_t c = take_character(json);
    if (c >= 0x10000) {
      append_escape(out, 0xD800 + ((c - 0x10000) >> 10));
      append_escape(out, 0xDC00 + ((c - 0x10000) & 0x3FFU));
    } else {
      append_escape(out, c);
    }
  }
  return out;
}

std::string make_openai_chat_state(std::string_view key, std::string_view value) {
  std::string state(kOpenAiChatTag);
  state.append("{\"").append(key).append("\":").append(to_ascii_json(value)).append("}");
  return state;
}

std::optional<std::string> read_openai_chat_state(std::string_view state, std::string_view key) {
  if (!state.starts_with(kOpenAiChatTag)) return std::nullopt;
  EventJson json;
  const auto root = json.parse(state.substr(kOpenAiChatTag.size()));
  const auto value = root ? get_member(*root, key) : std::nullopt;
  // A state comes from the parent: what was mended in it was not ours.
  if (!value || json.repaired()) return std::nullopt;
  return to_ascii_json(to_json(*value));
}

}  // namespace aiw
