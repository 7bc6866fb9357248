// Strict subset of http(s) URLs (RFC 3986) that a base URL must match. No two parsers can disagree about the host that
// receives a key.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace aiw {

struct BaseUrl {
  bool https = false;
  std::string host;  // lower case, without port; IPv6 without brackets
  std::string port;  // digits, or empty

  // Returns "host:port", with the scheme's default port if none is given, and with brackets around IPv6.
  [[nodiscard]] std::string authority() const;
};

// Parses a base URL. Error: the reason, without quoting the URL.
std::expected<BaseUrl, std::string> parse_base_url(std::string_view url);

// Returns `url` without parts that may be secret: user name, password, query and fragment.
std::string shown_url(std::string_view url);

// Encodes `text` for a path segment or a query value: all characters except unreserved ones as %XX (RFC 3986, 2.3).
std::string percent_encode(std::string_view text);

// Returns true for "." and "..", where each dot may be written %2E (RFC 3986, 6.2.2.2). A server may treat these as
// path navigation.
bool is_dot_segment(std::string_view segment);
// Returns true if a segment of the path is one.
bool has_dot_segment(std::string_view path);

// Returns true for localhost, 127.0.0.0/8 in dotted form, and ::1.
bool is_loopback(std::string_view host);

}  // namespace aiw
