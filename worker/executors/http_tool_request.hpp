// Builds the request of an HTTP tool from its declaration and the arguments of a call. Pure functions.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "protocol/http_tool.hpp"
#include "worker/base/http_message.hpp"
#include "worker/executors/tool_arguments.hpp"

namespace aiw {

// Header with resolved keys: none of its pieces is a secret reference any more.
struct ToolHeader {
  std::string name;
  TextTemplate value;
};

// Error: the problem with the arguments, as text for the model. An argument cannot add a segment to the path. It cannot
// reach the URL's scheme or host, because both stand before the first placeholder.
std::expected<HttpRequest, std::string> build_http_tool_request(const HttpTool& tool,
                                                                const std::vector<ToolHeader>& headers,
                                                                const ToolArguments& arguments);

}  // namespace aiw
