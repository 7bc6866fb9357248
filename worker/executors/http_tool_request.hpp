// Builds the request of an HTTP tool from its declaration and the arguments of a call. Pure functions.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "protocol/http_tool.hpp"
#include "worker/base/http_message.hpp"
#include "worker/executors/tool_arguments.hpp"

namespace aiw {

// Limits on a request. A template may name an argument many times, so arguments are also counted at each placeholder:
// all of them together fit kMaxRequestBytes.
inline constexpr std::size_t kMaxUrlBytes = std::size_t{64} << 10;  // with the query
inline constexpr std::size_t kMaxHeaderBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMaxRequestBytes = std::size_t{16} << 20;

// Header with resolved keys: none of its pieces is a secret reference any more.
struct ToolHeader {
  std::string name;
  TextTemplate value;
};

// Error: the problem with the arguments, as text for the model; also that the request would be too large. An argument
// cannot add a segment to the path. It cannot reach the URL's scheme or host, because both stand before the first
// placeholder.
std::expected<HttpRequest, std::string> build_http_tool_request(const HttpTool& tool,
                                                                const std::vector<ToolHeader>& headers,
                                                                const ToolArguments& arguments);

}  // namespace aiw
