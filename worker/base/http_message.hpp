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

// The headers of a request, in order. Whoever names one, none can end its line or say something about the message that
// HTTP says itself (valid_header, is_framing_header), and none stands twice.
class RequestHeaders {
 public:
  RequestHeaders() = default;
  // For headers that are known to be good; others are left out.
  RequestHeaders(std::initializer_list<Header> headers);

  // Adds a header as the last one, in place of one of that name in any case. False: no request may carry it, and
  // nothing changes.
  [[nodiscard]] bool set(Header header);
  // The one of that name, in any case; nullptr if there is none.
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

// True for names under which a literal value is most likely a key: auth, cookie, key, token, secret.
bool names_a_secret(std::string_view header_name);

// `base` and `path` with exactly one slash between them.
std::string join_url(std::string_view base, std::string_view path);

}  // namespace aiw
