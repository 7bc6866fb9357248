// The tool calls of one step on their way to their outputs: shown, approved, carried out side by side, each within its
// time, and given back in call order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "worker/agent/answer.hpp"
#include "worker/agent/outbox.hpp"
#include "worker/agent/toolbox.hpp"
#include "worker/base/memory_account.hpp"

namespace aiw {

class ToolRound {
 public:
  // `on_answered` is called once, when the last call that start() left open has its output, or the outputs are longer
  // than `max_bytes` together; the round may be destroyed within it. All references outlive the round; `max_parallel`
  // bounds what this process runs at once for this chat. It is made in the scope of the chat's memory account.
  ToolRound(int step, Toolbox& tools, Outbox& events, Clock& clock, int max_parallel, std::size_t max_bytes,
            std::function<void()> on_answered);
  ~ToolRound();
  ToolRound(const ToolRound&) = delete;
  ToolRound& operator=(const ToolRound&) = delete;

  // Shows a call of part `part` of the answer. `may_run` is false where the answer was cut short or stopped: then
  // nobody carries it out. What cannot be carried out gets its output, for the model to see, at once.
  void add(int part, std::shared_ptr<const CheckedCall> call, bool may_run);
  // Shows a call while the answer goes on. The parent may answer and approve it at once; everything else waits for
  // start(). A part's second call is ignored.
  void add_early(int part, std::shared_ptr<const CheckedCall> call, bool may_run);
  // The answer is complete, and its calls count.
  void complete() { complete_ = true; }
  // Runs every call that needs no approval.
  void start();

  [[nodiscard]] bool empty() const { return calls_.empty(); }
  [[nodiscard]] bool answered() const { return open_ == 0; }
  // The outputs are longer than the chat may add.
  [[nodiscard]] bool too_long() const { return output_bytes_ > max_bytes_; }
  // A call that is the parent's to answer or to approve.
  [[nodiscard]] bool awaits_parent() const { return !by_parent_.empty(); }
  [[nodiscard]] bool awaits_result(std::string_view id) const;
  [[nodiscard]] bool awaits_approval(std::string_view id) const;
  // Requires awaits_result(id).
  void result(std::string_view id, const std::string& output_json);
  // Requires awaits_approval(id).
  void approve(std::string_view id, bool approved, std::string_view reason);
  // Tells the parent that no call of its own is wanted any more, and cancels the others. Calls that were shown early
  // are taken back, all of them, if complete() was not called.
  void cancel(std::string_view reason);

  // The outputs that are there, in call order, as an array of one tool message; empty: there are none.
  [[nodiscard]] std::string results() const;
  // Some calls are for the parent to bring back with the next chat.
  [[nodiscard]] bool returns() const;

 private:
  enum class State { shown, returned, to_approve, queued, running, with_parent, answered };
  struct Call {
    std::shared_ptr<const CheckedCall> checked;
    ToolEntry* tool = nullptr;
    int part = 0;
    bool early = false;
    State state = State::shown;
    std::string refusal{};  // of one that nobody can carry out, until its output is told
    std::string output_json{};
    std::unique_ptr<ToolRun> run{};
    std::unique_ptr<Timer> timer{};
  };

  [[nodiscard]] std::optional<std::string> obstacle(const Call& call, bool too_many);
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
  [[nodiscard]] std::optional<std::size_t> find(std::string_view id, bool (*wanted)(State)) const;
  void forget_parent(std::size_t index);

  const int step_;
  Toolbox& tools_;
  Outbox& events_;
  MemoryAccount* const account_;  // the chat's
  Clock& clock_;
  const int max_parallel_;
  const std::size_t max_bytes_;
  const std::function<void()> on_answered_;
  std::vector<Call> calls_;
  std::set<int> early_parts_;
  std::multimap<std::string, std::size_t, std::less<>> by_parent_;  // by call id: what waits for a line of the parent
  std::size_t next_queued_ = 0;
  bool complete_ = false;
  bool started_ = false;
  int running_ = 0;
  std::size_t output_bytes_ = 0;
  std::size_t open_ = 0;  // calls that will get an output and have none
  // For looking at all calls' arguments, as ArgumentSchema counts it: some 100 ms. Then they count as fitting.
  std::size_t check_work_ = 2'000'000;
};

}  // namespace aiw
