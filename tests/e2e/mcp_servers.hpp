// Chats with MCP servers, and servers of a few lines of shell.
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

// A chat whose model makes these calls at once and then says that it is done.
Json mcp_chat(const std::string& id, const Json& servers, const std::vector<Call>& calls,
              const Json& more = Json::object());

// The outputs of a chat's calls by their tools.
std::map<std::string, Json> outputs(const FrameLog& log);

// The output that says what went wrong at a server.
Json mcp_error(const std::string& text);

// It answers initialize, tools/list with the tool `go`, and then runs `on_call`; `before` runs first of all.
Json shell_server(const std::string& on_call, const std::string& before = {});
// For `on_call`: the server's pid as a text.
extern const std::string kSayPid;

}  // namespace aiw::e2e
