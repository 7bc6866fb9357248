// HTTP requests and response heads as values (RFC 9110). No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/base/rope.hpp"

namespace aiw {

struct Header {
  std::string name;
  std::string value;
  bool secret = false;  // never printed: dryRun and logs show it redacted
};

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<Header> headers;
  Rope body;
  // Goes over a new connection. On one that was used before and has died, a transport sends the request a second time,
  // and cannot know whether the first was acted upon.
  bool once = false;
};

struct ResponseHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order of arrival

  // The first value of a header; empty if absent. `name` in lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// True if `name` is a token and `value` is free of control characters (RFC 9110, 5.1 and 5.5).
bool valid_header(std::string_view name, std::string_view value);

// True for names under which a literal value is most likely a key: auth, cookie, key, token, secret.
bool names_a_secret(std::string_view header_name);

// `base` and `path` with exactly one slash between them.
std::string join_url(std::string_view base, std::string_view path);

}  // namespace aiw
