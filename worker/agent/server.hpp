// The worker as its parent sees it: lines in, frames out, any number of chats side by side.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/dialect.hpp"
#include "protocol/request.hpp"
#include "worker/agent/http_attempt.hpp"
#include "worker/agent/key_policy.hpp"
#include "worker/agent/leanspec_sessions.hpp"
#include "worker/agent/models_query.hpp"
#include "worker/agent/outbox.hpp"
#include "worker/agent/retry_policy.hpp"
#include "worker/agent/session.hpp"

namespace aiw {

struct ServerOptions {
  std::string version{};
  std::size_t max_in_flight = 4096;
  std::size_t max_queued = 10'000;
  std::size_t max_queued_bytes = std::size_t{256} << 20;  // of the lines that wait
  std::size_t max_held_bytes = std::size_t{64} << 20;     // frames that wait for the reader, of all chats
  std::size_t max_line_bytes = std::size_t{64} << 20;
  std::size_t max_frame_bytes = std::size_t{1} << 20;  // deltas are split to fit; other frames are as long as they are
  int max_depth = 128;
  RawString system_prompt{};                // of chats that bring none; outlives the server
  int max_parallel_tools = 16;              // that one chat has running here at once
  std::chrono::milliseconds drain{25'000};  // SIGTERM and shutdown: what runs may finish for so long
};

struct ServerServices {
  Clock& clock;
  HttpClient& http;
  MemoryAccounts& memory;  // outlives also the exchanges of `http`
  FrameOutput& output;
  const FrameEncoder& encoder;
  const KeyPolicy& keys;
  std::function<double()> random;
  // Runs an action on the loop thread once the current event is handled.
  std::function<void(std::function<void()>)> post;
  std::vector<ToolSource*> tool_sources{};        // they outlive the server
  LeanSpecSessions* leanspec_sessions = nullptr;  // only in that parent's dialect; outlives the server
  // True while this process should take no more work on; absent: never.
  std::function<bool()> memory_short{};
  // A line was answered by nothing but this: for the log. Never holds a key or a conversation.
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

  // Says that the worker is up.
  void greet();
  void handle(Request request);

  // No line will come any more: what runs is finished, then `on_idle` is called.
  void close_input();
  // New chats are refused, what runs is finished within the time (0: none left to wait), the rest ends with
  // shutting_down; then `on_idle` is called.
  void drain(std::chrono::milliseconds grace);
  // Ends every chat at once with this error.
  void abort_all(const Error& error);
  // The same where memory has ended: each chat gives back its own first, and is told in short.
  void give_up(const Error& error);
  // Called once, when the server is closing and its last chat has ended.
  void on_idle(std::function<void()> action) { on_idle_ = std::move(action); }

  void output_relieved() { backlog_.relieve(); }
  void output_progressed(std::size_t bytes) { backlog_.share(bytes); }
  [[nodiscard]] const ServerStats& stats() const { return stats_; }
  [[nodiscard]] std::size_t in_flight() const { return sessions_.size() + lookups_.size(); }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  // Chats that shutting down cut short.
  [[nodiscard]] std::size_t cut_short() const { return cut_short_; }

 private:
  struct Waiting {
    std::string id;
    std::unique_ptr<Session> session;
    std::size_t bytes = 0;  // of its line
  };
  // A chat that waits to hear which model its session uses.
  struct LookingUp {
    std::unique_ptr<ChatRequest> chat;
    std::shared_ptr<const Config> default_config;  // as it was when the chat came
    std::unique_ptr<LeanSpecSessions::Lookup> lookup;
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
  [[nodiscard]] Error overloaded(std::string message) const;
  [[nodiscard]] bool is_memory_short() const { return services_.memory_short && services_.memory_short(); }
  // True also while a place is free that a queued chat is about to take.
  [[nodiscard]] bool must_wait() const { return in_flight() >= options_.max_in_flight || !queue_.empty(); }
  bool look_up(std::unique_ptr<ChatRequest>& chat);
  void looked_up(const std::string& id);
  void begin(std::unique_ptr<ChatRequest> chat, const std::shared_ptr<const Config>& default_config);
  void accept(std::unique_ptr<ChatRequest> chat, Route route, const Config& config);
  std::expected<std::shared_ptr<ToolRunner>, Error> http_tool(std::shared_ptr<const HttpTool> tool);
  Reply make_reply(const ChatRequest& chat);
  void ended(const std::string& id, bool ok);
  void models_listed(const std::string& id, const std::string& provider, ModelsQuery::Result result);
  void measure_end();
  void abort_one(Session& session, const Error& error);
  std::unique_ptr<Session> take_queued(std::deque<Waiting>::iterator waiting);
  void sweep();
  void post_sweep();
  void remember(const std::string& id);
  Session* find(const std::string& id);
  Session* find_or_reject(const std::string& line_id, const std::string& chat_id);

  const ServerOptions options_;
  const ServerServices services_;
  const Instant started_;
  Backlog backlog_;
  RetryBudget budget_;
  FinishedExchanges finished_exchanges_;
  TokenCache tokens_;
  std::shared_ptr<const Config> default_config_;

  Error unanswered_{.code = "internal", .message = "the chat was given up without an answer"};
  std::map<std::string, std::unique_ptr<Session>, std::less<>> sessions_;
  std::map<std::string, LookingUp, std::less<>> lookups_;
  std::deque<Waiting> queue_;
  std::set<std::string, std::less<>> queued_ids_;
  std::size_t queued_bytes_ = 0;
  std::vector<std::unique_ptr<Session>> ended_;  // destroyed once no call of theirs is on the stack
  std::map<std::string, std::unique_ptr<ModelsQuery>, std::less<>> queries_;
  std::vector<std::unique_ptr<ModelsQuery>> ended_queries_;
  bool sweep_posted_ = false;
  std::deque<std::string> past_order_;  // the last chats that ended, so that a late cancel is known as such
  std::set<std::string, std::less<>> past_ids_;

  bool input_closed_ = false;
  bool draining_ = false;
  std::unique_ptr<Timer> drain_timer_;
  std::size_t cut_short_ = 0;
  Instant last_end_;                  // of a chat
  Instant::duration between_ends_{};  // a moving mean; 0: not known yet
  std::function<void()> on_idle_;
  ServerStats stats_;
};

}  // namespace aiw
