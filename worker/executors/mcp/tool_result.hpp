// Converts an MCP server's response to tools/call into a tool output.
#pragma once

#include <string>

#include "protocol/json_text.hpp"

namespace aiw {

// `result` is the CallToolResult (2025-11-25, server/tools). One text becomes text. Several blocks, or media, become
// content parts. Structured content becomes json, unless media stands beside it. isError becomes an error output.
std::string tool_output_of(JsonSpan result);

}  // namespace aiw
