// A worker without a process, and the scenes that are played to it: lines in, a provider's responses, tools, MCP
// servers.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "protocol/dialect.hpp"

namespace aiw::growth {

// A response of a provider, an HTTP tool or an MCP server.
struct Response {
  std::string type = "text/event-stream";
  std::string body{};
  std::size_t piece = 16 << 10;  // bytes that come at once
  int status = 200;
};

// All that one chat, or some other lines, meet. What is not given is not asked for.
struct Scene {
  std::vector<std::string> lines;
  std::vector<Response> provider{};         // one for each request, in order; the last one again
  Response tool{"application/json", "{}"};  // of every HTTP tool
  std::vector<std::string> mcp_lists{};     // results of tools/list, in order; the last one again
  std::string mcp_result{};                 // of every tools/call
  std::string mcp_noise{};                  // lines that come before it
  std::vector<std::string> later{};         // lines that come once nothing else does
  Dialect dialect = Dialect::v1;
  std::size_t max_in_flight = 4096;
  std::function<void()> direct{};  // in place of all that: the work itself
  std::size_t direct_bytes = 0;    // that it is given
};

// Plays the scene to its end. `work` is called around everything that the worker does, and nothing else.
// Returns the type of the last frame.
std::string play(const Scene& scene, const std::function<void(const std::function<void()>&)>& work);

}  // namespace aiw::growth
