// MCP server of the pool with the chats that use it. Internal to the pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/base/allowance.hpp"
#include "worker/executors/mcp/http_transport.hpp"
#include "worker/executors/mcp/pool.hpp"
#include "worker/executors/mcp/session.hpp"
#include "worker/executors/secret_values.hpp"

namespace aiw {

// Server definition with resolved references.
struct McpPool::Definition {
  std::string name;  // name from the first chat that used it; for the log
  std::string key{};
  ChildCommand command{};
  McpEndpoint endpoint{};  // empty url: the server is a child process
  SecretValues values{};   // all values of env and headers; removed from log lines
  SecretValues keys{};     // values that came by reference; removed from all that chats receive
};

// Shared server: its session, its waiters and its number of users.
class McpPool::Server : public std::enable_shared_from_this<Server> {
 public:
  using Waiter = std::function<void(Server& server)>;

  Server(McpPool& pool, Definition definition)
      : pool_(pool),
        clock_(pool.services_.clock),
        definition_(std::move(definition)),
        log_lines_(clock_.now(), kLogLinesPerSecond, kLogBurst) {}

  // Error: the reason why the server cannot start.
  std::optional<std::string> start();
  // Calls `waiter` once, when the current tools are known or the server is closed. Destroying the returned handle
  // cancels the call.
  std::shared_ptr<void> wait(Waiter waiter);
  [[nodiscard]] bool ready() const { return session_->tools() != nullptr && !session_->stale() && !session_->closed(); }
  [[nodiscard]] McpSession& session() const { return *session_; }
  [[nodiscard]] const std::shared_ptr<McpSession>& shared_session() const { return session_; }
  [[nodiscard]] const std::string& why_closed() const { return why_closed_; }
  [[nodiscard]] bool idle() const { return users_ == 0; }
  [[nodiscard]] Instant idle_since() const { return idle_since_; }
  [[nodiscard]] const std::string& key() const { return definition_.key; }

  void use() {
    ++users_;
    idle_timer_.reset();
  }
  void release();
  // Logs at a limited rate. Lines above it are counted, and the count is logged.
  void log(McpLogLevel level, std::string_view event, std::string_view text);

 private:
  static constexpr std::size_t kLogLinesPerSecond = 20;
  static constexpr std::size_t kLogBurst = 200;

  void log_dropped();
  void notify_waiters();
  void closed(std::string_view why);

  McpPool& pool_;
  Clock& clock_;
  const Definition definition_;
  std::string why_closed_;
  Allowance log_lines_;
  std::size_t dropped_lines_ = 0;
  std::unique_ptr<Timer> dropped_timer_;
  std::size_t users_ = 0;
  Instant idle_since_{};
  std::unique_ptr<Timer> idle_timer_;
  std::vector<std::weak_ptr<Waiter>> waiters_;
  std::shared_ptr<MemoryAccount> account_;
  std::shared_ptr<McpSession> session_;
};

// Use of a server by a chat.
class McpPool::Lease {
 public:
  explicit Lease(const std::shared_ptr<Server>& server) : server_(server), session_(server->shared_session()) {
    server->use();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (const auto server = server_.lock()) server->release();
  }
  [[nodiscard]] std::shared_ptr<McpSession> session() const { return session_.lock(); }

 private:
  std::weak_ptr<Server> server_;
  std::weak_ptr<McpSession> session_;
};

}  // namespace aiw
