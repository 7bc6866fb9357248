// Maps libcurl's result codes to the worker's errors.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/error.hpp"

namespace aiw {

// Context of a failure in addition to its result code.
struct CurlFailure {
  CURLcode result = CURLE_OK;
  bool head_begun = false;  // part of the response head arrived
  bool head_complete = false;
  int proxy_status = 0;        // proxy's status for CONNECT; 0: none
  std::string_view proxy;      // from an option or a variable; errors show only host and port; empty: none
  bool through_proxy = false;  // certain: no host is excepted
  std::string_view detail;     // curl's error text; shown for TLS only, where it contains nothing of the request
  std::string_view url;        // errors show only its host and port
};

Error to_error(const CurlFailure& failure);

// Returns the host in lower case, without port and brackets; empty if curl would reject the URL.
std::string host_of(std::string_view url);

// Host as curl names it (lower case, without brackets) and port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
// Returns where curl connects for a URL, or for a proxy from an option or a variable. The host is empty if curl would
// reject it.
HostPort host_port_of(std::string_view url);
HostPort proxy_host_port_of(std::string_view proxy);

// Returns an error of the HTTP client itself.
Error http_failure(std::string_view code, Category category, bool retryable, std::string_view what,
                   std::string_view url);

}  // namespace aiw
