// One MCP server of the pool with the chats that use it. For the pool's own units.
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

// A server with its references resolved.
struct McpPool::Definition {
  std::string name;  // of the first chat that named it: for the log
  std::string key{};
  ChildCommand command{};
  McpEndpoint endpoint{};  // url empty: a child
  SecretValues values{};   // all of env and headers: not for the log
  SecretValues keys{};     // those that come by reference: not for anything that it says
};

// One server, who waits for it and how many use it.
class McpPool::Server : public std::enable_shared_from_this<Server> {
 public:
  using Waiter = std::function<void(Server& server)>;

  Server(McpPool& pool, Definition definition)
      : pool_(pool),
        clock_(pool.services_.clock),
        definition_(std::move(definition)),
        log_lines_(clock_.now(), kLogLinesPerSecond, kLogBurst) {}

  // Error: why it does not start.
  std::optional<std::string> start();
  // Calls once when the tools are known as they are now, or the server is gone; the return value takes that back.
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
  // At a bounded rate; what is beyond it is counted, and the count logged.
  void log(McpLogLevel level, std::string_view event, std::string_view text);

 private:
  static constexpr std::size_t kLogLinesPerSecond = 20;
  static constexpr std::size_t kLogBurst = 200;

  void log_dropped();
  void tell_waiters();
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

// A chat's use of a server.
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
