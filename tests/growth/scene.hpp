// Worker without a process, and the scenes played to it: lines, responses of providers, tools and MCP servers.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "protocol/dialect.hpp"

namespace aiw::growth {

// Response of a provider, an HTTP tool or an MCP server.
struct Response {
  std::string type = "text/event-stream";
  std::string body{};
  std::size_t piece = 16 << 10;  // bytes that arrive at once
  int status = 200;
};

// Complete input of one chat, or of some other lines. Parts that are not set are not requested.
struct Scene {
  std::vector<std::string> lines;
  std::vector<Response> provider{};         // response to each request, in order; the last one is repeated
  Response tool{"application/json", "{}"};  // response of every HTTP tool
  std::vector<std::string> mcp_lists{};     // results of tools/list, in order; the last one is repeated
  std::string mcp_result{};                 // result of every tools/call
  std::string mcp_noise{};                  // lines that arrive before mcp_result
  std::vector<std::string> later{};         // lines that are sent when nothing else is left to do
  Dialect dialect = Dialect::v1;
  std::size_t max_in_flight = 4096;
  std::function<void()> direct{};  // work to run instead of all the above
  std::size_t direct_bytes = 0;    // input bytes of `direct`
};

// Plays the scene to its end. Calls `work` around everything that the worker does, and around nothing else. Returns the
// type of the last frame and its error code, separated by a space; "direct" for a scene with `direct`.
std::string play(const Scene& scene, const std::function<void(const std::function<void()>&)>& work);

}  // namespace aiw::growth
