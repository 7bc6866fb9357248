// One chat's life: steps, attempts, tools, until its one answer. An explicit state machine; no I/O of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/request.hpp"
#include "worker/agent/attempt.hpp"
#include "worker/agent/hedged_attempt.hpp"
#include "worker/agent/reply.hpp"
#include "worker/agent/retry_policy.hpp"
#include "worker/agent/step_output.hpp"
#include "worker/agent/target.hpp"
#include "worker/agent/target_attempt.hpp"
#include "worker/agent/tool_round.hpp"
#include "worker/agent/toolbox.hpp"
#include "worker/agent/transcript.hpp"

namespace aiw {

struct SessionServices {
  AttemptServices attempt;
  RetryBudget& budget;
  TokenCache& tokens;
  std::function<double()> random;  // in [0, 1)
  HttpToolMaker make_http_tool{};
  std::vector<ToolSource*> tool_sources{};  // they outlive the session
  int max_parallel_tools = 16;              // that this process runs at once for one chat
};

// The phases and what leaves them:
//   waiting         queued; start()
//   preparing       its tools' sources are opened; the last of them, or a failure
//   streaming       an attempt runs; its finish or failure
//   backing_off     a failed attempt waits for the next; a timer
//   awaiting_tools  calls are under way; the last of their outputs
//   finished        the reply is given
// cancel, abort, the total time limit and close_input may end any of them.
class Session {
 public:
  // `accepted` is when the line was accepted. Services outlive the session. Its memory is an account's of its own,
  // which may end it with resource_exhausted.
  Session(std::unique_ptr<ChatRequest> chat, Route route, int max_steps, const SessionServices& services, Reply reply,
          Instant accepted);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Each of these may end the session, which calls the reply's on_ended; the session must not be destroyed within it.
  void start();
  // Ends with `done`, finishReason cancelled.
  void cancel();
  void abort(Error error);
  // The parent can answer no more: a session that waits for it ends with input_closed, now or when it comes to wait.
  void close_input();
  [[nodiscard]] bool awaits(std::string_view tool_call_id) const;
  // Requires awaits(result.tool_call_id).
  void tool_result(const ToolResultRequest& result);
  [[nodiscard]] bool awaits_approval(std::string_view tool_call_id) const;
  // Requires awaits_approval(approval.tool_call_id).
  void tool_approval(const ToolApprovalRequest& approval);

 private:
  enum class Phase { waiting, preparing, streaming, backing_off, awaiting_tools, finished };

  static std::unique_ptr<ChatRequest> repaired(std::unique_ptr<ChatRequest> chat);

  // For each call from outside: what it takes is the chat's memory.
  [[nodiscard]] MemoryScope enter() const { return MemoryScope(account_.get()); }
  void out_of_memory(const Error& error);

  void prepare();
  void prepared(const std::expected<void, Error>& result);
  void dry_run();
  void schedule_heartbeat();
  void begin_step();
  void start_attempt();
  std::expected<std::unique_ptr<Attempt>, Error> start_plain(const Target& target, AttemptObserver& observer);
  std::expected<std::unique_ptr<Attempt>, Error> start_hedged();
  bool claim_hedge();
  void usage(const Usage& usage);
  void finish(FinishReason reason, std::string_view raw);
  void fail(Error error);
  void fail_step(const Error& error);
  [[nodiscard]] Target& target() { return route_.target; }
  [[nodiscard]] const Target& target() const { return route_.target; }
  [[nodiscard]] const Target& hedge_target() const { return route_.hedge ? *route_.hedge : target(); }
  [[nodiscard]] StepInput step_input(const Target& target);
  void discard_answer();
  void discard_usage(const Usage& usage, const Target& target);
  void end_attempt();
  void back_off(const Error& error, std::chrono::milliseconds delay);
  bool fall_back(const Error& error);
  void change_target(Target target);
  void release_retry();

  [[nodiscard]] std::size_t most_added() const;
  void end_too_large();
  [[nodiscard]] bool is_paused(FinishReason reason, std::string_view raw) const;
  void close_step();
  void next_step();
  void release_tool_choice();
  std::function<void(int, std::shared_ptr<const CheckedCall>)> early_call_handler();
  void make_round();
  void show_early(int part, std::shared_ptr<const CheckedCall> call);
  void show_calls(FinishReason reason);
  void take_back_calls(std::string_view reason);
  void await_tools();
  [[nodiscard]] bool has_calls() const;
  void give_up_tools(std::string_view reason);
  void proceed();

  // What an event calls it; empty where there is no other.
  [[nodiscard]] std::string_view named_provider(const Target& target) const;
  [[nodiscard]] std::string_view named_model(const Target& target) const;
  [[nodiscard]] Rope new_messages() const;
  void end_done(FinishReason reason);
  void end_error(const Error& error);
  void release();
  [[nodiscard]] Usage total_usage() const;
  [[nodiscard]] Timing timing() const;

  const std::shared_ptr<MemoryAccount> account_;  // shared with exchanges
  const std::unique_ptr<ChatRequest> chat_;
  Route route_;
  const bool asks_others_;  // than the chat's own model: events say who it was
  const int max_steps_;
  const SessionServices services_;
  Reply reply_;
  const Instant accepted_;

  Toolbox tools_;
  Phase phase_ = Phase::waiting;
  const std::shared_ptr<Transcript> transcript_;  // shared with exchanges, whose bodies are views of it
  std::shared_ptr<AdaptedChat> adapted_;          // of the target whose turn it is, as is `written_`
  WrittenHistory written_;                        // refers to the bytes of both
  int step_ = -1;
  int attempt_ = 0;  // of this step
  int tries_ = 0;    // of them, with this target
  bool offer_tools_ = true;
  std::vector<std::string> claims_;  // hosts in whose retry budget it holds a place
  bool input_closed_ = false;
  StepOutput output_;
  std::optional<Usage> step_usage_;
  Usage past_usage_;  // of the steps before
  std::string finish_raw_;
  std::unique_ptr<ToolRound> round_;  // the step's calls
  std::size_t null_work_ = 0;         // left for this answer's calls
  std::optional<Instant> started_;
  std::unique_ptr<Attempt> running_;
  std::unique_ptr<Timer> phase_timer_;
  std::unique_ptr<Timer> total_timer_;
  std::unique_ptr<Timer> heartbeat_;
};

}  // namespace aiw
