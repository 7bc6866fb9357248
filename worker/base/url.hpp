// The strict subset of http(s) URLs that a base URL may be (RFC 3986), so that no two parsers can disagree about the
// host a key is sent to.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace aiw {

struct BaseUrl {
  bool https = false;
  std::string host;  // lower case, without port; IPv6 without brackets
  std::string port;  // digits, or empty

  // "host:port" with the port that is meant where none is named, and brackets around IPv6.
  [[nodiscard]] std::string authority() const;
};

// Error: what is wrong with it, in words that do not repeat it.
std::expected<BaseUrl, std::string> parse_base_url(std::string_view url);

// `url` without what may be a secret in it: user name, password, query and fragment.
std::string shown_url(std::string_view url);

// `text` as part of a path's segment or a query's value: everything but unreserved characters as %XX (RFC 3986, 2.3).
std::string percent_encode(std::string_view text);

// "." or "..", each dot possibly written %2E (RFC 3986, 6.2.2.2): a server may take it for a step up.
bool is_dot_segment(std::string_view segment);
// Whether some segment of the path, between its slashes, is one.
bool has_dot_segment(std::string_view path);

// True for localhost, 127.0.0.0/8 in dotted form and ::1.
bool is_loopback(std::string_view host);

}  // namespace aiw
