#include "worker/base/url.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>

#include "protocol/ascii.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxBaseUrlBytes = 8192;

bool is_url_char(char c) {
  // Rejects spaces, control characters, backslashes, and quotes and brackets that a lenient parser might read
  // differently.
  return c > 0x20 && c < 0x7F && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
}

bool is_host_char(char c) { return is_ascii_alnum(c) || c == '.' || c == '-' || c == '_'; }
bool is_ipv6_char(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '.'; }

// Parses "host", "host:port" or "[v6]:port".
std::expected<BaseUrl, std::string> parse_authority(std::string_view authority, bool https) {
  BaseUrl url{https, {}, {}};
  std::string_view rest;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return std::unexpected("its host is not valid");
    url.host = ascii_lower(authority.substr(1, close - 1));
    rest = authority.substr(close + 1);
    if (!std::ranges::all_of(url.host, is_ipv6_char)) return std::unexpected("its host is not valid");
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    url.host = ascii_lower(authority.substr(0, colon));
    rest = authority.substr(colon);
    if (!std::ranges::all_of(url.host, is_host_char)) return std::unexpected("its host is not valid");
  }
  if (url.host.empty()) return std::unexpected("it has no host");
  if (rest.empty()) return url;
  url.port = rest.substr(1);
  const bool valid = rest.front() == ':' && url.port.size() <= 5 && std::ranges::all_of(url.port, is_ascii_digit);
  if (!valid) return std::unexpected("its port is not valid");
  return url;
}

}  // namespace

std::string BaseUrl::authority() const {
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  return name + ":" + (!port.empty() ? port : https ? "443" : "80");
}

std::expected<BaseUrl, std::string> parse_base_url(std::string_view url) {
  if (url.size() > kMaxBaseUrlBytes) return std::unexpected("it has more than 8,192 bytes");
  if (!std::ranges::all_of(url, is_url_char)) return std::unexpected("it has characters that no URL may have");
  const auto scheme_end = url.find("://");
  const std::string scheme = ascii_lower(url.substr(0, std::min(scheme_end, url.size())));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return std::unexpected("it must begin with http:// or https://");
  }
  if (url.find('#') != std::string_view::npos) return std::unexpected("it must not have a fragment");
  const std::string_view rest = url.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != std::string_view::npos) return std::unexpected("it must not have a user or password");
  return parse_authority(authority, scheme == "https");
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto scheme_end = url.find("://");
  const std::size_t begin = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const auto user_end = url.substr(begin, url.find('/', begin) - begin).rfind('@');
  if (user_end == std::string_view::npos) return std::string(url);
  return std::string(url.substr(0, begin)).append(url.substr(begin + user_end + 1));
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // Requires four decimal numbers (inet_pton(3)). 127.0.0.256 is a name, which any resolver may answer.
  in_addr address{};
  return host.starts_with("127.") && inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

bool is_dot_segment(std::string_view segment) {
  std::size_t dots = 0;
  while (!segment.empty()) {
    const bool encoded = segment.size() >= 3 && segment[0] == '%' && segment[1] == '2' && (segment[2] | 0x20) == 'e';
    if (!encoded && segment.front() != '.') return false;
    segment.remove_prefix(encoded ? 3 : 1);
    if (++dots > 2) return false;
  }
  return dots > 0;
}

bool has_dot_segment(std::string_view path) {
  while (true) {
    const auto end = std::min(path.find('/'), path.size());
    if (is_dot_segment(path.substr(0, end))) return true;
    if (end == path.size()) return false;
    path.remove_prefix(end + 1);
  }
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_ascii_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return out;
}

}  // namespace aiw
