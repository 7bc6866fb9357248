// MCP server that is a child process: one JSON text per line on stdin and stdout (2025-11-25, basic/transports).
#pragma once

#include <memory>

#include "worker/base/child_process.hpp"
#include "worker/base/clock.hpp"
#include "worker/executors/mcp/mcp_log.hpp"
#include "worker/executors/mcp/transport.hpp"

namespace aiw {

struct StdioLimits {
  std::size_t max_line_bytes = std::size_t{64} << 20;
  std::size_t max_unread_bytes = std::size_t{64} << 20;  // limit on bytes that the server has not read from its stdin
};

// All references must outlive the transport. Destroying the transport ends the child process.
std::unique_ptr<McpTransport> make_stdio_transport(Clock& clock, ChildLauncher& launcher, ChildCommand command,
                                                   McpLog log, const StdioLimits& limits = {});

}  // namespace aiw
