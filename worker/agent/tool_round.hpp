// Tool calls of one step until they have outputs: shown, approved, run in parallel, each within its time limit. The
// outputs are returned in call order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "worker/agent/assistant_message.hpp"
#include "worker/agent/outbox.hpp"
#include "worker/agent/toolbox.hpp"
#include "worker/base/memory_account.hpp"

namespace aiw {

class ToolRound {
 public:
  // `on_answered` is called once after start(), when the last open call has its output or the outputs exceed
  // `max_bytes` together. It may destroy the round. All references must outlive the round. `max_parallel` limits the
  // tools that this process runs at once for this chat. Construct the round in the scope of the chat's memory account.
  ToolRound(int step, Toolbox& tools, Outbox& events, Clock& clock, int max_parallel, std::size_t max_bytes,
            std::function<void()> on_answered);
  ~ToolRound();
  ToolRound(const ToolRound&) = delete;
  ToolRound& operator=(const ToolRound&) = delete;

  // Shows the call in part `part` of the response. `may_run` is false if the response was cut short or stopped; then
  // the call is not run. A call that cannot run gets an error output for the model at once. Once the outputs are too
  // long, or the chat is over a memory limit, calls are dropped: the chat is about to end.
  void add(int part, std::shared_ptr<const CheckedCall> call, bool may_run);
  // Shows a call while the response continues. The parent may send its result or approval at once; everything else
  // waits for start(). A second call of the same part is ignored.
  void add_early(int part, std::shared_ptr<const CheckedCall> call, bool may_run);
  // Marks the response as complete: its calls now count.
  void complete() { complete_ = true; }
  // Runs every call that needs no approval.
  void start();

  [[nodiscard]] bool empty() const { return calls_.empty(); }
  [[nodiscard]] bool answered() const { return open_ == 0; }
  // True if the outputs are longer than the chat may add.
  [[nodiscard]] bool too_long() const { return output_bytes_ > max_bytes_; }
  // True if a call waits for a result or an approval from the parent.
  [[nodiscard]] bool awaits_parent() const { return !by_parent_.empty(); }
  [[nodiscard]] bool awaits_result(std::string_view id) const;
  [[nodiscard]] bool awaits_approval(std::string_view id) const;
  // Requires awaits_result(id).
  void result(std::string_view id, const std::string& output_json);
  // Requires awaits_approval(id).
  void approve(std::string_view id, bool approved, std::string_view reason);
  // Cancels all calls. The parent gets `tool_cancel` for each call that waits for it. If complete() was not called, it
  // gets one for every early call that could run.
  void cancel(std::string_view reason);

  // Returns the outputs in call order, as an array of one tool message; empty if there are none.
  [[nodiscard]] std::string results() const;
  // True if the parent must return the results of some calls with its next chat.
  [[nodiscard]] bool returns() const;

 private:
  enum class State { shown, returned, to_approve, queued, running, with_parent, answered };
  struct Call {
    std::shared_ptr<const CheckedCall> checked;
    ToolEntry* tool = nullptr;
    int part = 0;
    bool early = false;
    State state = State::shown;
    std::string refusal{};  // why the call cannot run; empty once its output is sent
    std::string output_json{};
    std::unique_ptr<ToolRun> run{};
    std::unique_ptr<Timer> timer{};
  };

  [[nodiscard]] std::optional<std::string> rejection_reason(const Call& call, bool too_many);
  [[nodiscard]] bool is_full() const;
  void admit(Call& call, bool may_run);
  void show(const Call& call);
  void proceed(std::size_t index);
  void run_queued();
  void run(std::size_t index);
  void limit_time(std::size_t index);
  void timed_out(std::size_t index);
  void run_ended(std::size_t index, std::string output_json);
  void take(std::size_t index, std::string output_json, bool by_parent = false);
  void settle();
  [[nodiscard]] std::optional<std::size_t> find(std::string_view id, State wanted) const;
  void forget_parent(std::size_t index);

  const int step_;
  Toolbox& tools_;
  Outbox& events_;
  MemoryAccount* const account_;  // account of the chat
  Clock& clock_;
  const int max_parallel_;
  const std::size_t max_bytes_;
  const std::function<void()> on_answered_;
  std::vector<Call> calls_;
  std::set<int> early_parts_;
  std::map<std::string, std::size_t, std::less<>> by_parent_;  // by call id: calls that wait for a parent's line
  std::size_t next_queued_ = 0;
  bool complete_ = false;
  bool started_ = false;
  int running_ = 0;
  std::size_t output_bytes_ = 0;
  std::size_t open_ = 0;  // calls that still need an output
  // Work left for validating the arguments of all calls, in ArgumentSchema's units: up to 500 ms. Once it is used up,
  // arguments are refused.
  std::size_t check_work_ = 1'000'000;
};

}  // namespace aiw
