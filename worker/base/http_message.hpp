// HTTP requests and response heads as values (RFC 9110). No I/O.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/header_rules.hpp"
#include "worker/base/rope.hpp"

namespace aiw {

struct Header {
  std::string name;
  std::string value;
  bool secret = false;  // never printed: dryRun and logs show it redacted
};

// Headers of a request, in order. Whatever the source of a header, it cannot end its line or set what HTTP itself sets
// (valid_header, is_framing_header). No name occurs twice.
class RequestHeaders {
 public:
  RequestHeaders() = default;
  // For headers that are known to be valid; invalid ones are dropped.
  RequestHeaders(std::initializer_list<Header> headers);

  // Appends a header. Replaces one with the same name, ignoring case. Returns false, and changes nothing, if no request
  // may carry the header.
  [[nodiscard]] bool set(Header header);
  // Returns the header with this name, ignoring case; nullptr if there is none.
  [[nodiscard]] const Header* find(std::string_view name) const;

  [[nodiscard]] auto begin() const { return headers_.begin(); }
  [[nodiscard]] auto end() const { return headers_.end(); }
  [[nodiscard]] std::size_t size() const { return headers_.size(); }
  [[nodiscard]] bool empty() const { return headers_.empty(); }
  const Header& operator[](std::size_t i) const { return headers_[i]; }

 private:
  std::vector<Header> headers_;
};

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  RequestHeaders headers;
  Rope body;
  // Requires a new connection. If a reused connection turns out to be closed, a transport sends the request again. It
  // cannot know whether the first one was processed.
  bool once = false;
};

struct ResponseHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order of arrival

  // Returns the first value of a header; empty if absent. `name` must be lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// Returns true for header names whose literal value is probably a key: auth, cookie, key, token, secret.
bool names_a_secret(std::string_view header_name);

// Joins `base` and `path` with exactly one slash.
std::string join_url(std::string_view base, std::string_view path);

}  // namespace aiw
