#include "protocol/header_rules.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "protocol/ascii.hpp"

namespace aiw {
namespace {

constexpr std::array<std::string_view, 13> kFraming = {
    "connection", "content-encoding", "content-length",    "expect",  "host",     "http2-settings", "keep-alive",
    "te",         "trailer",          "transfer-encoding", "upgrade", "alt-used", "alt-svc"};
// Prefix of hop-by-hop headers for the next proxy: proxy-authorization, proxy-connection, …
constexpr std::string_view kFramingPrefix = "proxy-";

bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return is_ascii_alnum(c) || kOthers.find(c) != std::string_view::npos;
}

bool is_value_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

}  // namespace

bool valid_header(std::string_view name, std::string_view value) {
  return !name.empty() && std::ranges::all_of(name, is_token_char) && std::ranges::all_of(value, is_value_char);
}

bool is_framing_header(std::string_view name) {
  std::string plain = ascii_lower(name);
  std::ranges::replace_if(plain, [](char c) { return !is_ascii_alnum(c); }, '-');
  return plain.starts_with(kFramingPrefix) || std::ranges::find(kFraming, plain) != kFraming.end();
}

std::optional<std::string_view> header_name_fault(std::string_view name) {
  if (!valid_header(name, {})) return "a header's name has a character that HTTP forbids, or none at all";
  if (is_framing_header(name)) return "this header belongs to HTTP itself and cannot be set";
  return std::nullopt;
}

}  // namespace aiw
