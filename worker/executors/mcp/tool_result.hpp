// What an MCP server's answer to tools/call becomes: a tool's output.
#pragma once

#include <string>

#include "protocol/json_text.hpp"

namespace aiw {

// `result` is the CallToolResult (2025-11-25, server/tools). Text becomes text; several things or media become
// content parts; structured content becomes json if nothing but its own text stands beside it; isError an error.
std::string tool_output_of(JsonSpan result);

}  // namespace aiw
