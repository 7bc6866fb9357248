// MCP servers of this process. Chats that define a server identically share it.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/child_process.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/base/url.hpp"
#include "worker/executors/mcp/mcp_log.hpp"
#include "worker/executors/tool_runner.hpp"
#include "worker/secrets/resolved_text.hpp"

namespace aiw {

struct McpPoolOptions {
  std::string client_version{};
  std::chrono::milliseconds connect_limit{30'000};  // for the handshake and the first tools/list; 0: no limit
  std::chrono::milliseconds idle_limit{60'000};     // a server without chats is closed after this time
  std::size_t max_servers = 256;                    // limit on servers that are open at the same time
  bool allow_commands = true;                       // false: only servers with a URL are allowed
};

// Resolves the key references in an env value or header of a chat request, if the keys may be sent to `to`. A `to`
// without a host stands for a child process.
using McpKeyResolver = std::function<std::expected<ResolvedText, Error>(std::string_view value, const BaseUrl& to)>;

struct McpPoolServices {
  Clock& clock;
  HttpClient& http;
  MemoryAccounts& memory;
  ChildLauncher& launcher;
  // Returns the resolver for the values of one chat.
  std::function<McpKeyResolver()> key_resolver;
  // Called before a log line is formatted.
  std::function<bool(McpLogLevel level)> log_enabled;
  // `server` is the name from the chat request.
  std::function<void(McpLogLevel level, std::string_view server, std::string_view event, std::string_view text)> log;
};

class McpPool : public ToolSource {
 public:
  McpPool(McpPoolOptions options, McpPoolServices services);
  ~McpPool() override;
  McpPool(const McpPool&) = delete;
  McpPool& operator=(const McpPool&) = delete;

  std::unique_ptr<Opening> open(const ChatRequest& chat, std::function<void(Result)> on_ready) override;
  // Closes every server and calls `on_closed` when all are closed, after two seconds at the latest. No chat may be
  // open.
  void close(std::function<void()> on_closed);
  [[nodiscard]] std::size_t servers() const { return servers_.size(); }

 private:
  class Server;
  class Lease;
  class McpOpening;
  class Runner;
  class SessionDelete;
  struct Definition;

  std::expected<Definition, Error> define(const McpServer& server, const McpKeyResolver& resolve) const;
  std::expected<std::shared_ptr<Server>, std::string> server_for(const Definition& definition);
  bool make_room();
  void remove(const Server& server);
  void retire(std::shared_ptr<Server> server);
  void send_session_delete(HttpRequest request);
  void sweep_soon();
  void poll_closing();

  const McpPoolOptions options_;
  const McpPoolServices services_;
  bool closing_ = false;
  std::map<std::string, std::shared_ptr<Server>> servers_;  // by all fields that define a server
  std::vector<std::shared_ptr<Server>> retired_;            // retired; destroyed later, when not on the stack
  std::list<std::unique_ptr<SessionDelete>> deletes_;
  std::unique_ptr<Timer> sweep_, close_timer_;
  Instant close_end_{};
  std::function<void()> on_closed_;
};

}  // namespace aiw
