// Log callback of MCP servers and their sessions.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace aiw {

// Limit on the logged bytes of a text. A text that is cut before it is logged must keep at least one byte more, so that
// a part of a key at the limit is removed.
inline constexpr std::size_t kMaxMcpLogBytes = 4096;

enum class McpLogLevel { debug, info, warn, error };
// `text` comes from the server, or is empty. Its content is arbitrary, but contains no secret that we gave to the
// server.
using McpLog = std::function<void(McpLogLevel level, std::string_view event, std::string_view text)>;

}  // namespace aiw
