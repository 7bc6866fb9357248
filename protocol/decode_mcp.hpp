// Reads the `mcpServers` of a chat.
#pragma once

#include <vector>

#include "protocol/json_reader.hpp"
#include "protocol/tools.hpp"

namespace aiw {

// {name: {command, args, env, cwd} or {url, headers}, ...}, in the order given. What is wrong is the reader's error.
std::vector<McpServer> read_mcp_servers(JsonReader& in);

}  // namespace aiw
