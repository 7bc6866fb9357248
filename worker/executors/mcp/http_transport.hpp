// MCP server behind a URL: Streamable HTTP (2025-11-25, basic/transports).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/executors/mcp/mcp_log.hpp"
#include "worker/executors/mcp/transport.hpp"

namespace aiw {

struct McpEndpoint {
  std::string url{};
  RequestHeaders headers{};  // headers from the chat request; those that the transport sets itself are ignored
};

// All references must outlive the transport. `delete_session` sends the DELETE request that ends the session. The
// transport's destructor calls it.
std::unique_ptr<McpTransport> make_http_transport(Clock& clock, HttpClient& http, McpEndpoint endpoint, McpLog log,
                                                  std::function<void(HttpRequest)> delete_session);

}  // namespace aiw
