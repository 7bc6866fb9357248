// The worker as its parent sees it: lines in, frames out, many chats side by side.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codes.hpp"
#include "protocol/dialect.hpp"
#include "protocol/request.hpp"
#include "worker/agent/admission.hpp"
#include "worker/agent/chat_run.hpp"
#include "worker/agent/chat_table.hpp"
#include "worker/agent/http_attempt.hpp"
#include "worker/agent/key_policy.hpp"
#include "worker/agent/models_queries.hpp"
#include "worker/agent/outbox.hpp"
#include "worker/agent/parent_sessions.hpp"
#include "worker/agent/retry_policy.hpp"

namespace aiw {

struct ServerOptions {
  std::string version{};
  AdmissionLimits admission{};
  std::size_t max_held_bytes = std::size_t{64} << 20;  // frames held until the reader takes them, over all chats
  std::size_t max_line_bytes = std::size_t{64} << 20;
  std::size_t max_frame_bytes = std::size_t{1} << 20;  // deltas are split to fit; other frames may be longer
  int max_depth = 128;
  RawString system_prompt{};                // for chats that have none; outlives the server
  int max_parallel_tools = 16;              // tools that one chat may run in this process at once
  std::chrono::milliseconds drain{25'000};  // time that running chats get after SIGTERM or shutdown
};

struct ServerServices {
  Clock& clock;
  HttpClient& http;
  MemoryAccounts& memory;  // must also outlive the exchanges of `http`
  FrameOutput& output;
  const FrameEncoder& encoder;
  const KeyPolicy& keys;
  std::function<double()> random;
  // Runs an action on the loop thread once the current event is handled.
  std::function<void(std::function<void()>)> post;
  std::vector<ToolSource*> tool_sources{};    // outlive the server
  ParentSessions* parent_sessions = nullptr;  // of the dialect, if it has any; outlives the server
  // Returns true while this process should accept no more work. Empty: never.
  std::function<bool()> memory_short{};
  // Called for the log when a line was rejected and the dialect has no frame to report it. The error never holds a key
  // or a conversation.
  std::function<void(const Error& error)> on_unanswered;
};

struct ServerStats {
  std::uint64_t lines = 0;
  std::uint64_t accepted = 0;
  std::uint64_t done = 0;
  std::uint64_t errors = 0;
  std::uint64_t rejected = 0;
};

// All calls on the loop thread.
class Server {
 public:
  Server(const ServerOptions& options, const ServerServices& services);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Sends the `ready` frame.
  void greet();
  void handle(Request request);

  // The parent can send no more lines. Running and queued chats finish, then `on_idle` is called.
  void close_input();
  // Rejects new chats. Chats may finish within `grace` (0: no time); the rest ends with shutting_down. Then `on_idle`
  // is called.
  void drain(std::chrono::milliseconds grace);
  // Ends every chat at once with this error.
  void abort_all(const Error& error);
  // Ends every chat with this error when the process is out of memory. Each chat frees what it holds first, then sends
  // a short error.
  void fail_all(const Error& error);
  // `action` is called once, when the server is closing and its last chat and models request have ended.
  void on_idle(std::function<void()> action) { on_idle_ = std::move(action); }

  void output_relieved() { backlog_.relieve(); }
  void output_progressed(std::size_t bytes) { backlog_.share(bytes); }
  [[nodiscard]] const ServerStats& stats() const { return stats_; }
  [[nodiscard]] std::size_t in_flight() const { return chats_.running() + lookups_.size(); }
  [[nodiscard]] std::size_t queued() const { return chats_.queued(); }
  // Number of chats that the end of the drain time aborted.
  [[nodiscard]] std::size_t cut_short() const { return cut_short_; }

 private:
  // Chat that waits for what its parent's session says.
  struct LookingUp {
    std::unique_ptr<ChatRequest> chat;
    std::shared_ptr<const Config> default_config;  // default config at the time the chat arrived
    std::unique_ptr<ParentSessions::Lookup> lookup;
    bool cancelled = false;
  };

  void on(std::unique_ptr<ChatRequest> chat);
  void on(const CancelRequest& cancel);
  void on(const ToolResultRequest& result);
  void on(const ToolApprovalRequest& approval);
  void on(const HealthRequest& health);
  void on(const ModelsRequest& models);
  void on(ReloadConfigRequest reload);
  void on(const ShutdownRequest& shutdown);
  void on(const RejectedLine& line);

  void reject(const std::optional<std::string>& id, bool is_chat, const Error& why);
  void ack(const std::string& id, bool late = false);
  [[nodiscard]] std::optional<Error> refusal(const ChatRequest& chat) const;
  [[nodiscard]] Load load() const { return {in_flight(), chats_.queued(), chats_.queued_bytes()}; }
  bool look_up(std::unique_ptr<ChatRequest>& chat);
  void looked_up(const std::string& id);
  void begin(std::unique_ptr<ChatRequest> chat, const std::shared_ptr<const Config>& default_config);
  void accept(std::unique_ptr<ChatRequest> chat, Route route, const Config& config, KeyPolicy keys);
  std::expected<std::shared_ptr<ToolRunner>, Error> http_tool(std::shared_ptr<const HttpTool> tool,
                                                              const KeyPolicy& keys);
  Reply make_reply(const ChatRequest& chat);
  void ended(const std::string& id, bool ok);
  void models_listed(const std::string& id, const std::string& provider, ModelsQuery::Result result);
  void start(ChatRun& run);
  void abort_one(ChatRun& run, const Error& error);
  void sweep();
  void post_sweep();
  ChatRun* find_or_reject(const std::string& line_id, const std::string& chat_id);

  const ServerOptions options_;
  const ServerServices services_;
  const Instant started_;
  Backlog backlog_;
  RetryBudget budget_;
  FinishedExchanges finished_exchanges_;
  TokenCache tokens_;
  std::shared_ptr<const Config> default_config_;

  Error unanswered_{.code = error_code::internal, .message = "the chat was given up without an answer"};
  ChatTable chats_;
  std::map<std::string, LookingUp, std::less<>> lookups_;
  ModelsQueries queries_;
  Admission admission_;
  bool sweep_posted_ = false;

  bool input_closed_ = false;
  bool draining_ = false;
  std::unique_ptr<Timer> drain_timer_;
  std::size_t cut_short_ = 0;
  std::function<void()> on_idle_;
  ServerStats stats_;
};

}  // namespace aiw
