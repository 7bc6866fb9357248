// libcurl's result codes in the worker's vocabulary of errors.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/error.hpp"

namespace aiw {

// What is known beside the code.
struct CurlFailure {
  CURLcode result = CURLE_OK;
  bool head_begun = false;  // some of the response's head arrived
  bool head_complete = false;
  int proxy_status = 0;        // the proxy's answer to CONNECT; 0: none
  std::string_view proxy;      // as an option or a variable names it; only its host and port are told; empty: none
  bool through_proxy = false;  // certainly: no host is excepted
  std::string_view detail;     // curl's error text; told for TLS only, where it holds nothing of the request
  std::string_view url;        // only its host and port are told
};

Error to_error(const CurlFailure& failure);

// In lower case, without port and brackets; empty if curl would not read it.
std::string host_of(std::string_view url);

// A host as curl names it, in lower case and without brackets, and its port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
// Where curl connects for a URL, or for a proxy as an option or a variable names it. Host empty: curl would not read
// it.
HostPort host_port_of(std::string_view url);
HostPort proxy_host_port_of(std::string_view proxy);

// An error of the client's own.
Error http_failure(std::string_view code, Category category, bool retryable, std::string_view what,
                   std::string_view url);

}  // namespace aiw
