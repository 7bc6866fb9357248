// What MCP servers and their sessions have to say to the log.
#pragma once

#include <functional>
#include <string_view>

namespace aiw {

enum class McpLogLevel { debug, info, warn, error };
// `text` is the server's, or empty; it may be anything but holds no secret that we gave the server.
using McpLog = std::function<void(McpLogLevel level, std::string_view event, std::string_view text)>;

}  // namespace aiw
