// Chats with MCP servers, and MCP servers as short shell scripts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/e2e/temporary_folder.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/support/alive.hpp"

namespace aiw::e2e {

using test::alive;

struct Call {
  std::string tool;
  Json input = Json::object();
};

// Returns a chat whose model makes these calls in one response and then replies "done".
Json mcp_chat(const std::string& id, const Json& servers, const std::vector<Call>& calls,
              const Json& more = Json::object());

// Returns the outputs of a chat's calls by tool name.
std::map<std::string, Json> outputs(const FrameLog& log);

// Returns the tool output for an error of an MCP server.
Json mcp_error(const std::string& text);

// Returns an MCP server that answers initialize and lists one tool, `go`. It runs `on_call` for each tools/call;
// `before` runs first of all.
Json shell_server(const std::string& on_call, const std::string& before = {});
// Value for `on_call`: answers with the server's pid as text.
extern const std::string kSayPid;

}  // namespace aiw::e2e
