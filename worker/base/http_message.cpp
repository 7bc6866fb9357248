#include "worker/base/http_message.hpp"

#include <algorithm>
#include <array>

#include "protocol/ascii.hpp"

namespace aiw {

RequestHeaders::RequestHeaders(std::initializer_list<Header> headers) {
  for (const Header& header : headers) static_cast<void>(set(header));
}

bool RequestHeaders::set(Header header) {
  if (!valid_header(header.name, header.value) || is_framing_header(header.name)) return false;
  std::erase_if(headers_, [&](const Header& held) { return ascii_iequal(held.name, header.name); });
  headers_.push_back(std::move(header));
  return true;
}

const Header* RequestHeaders::find(std::string_view name) const {
  const auto found = std::ranges::find_if(headers_, [&](const Header& held) { return ascii_iequal(held.name, name); });
  return found == headers_.end() ? nullptr : &*found;
}

std::string_view ResponseHead::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
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
