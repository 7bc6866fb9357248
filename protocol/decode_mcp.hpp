// Reads the `mcpServers` of a chat.
#pragma once

#include <vector>

#include "protocol/json_reader.hpp"
#include "protocol/tools.hpp"

namespace aiw {

// Reads {name: {command, args, env, cwd} or {url, headers}, ...}, in the order given. Errors are reported through the
// reader.
std::vector<McpServer> read_mcp_servers(JsonReader& in);

}  // namespace aiw
