// Sends one HTTP request to its real server and waits for the whole answer (libcurl).
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
  std::string body;    // content-encoding undone
};

// Blocks. The error is a sentence without the URL's query.
std::expected<ForwardResponse, std::string> forward(const ForwardRequest& request);

}  // namespace aiw::tools
