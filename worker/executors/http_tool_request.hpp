// From an HTTP tool's declaration and a call's arguments to a request: pure.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "protocol/http_tool.hpp"
#include "worker/base/http_message.hpp"
#include "worker/executors/tool_arguments.hpp"

namespace aiw {

// A header whose keys are resolved: no piece is a secret any more.
struct ToolHeader {
  std::string name;
  TextTemplate value;
};

// Error: what is wrong with the arguments, for the model. An argument never adds a segment to the path, and never
// reaches the URL's scheme or host, which stand before the first place.
std::expected<HttpRequest, std::string> build_http_tool_request(const HttpTool& tool,
                                                                const std::vector<ToolHeader>& headers,
                                                                const ToolArguments& arguments);

}  // namespace aiw
