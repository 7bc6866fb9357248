#include "worker/base/http_message.hpp"

#include <algorithm>
#include <array>

#include "protocol/ascii.hpp"

namespace aiw {
namespace {

bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return is_ascii_alnum(c) || kOthers.find(c) != std::string_view::npos;
}

bool is_value_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

}  // namespace

std::string_view ResponseHead::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

bool valid_header(std::string_view name, std::string_view value) {
  return !name.empty() && std::ranges::all_of(name, is_token_char) && std::ranges::all_of(value, is_value_char);
}

bool names_a_secret(std::string_view header_name) {
  const std::string name = ascii_lower(header_name);
  constexpr std::array<std::string_view, 5> kWords = {"auth", "cookie", "key", "token", "secret"};
  return std::ranges::any_of(kWords, [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

std::string join_url(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  while (path.starts_with('/')) path.remove_prefix(1);
  std::string url(base);
  url += '/';
  url += path;
  return url;
}

}  // namespace aiw
