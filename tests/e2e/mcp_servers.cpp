#include "tests/e2e/mcp_servers.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>

namespace aiw::e2e {

namespace fs = std::filesystem;

Json mcp_chat(const std::string& id, const Json& servers, const std::vector<Call>& calls, const Json& more) {
  Json actions = Json::array();
  for (const auto& call : calls) actions.push_back({{"toolCall", {{"toolName", call.tool}, {"input", call.input}}}});
  const Json done = Json::array({Json{{"text", "done"}}});
  const Json script = calls.empty() ? Json::array({done}) : Json::array({actions, done});
  const Json model = {{"id", "scripted"}, {"script", script}};
  const Json provider = {{"id", "mock"}, {"models", Json::array({model})}};
  Json payload = {{"config", {{"providers", Json::array({provider})}}},
                  {"providerId", "mock"},
                  {"modelId", "scripted"},
                  {"messages", Json::array({Json{{"role", "user"}, {"content", "go"}}})},
                  {"mcpServers", servers}};
  payload.update(more);
  return {{"id", id}, {"type", "chat"}, {"payload", payload}};
}

std::map<std::string, Json> outputs(const FrameLog& log) {
  std::map<std::string, Json> out;
  for (const Json& frame : log.all("tool_result")) out[frame.at("data").at("toolName")] = frame.at("data").at("output");
  return out;
}

Json mcp_error(const std::string& text) { return {{"type", "error-text"}, {"value", text}}; }

Json shell_server(const std::string& on_call, const std::string& before) {
  const std::string script = "note() { :; }\n" + before + R"sh(
id() { printf '%s' "$1" | sed 's/.*"id":\([0-9]*\).*/\1/'; }
say() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
while read -r line; do
  note "$line"
  case "$line" in
    *'"initialize"'*)
      say "$(id "$line")" '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s"}}' ;;
    *'"tools/list"'*) say "$(id "$line")" '{"tools":[{"name":"go","inputSchema":{"type":"object"}}]}' ;;
    *'"tools/call"'*) )sh" + on_call +
                             R"sh( ;;
  esac
done)sh";
  return {{"command", "sh"}, {"args", Json::array({"-c", script})}};
}
const std::string kSayPid = R"sh(say "$(id "$line")" '{"content":[{"type":"text","text":"'$$'"}]}')sh";

}  // namespace aiw::e2e
