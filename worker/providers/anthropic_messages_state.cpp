#include "worker/providers/anthropic_messages_state.hpp"

#include <algorithm>
#include <cstdint>

namespace aiw {
namespace {

constexpr std::string_view kTag = "anthropic-messages:";

void append_code_unit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 15U];
}

void append_escape(std::string& out, std::uint32_t code_point) {
  if (code_point < 0x10000) return append_code_unit(out, code_point);
  append_code_unit(out, 0xD800 + ((code_point - 0x10000) >> 10));
  append_code_unit(out, 0xDC00 + ((code_point - 0x10000) & 0x3FF));
}

// The code point at the start of valid UTF-8 that is not ASCII; removes it from `text`.
std::uint32_t take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  std::uint32_t code_point = lead & (0x7FU >> length);
  for (const char c : text.substr(1, length - 1))
    code_point = code_point << 6 | (static_cast<unsigned char>(c) & 0x3FU);
  text.remove_prefix(std::min(length, text.size()));
  return code_point;
}

}  // namespace

std::string write_anthropic_state(std::string_view json) {
  std::string out(kTag);
  out.reserve(kTag.size() + json.size());
  // Outside its strings JSON is ASCII with white space, which may be spaces; inside a string an escape means the same.
  while (!json.empty()) {
    const auto byte = static_cast<unsigned char>(json.front());
    if (byte >= 0x80) {
      append_escape(out, take_code_point(json));
      continue;
    }
    if (byte == 0x7F) {
      append_escape(out, byte);
    } else {
      out += byte < 0x20 ? ' ' : json.front();
    }
    json.remove_prefix(1);
  }
  return out;
}

AnthropicState read_anthropic_state(RawString state, EventJson& parser) {
  AnthropicState read;
  if (!state.raw.starts_with(kTag)) return read;
  const std::string text = state.text();
  const auto json = std::string_view(text).substr(kTag.size());
  const auto object = parser.parse(json);
  if (!object || !object->is_object() || parser.repaired()) return read;
  if (get_string(*object, "type")) {
    read.block = json;
    return read;
  }
  append_json_escaped(read.signature, get_string_or_empty(*object, "signature"));
  const auto caller = get_member(*object, "caller");
  if (caller && caller->is_object()) read.caller = to_json(*caller);
  return read;
}

}  // namespace aiw
