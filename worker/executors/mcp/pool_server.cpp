#include "worker/executors/mcp/pool_server.hpp"

#include "worker/executors/mcp/stdio_transport.hpp"

namespace aiw {
std::optional<std::string> McpPool::Server::start() {
  const auto& services = pool_.services_;
  account_ = services.memory.open([this](const Error&) { session_->end("took too much memory"); });
  const MemoryScope scope(account_.get());  // even if a chat's request starts the server
  const McpLog to_log = [self = weak_from_this()](McpLogLevel level, std::string_view event, std::string_view text) {
    if (const auto server = self.lock()) server->log(level, event, text);
  };
  std::unique_ptr<McpTransport> transport;
  if (definition_.endpoint.url.empty()) {
    transport = make_stdio_transport(clock_, services.launcher, definition_.command, to_log);
  } else {
    transport =
        make_http_transport(clock_, services.http, definition_.endpoint, to_log,
                            [pool = &pool_](HttpRequest request) { pool->send_session_delete(std::move(request)); });
  }
  McpSessionEvents events;
  events.on_listed = [this] { notify_waiters(); };
  events.on_closed = [this](std::string_view why) { closed(why); };
  session_ = std::make_shared<McpSession>(
      clock_, std::move(transport),
      McpSessionOptions{pool_.options_.client_version, pool_.options_.connect_limit, definition_.keys}, to_log,
      std::move(events));
  log(McpLogLevel::debug, "starts", {});
  return session_->start();
}

std::shared_ptr<void> McpPool::Server::wait(Waiter waiter) {
  auto held = std::make_shared<Waiter>(std::move(waiter));
  waiters_.push_back(held);
  return held;
}

void McpPool::Server::release() {
  if (--users_ > 0) return;
  idle_since_ = clock_.now();
  idle_timer_ = clock_.call_at(idle_since_ + pool_.options_.idle_limit, [this] {
    log(McpLogLevel::debug, "is idle and ends", {});
    pool_.remove(*this);
  });
}

void McpPool::Server::log(McpLogLevel level, std::string_view event, std::string_view text) {
  constexpr std::chrono::seconds kDroppedInterval{1};
  if (!pool_.services_.log_enabled(level)) return;
  if (log_lines_.take(clock_.now())) {
    const auto safe = definition_.values.remove_from_beginning(text, kMaxMcpLogBytes);
    return pool_.services_.log(level, definition_.name, event, safe);
  }
  if (dropped_lines_++ > 0) return;
  dropped_timer_ = clock_.call_at(clock_.now() + kDroppedInterval, [this] { log_dropped(); });
}

void McpPool::Server::log_dropped() {
  pool_.services_.log(McpLogLevel::warn, definition_.name, "log lines were dropped",
                      std::to_string(std::exchange(dropped_lines_, 0)));
}

void McpPool::Server::notify_waiters() {
  const auto self = shared_from_this();
  for (auto& waiter : std::exchange(waiters_, {})) {
    if (const auto held = waiter.lock()) (*held)(*this);
  }
}

void McpPool::Server::closed(std::string_view why) {
  why_closed_ = definition_.values.remove_from(why);
  log(McpLogLevel::info, "is gone", why_closed_);
  idle_timer_.reset();
  pool_.remove(*this);
  notify_waiters();
}

}  // namespace aiw
