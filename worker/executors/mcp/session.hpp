// One MCP server as a client sees it: its handshake, its tools, calls under way. No I/O of its own.
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
  std::chrono::milliseconds connect_limit{30'000};  // for the handshake with the first list of tools; 0: none
  SecretValues keys{};                              // what it says to chats is told without them
};

// A session and its transport are made in the scope of the server's memory account, which outlives them.
// Each may be called within any event; the session must not be destroyed within them.
struct McpSessionEvents {
  std::function<void()> on_listed;                      // the tools are known, for the first time or anew
  std::function<void(std::string_view why)> on_closed;  // once; `why` completes "the MCP server ..."
};

class McpSession : public std::enable_shared_from_this<McpSession>, private McpTransportHandler {
 public:
  using Tools = std::shared_ptr<const std::vector<McpTool>>;

  McpSession(Clock& clock, std::unique_ptr<McpTransport> transport, McpSessionOptions options, McpLog log,
             McpSessionEvents events);
  ~McpSession() override;
  McpSession(const McpSession&) = delete;
  McpSession& operator=(const McpSession&) = delete;

  // Error: it cannot be reached at all; nothing is called back then.
  std::optional<std::string> start();
  // The tools, once they are known; nullptr before.
  [[nodiscard]] const Tools& tools() const { return tools_; }
  // The server said that its tools changed, and the new ones are not known yet.
  [[nodiscard]] bool stale() const { return listing_ || relist_; }
  [[nodiscard]] bool closed() const { return closed_; }
  // Gives the server up. `why` as in on_closed.
  void end(std::string_view why) { on_closed(why); }
  // `arguments` is a JSON object. As ToolRunner::run.
  std::unique_ptr<ToolRun> call(std::string_view tool, std::string_view arguments, ToolOutputHandler on_output);

 private:
  class Run;
  enum class Phase { starting, initializing, running };
  // A request that has no answer yet.
  struct Pending {
    enum class Kind { initialize, list, call };
    Kind kind = Kind::call;
    std::string json{};  // kept until it is answered: a session that was lost wants it again
    ToolOutputHandler on_output{};
    bool resent = false;
  };
  struct Listing {
    std::vector<McpTool> tools;
    std::set<std::string, std::less<>> names;    // of the tools
    std::set<std::string, std::less<>> cursors;  // that were followed
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
  void give_up(std::int64_t id);
  void close(std::string why);

  MemoryAccount* const account_;  // the server's
  Clock& clock_;
  const McpSessionOptions options_;
  const McpLog log_;
  const McpSessionEvents events_;
  Phase phase_ = Phase::starting;
  bool closed_ = false;
  std::string why_closed_;
  std::int64_t last_id_ = 0;
  int garbage_ = 0;  // texts that were no message
  std::map<std::int64_t, Pending> pending_;
  std::deque<std::int64_t> held_;  // requests that wait for the handshake
  Tools tools_;
  std::unique_ptr<Listing> listing_;
  bool relist_ = false;  // the list is to be asked for again
  std::unique_ptr<Timer> limit_, relist_timer_;
  const std::unique_ptr<McpTransport> transport_;  // ends before what it calls
};

}  // namespace aiw
