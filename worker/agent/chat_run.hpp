// Life cycle of one chat: steps, attempts and tools, up to its one terminal event. An explicit state machine that does
// no I/O itself.
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

struct ChatRunServices {
  AttemptServices attempt;
  RetryBudget& budget;
  TokenCache& tokens;
  std::function<double()> random;  // in [0, 1)
  HttpToolMaker make_http_tool{};
  std::vector<ToolSource*> tool_sources{};  // outlive the run
  int max_parallel_tools = 16;              // tools that this process runs at once for one chat
};

// Phases, and the event that leaves each of them:
//   waiting         queued; left by start()
//   preparing       tool sources are being opened; left when the last one is open, or on a failure
//   streaming       an attempt runs; left when it finishes or fails
//   backing_off     a failed attempt waits for its retry; left by a timer
//   awaiting_tools  tool calls are running; left with the last output
//   finished        the terminal event was sent
// cancel(), abort() and the memory limit may end every phase. The total time limit does so once start() was called.
// close_input() ends awaiting_tools if a call waits for the parent.
class ChatRun {
 public:
  // `accepted` is the time at which the line was accepted. Services must outlive the run. It opens its own
  // memory account, which may end it with resource_exhausted.
  ChatRun(std::unique_ptr<ChatRequest> chat, Route route, int max_steps, const ChatRunServices& services, Reply reply,
          Instant accepted);
  ~ChatRun();
  ChatRun(const ChatRun&) = delete;
  ChatRun& operator=(const ChatRun&) = delete;

  // Each of these may end the run and so call the reply's on_ended. Do not destroy the run during that call.
  void start();
  // Ends the chat with `done`, finishReason cancelled.
  void cancel();
  void abort(Error error);
  // The parent can send no more lines. A run that waits for the parent ends with input_closed, now or once it has
  // to wait.
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

  // Opened by each call from outside: memory taken in its scope belongs to the chat.
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

  [[nodiscard]] std::size_t max_added_bytes() const;
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
  void cancel_open_calls(std::string_view reason);
  void proceed();

  // Provider and model as events name them; empty if the chat has no fallback or hedge target.
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
  const bool asks_others_;  // has a fallback or hedge target, so events name provider and model
  const int max_steps_;
  const ChatRunServices services_;
  Reply reply_;
  const Instant accepted_;

  Toolbox tools_;
  Phase phase_ = Phase::waiting;
  const std::shared_ptr<Transcript> transcript_;  // shared with exchanges, whose bodies are views of it
  std::shared_ptr<AdaptedChat> adapted_;          // for the current target, as is `written_`
  WrittenHistory written_;                        // refers to the bytes of both
  int step_ = -1;
  int attempt_ = 0;             // attempts in the current step
  int attempts_on_target_ = 0;  // attempts in the current step with the current target
  bool offer_tools_ = true;
  std::vector<std::string> claims_;  // hosts whose retry budget this run holds a slot of
  bool input_closed_ = false;
  StepOutput output_;
  std::optional<Usage> step_usage_;
  Usage past_usage_;  // usage of earlier steps and of discarded attempts
  std::string finish_raw_;
  std::unique_ptr<ToolRound> round_;  // tool calls of the current step
  std::size_t null_work_ = 0;         // work left for the tool calls of the current response
  std::optional<Instant> started_;
  std::unique_ptr<Attempt> running_;
  std::unique_ptr<Timer> phase_timer_;
  std::unique_ptr<Timer> total_timer_;
  std::unique_ptr<Timer> heartbeat_;
};

}  // namespace aiw
