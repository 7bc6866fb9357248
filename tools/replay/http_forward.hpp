// Sends one HTTP request to its real server and waits for the complete response (libcurl).
#pragma once

#include <expected>
#include <string>

#include "tools/support/script.hpp"

namespace aiw::tools {

struct ForwardRequest {
  std::string method;
  std::string url;
  HeaderList headers;
  std::string body;
};

struct ForwardResponse {
  int status = 0;
  HeaderList headers;  // names in lower case
  std::string body;    // decoded (content-encoding removed)
};

// Blocking call. The error is a sentence that does not contain the URL's query.
std::expected<ForwardResponse, std::string> forward(const ForwardRequest& request);

}  // namespace aiw::tools
