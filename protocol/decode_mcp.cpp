#include "protocol/decode_mcp.hpp"

#include <algorithm>
#include <string_view>

#include "protocol/config.hpp"
#include "protocol/decode_chat.hpp"
#include "protocol/decode_headers.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxServers = 1'000;
constexpr std::size_t kMaxListed = 10'000;  // per server: arguments, variables or tools

// Rejects a text with a NUL. An operating system or HTTP would cut it there, which could change its meaning.
std::string read_text(JsonReader& in) {
  std::string text = in.string();
  if (text.find('\0') != std::string::npos) in.fail("a NUL cannot be given to a server");
  return text;
}

void read_pairs(JsonReader& in, std::vector<std::pair<std::string, std::string>>& pairs) {
  constexpr std::size_t kMost = 1'000;
  in.object([&](std::string_view key) {
    if (pairs.size() >= kMost) in.fail("more than 1,000 members");
    if (pairs.size() >= kMaxListed) in.fail("more than 10,000 members");
    pairs.emplace_back(key, read_text(in));
  });
}

void read_headers(JsonReader& in, McpServer& server) {
  in.object([&](std::string_view name) {
    check_header_name(in, name, server.headers);
    if (server.headers.size() >= kMaxHeaders) in.fail("a server has at most 100 headers");
    server.headers.emplace_back(name, read_text(in));
  });
}

void read_env(JsonReader& in, McpServer& server) {
  read_pairs(in, server.env);
  for (const auto& [name, value] : server.env) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      in.fail("not a variable's name");
    }
  }
}

Approval read_mcp_approval(JsonReader& in) {
  const std::string approval = in.string();
  if (approval == "never") return Approval::never;
  if (approval == "parent") return Approval::parent;
  if (approval != "always") in.fail("an approval is always, never or parent");
  return Approval::always;
}

bool read_where(JsonReader& in, std::string_view key, McpServer& server) {
  if (key == "command") {
    server.command = read_text(in);
  } else if (key == "args") {
    in.array([&] {
      if (server.args.size() >= kMaxListed) in.fail("more than 10,000 arguments");
      server.args.push_back(read_text(in));
    });
  } else if (key == "env") {
    read_env(in, server);
  } else if (key == "cwd") {
    server.cwd = read_text(in);
  } else if (key == "url") {
    server.url = read_text(in);
  } else if (key == "headers") {
    read_headers(in, server);
  } else {
    return false;
  }
  return true;
}

// Accepts the transport names used in the configuration files of Claude and VS Code.
void check_type(JsonReader& in, const McpServer& server, std::string_view type) {
  const bool http = type == "http" || type == "streamable-http" || type == "streamableHttp";
  if (type == "sse") return in.fail("the HTTP+SSE transport of 2024 is not spoken, only Streamable HTTP");
  if (!http && type != "stdio" && !type.empty()) return in.fail("a server's type is stdio or http");
  if (http && server.url.empty()) return in.fail("a server of this type needs a url");
  if (type == "stdio" && server.command.empty()) in.fail("a server of this type needs a command");
}

void check(JsonReader& in, const McpServer& server, std::string_view type) {
  if (server.name.empty() || server.name.size() > kMaxNameBytes) in.fail("a server's name has 1 to 128 bytes");
  if (server.command.empty() == server.url.empty()) in.fail("a server has either a command or a url");
  const bool is_child = server.url.empty();
  if (is_child && !server.headers.empty()) in.fail("headers are for a server with a url");
  const bool child_only = !server.args.empty() || !server.env.empty() || !server.cwd.empty();
  if (!is_child && child_only) in.fail("args, env and cwd are for a server with a command");
  check_type(in, server, type);
}

McpServer read_server(JsonReader& in, std::string_view name) {
  McpServer server{.name = std::string(name)};
  std::string type;
  in.object([&](std::string_view key) {
    if (read_where(in, key, server)) return;
    if (key == "type") {
      type = in.string();
    } else if (key == "tools") {
      in.array([&] {
        if (server.tools.size() >= kMaxListed) in.fail("more than 10,000 tools");
        server.tools.push_back(in.string());
      });
    } else if (key == "approval") {
      server.approval = read_mcp_approval(in);
    } else if (key == "timeoutMs") {
      server.timeout_ms = in.integer(0, kMaxMs);
    } else if (key == "optional") {
      server.optional = in.boolean();
    } else {
      in.skip();
    }
  });
  check(in, server, type);
  return server;
}

}  // namespace

std::vector<McpServer> read_mcp_servers(JsonReader& in) {
  std::vector<McpServer> servers;
  in.object([&](std::string_view name) {
    if (servers.size() >= kMaxServers) in.fail("more than 1,000 servers");
    servers.push_back(read_server(in, name));
  });
  return servers;
}

}  // namespace aiw
