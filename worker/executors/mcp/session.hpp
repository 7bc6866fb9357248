// MCP client session with one server: handshake, tool list and pending calls. Performs no I/O itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "worker/base/clock.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/executors/mcp/json_rpc.hpp"
#include "worker/executors/mcp/mcp_log.hpp"
#include "worker/executors/mcp/mcp_messages.hpp"
#include "worker/executors/mcp/transport.hpp"
#include "worker/executors/secret_values.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

struct McpSessionOptions {
  std::string client_version{};
  std::chrono::milliseconds connect_limit{30'000};  // handshake plus first list, and each later list; 0: none
  SecretValues keys{};                              // removed from everything that chats receive
};

// Callbacks of a session. They run within transport events, timers or end(); the session must not be destroyed in them.
// The session and its transport are created in the scope of the server's memory account, which outlives them.
struct McpSessionEvents {
  std::function<void()> on_listed;                      // the tool list is ready, for the first time or again
  std::function<void(std::string_view why)> on_closed;  // called once; `why` completes "the MCP server ..."
};

class McpSession : public std::enable_shared_from_this<McpSession>, private McpTransportHandler {
 public:
  using Tools = std::shared_ptr<const std::vector<McpTool>>;

  McpSession(Clock& clock, std::unique_ptr<McpTransport> transport, McpSessionOptions options, McpLog log,
             McpSessionEvents events);
  ~McpSession() override;
  McpSession(const McpSession&) = delete;
  McpSession& operator=(const McpSession&) = delete;

  // Error: the server cannot be reached at all. No event follows.
  std::optional<std::string> start();
  // Returns nullptr until the first tool list is complete.
  [[nodiscard]] const Tools& tools() const { return tools_; }
  // Returns true if the server reported a change of its tools and the new list is not complete yet.
  [[nodiscard]] bool stale() const { return listing_ || relist_; }
  [[nodiscard]] bool closed() const { return closed_; }
  // Closes the session and reports `why`, as in on_closed.
  void end(std::string_view why) { on_closed(why); }
  // `arguments` is a JSON object. Otherwise as ToolRunner::run.
  std::unique_ptr<ToolRun> call(std::string_view tool, std::string_view arguments, ToolOutputHandler on_output);

 private:
  class Run;
  enum class Phase { starting, initializing, running };
  // Request without a response so far.
  struct Pending {
    enum class Kind { initialize, list, call };
    Kind kind = Kind::call;
    std::string json{};  // kept until the response, because a lost session requires sending it again
    ToolOutputHandler on_output{};
    bool resent = false;
  };
  struct Listing {
    std::vector<McpTool> tools;
    std::set<std::string, std::less<>> names;    // names in `tools`
    std::set<std::string, std::less<>> cursors;  // cursors that were followed
    std::size_t pages = 0;
    std::size_t bytes = 0;
  };

  void on_message(std::string text) override;
  void on_unanswered(std::int64_t id, std::string_view why) override;
  void on_session_lost(std::int64_t id, bool current) override;
  void on_closed(std::string_view why) override;

  void handle(const RpcMessage& message);
  void refuse_text(std::string_view text, std::string_view why);
  void answer_request(const RpcMessage& request);
  void notified(const RpcMessage& notification);
  [[nodiscard]] std::string error_text(const RpcMessage& answer) const;
  void answered(Pending pending, const RpcMessage& answer);
  void initialized(const RpcMessage& answer);
  void listed(const RpcMessage& answer);
  void list_page(std::string_view cursor);
  std::optional<std::string> add_page(McpToolPage page, std::size_t bytes);
  void finish_listing();
  void keep_old_tools(std::string_view why);
  void relist_soon();
  void relist();

  std::int64_t request(Pending::Kind kind, std::string_view method, std::string_view params,
                       ToolOutputHandler on_output);
  void transmit(std::int64_t id, const Pending& pending);
  void initialize();
  void limit_time();
  void time_is_up();
  void cancel_request(std::int64_t id);
  void close(std::string why);

  MemoryAccount* const account_;  // account of the MCP server
  Clock& clock_;
  const McpSessionOptions options_;
  const McpLog log_;
  const McpSessionEvents events_;
  Phase phase_ = Phase::starting;
  bool closed_ = false;
  std::string why_closed_;
  std::int64_t last_id_ = 0;
  int invalid_messages_ = 0;  // number of texts that were not a message
  std::map<std::int64_t, Pending> pending_;
  std::deque<std::int64_t> held_;  // ids of requests that wait for the handshake
  Tools tools_;
  std::unique_ptr<Listing> listing_;
  bool relist_ = false;  // the list must be requested again
  std::unique_ptr<Timer> limit_, relist_timer_;
  const std::unique_ptr<McpTransport> transport_;  // last member, so it is destroyed before the members that it calls
};

}  // namespace aiw
