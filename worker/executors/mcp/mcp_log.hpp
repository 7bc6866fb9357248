// Log callback of MCP servers and their sessions.
#pragma once

#include <functional>
#include <string_view>

namespace aiw {

enum class McpLogLevel { debug, info, warn, error };
// `text` comes from the server, or is empty. Its content is arbitrary, but contains no secret that we gave to the
// server.
using McpLog = std::function<void(McpLogLevel level, std::string_view event, std::string_view text)>;

}  // namespace aiw
