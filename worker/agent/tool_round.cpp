#include "worker/agent/tool_round.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_text.hpp"
#include "protocol/json_writer.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxCalls = 2'048;           // limit on the calls of one step that are run
constexpr std::size_t kMaxViolationBytes = 1'024;  // it may quote the tool's schema, in each call

}  // namespace

ToolRound::ToolRound(int step, Toolbox& tools, Outbox& events, Clock& clock, int max_parallel, std::size_t max_bytes,
                     std::function<void()> on_answered)
    : step_(step),
      tools_(tools),
      events_(events),
      account_(MemoryAccount::current()),
      clock_(clock),
      max_parallel_(max_parallel),
      max_bytes_(max_bytes),
      on_answered_(std::move(on_answered)) {}

ToolRound::~ToolRound() = default;

void ToolRound::add(int part, std::shared_ptr<const CheckedCall> checked, bool may_run) {
  if (is_full()) return;
  calls_.push_back({.checked = std::move(checked), .part = part});
  admit(calls_.back(), may_run);
  if (const std::string why = std::exchange(calls_.back().refusal, {}); !why.empty()) {
    take(calls_.size() - 1, error_output(why));
  }
}

void ToolRound::add_early(int part, std::shared_ptr<const CheckedCall> checked, bool may_run) {
  if (!early_parts_.insert(part).second) return;
  calls_.push_back({.checked = std::move(checked), .part = part, .early = true});
  admit(calls_.back(), may_run);
}

// Returns true if the chat is about to end because of what the calls and outputs take. What follows is not shown.
bool ToolRound::is_full() const { return too_long() || !MemoryAccount::may_grow(); }

// Decides who runs the last call, and shows it.
void ToolRound::admit(Call& call, bool may_run) {
  call.tool = tools_.find(call.checked->call.name);
  if (!may_run) return show(call);
  if (auto why = rejection_reason(call, calls_.size() > kMaxCalls)) {
    ++open_;
    call.refusal = *std::move(why);
    return show(call);
  }
  const bool asks = call.tool->approval == Approval::parent && !call.tool->returned;
  call.state = call.tool->returned ? State::returned : asks ? State::to_approve : State::queued;
  const bool parents = call.state != State::returned && call.tool->runner == nullptr;
  if (call.state == State::queued && parents) call.state = State::with_parent;
  if (call.state != State::returned) ++open_;
  if (asks || parents) by_parent_.emplace(call.checked->call.id, calls_.size() - 1);
  show(call);
}

// Returns why nobody can run the call as it is; nullopt if it can run.
std::optional<std::string> ToolRound::rejection_reason(const Call& call, bool too_many) {
  const CheckedCall& checked = *call.checked;
  if (call.tool == nullptr) return "there is no tool of that name";
  if (call.tool->returned) return std::nullopt;  // the parent validates it
  if (too_many) return "too many calls in one step";
  if (!checked.parse_error.empty()) return "the arguments are not valid JSON: " + checked.parse_error;
  if (!JsonSpan{checked.input_json}.is_object()) return "the arguments are not a JSON object";
  if (auto why = Toolbox::first_violation(*call.tool, checked.input_json, check_work_)) {
    return "the arguments do not fit the schema: " + std::string(utf8_prefix(*why, kMaxViolationBytes));
  }
  if (call.tool->approval == Approval::never) return "calls of this tool are not allowed";
  return std::nullopt;
}

void ToolRound::show(const Call& call) {
  const CheckedCall& checked = *call.checked;
  const bool runs = call.state != State::shown;
  events_.send(ToolCallEvent{.step = step_,
                             .tool_call_id = checked.call.id,
                             .tool_name = checked.call.name,
                             .input = JsonSpan{checked.input_json},
                             .input_text = checked.call.input_text,
                             .executor = runs ? call.tool->executor : std::string_view("none"),
                             .parse_error = checked.parse_error,
                             .needs_approval = call.state == State::to_approve,
                             .early = call.early});
}

void ToolRound::start() {
  started_ = true;
  for (std::size_t i = 0; i < calls_.size() && !is_full(); ++i) {
    if (calls_[i].state == State::with_parent) limit_time(i);
    if (const std::string why = std::exchange(calls_[i].refusal, {}); !why.empty()) take(i, error_output(why));
  }
  run_queued();
}

void ToolRound::run_queued() {
  for (; !too_long() && running_ < max_parallel_ && next_queued_ < calls_.size(); ++next_queued_) {
    if (calls_[next_queued_].state == State::queued) run(next_queued_);
  }
}

void ToolRound::run(std::size_t index) {
  Call& call = calls_[index];
  call.state = State::running;
  ++running_;
  limit_time(index);
  call.run = call.tool->runner->run({call.checked->call.id, call.checked->input_json},
                                    [this, index](const std::string& output) {
                                      const MemoryScope scope(account_);
                                      run_ended(index, output);  // a copy, owned by the chat's account
                                    });
}

void ToolRound::limit_time(std::size_t index) {
  Call& call = calls_[index];
  if (call.tool->timeout_ms == 0) return;
  call.timer = clock_.call_at(clock_.now() + milliseconds(call.tool->timeout_ms), [this, index] {
    const MemoryScope scope(account_);
    timed_out(index);
  });
}

void ToolRound::timed_out(std::size_t index) {
  Call& call = calls_[index];
  if (call.state == State::with_parent) {
    events_.send(ToolCancelEvent{call.checked->call.id, "tool_timeout"});
    forget_parent(index);
    take(index, error_output("the tool did not answer in time"));
    return settle();
  }
  run_ended(index, error_output("the tool did not answer in time"));
}

void ToolRound::run_ended(std::size_t index, std::string output_json) {
  --running_;
  take(index, std::move(output_json));
  run_queued();
  settle();
}

void ToolRound::take(std::size_t index, std::string output_json, bool by_parent) {
  Call& call = calls_[index];
  call.state = State::answered;
  call.output_json = fit_output(std::move(output_json));
  output_bytes_ += call.output_json.size();
  call.run.reset();
  call.timer.reset();
  --open_;
  const ToolCall& shown = call.checked->call;
  events_.send(ToolResultEvent{step_, shown.id, shown.name, JsonSpan{call.output_json}, by_parent});
}

// Reports that the round is over, if it is. Must be the last statement of its callers: it may destroy this object.
void ToolRound::settle() {
  if (!started_ || (!answered() && !too_long())) return;
  const auto on_answered = on_answered_;  // a copy that outlives this object
  on_answered();
}

std::optional<std::size_t> ToolRound::find(std::string_view id, State wanted) const {
  const auto found = by_parent_.find(id);
  if (found == by_parent_.end() || calls_[found->second].state != wanted) return std::nullopt;
  return found->second;
}

void ToolRound::forget_parent(std::size_t index) { by_parent_.erase(calls_[index].checked->call.id); }

bool ToolRound::awaits_approval(std::string_view id) const { return find(id, State::to_approve).has_value(); }

bool ToolRound::awaits_result(std::string_view id) const { return find(id, State::with_parent).has_value(); }

void ToolRound::result(std::string_view id, const std::string& output_json) {
  const std::size_t index = *find(id, State::with_parent);
  forget_parent(index);
  take(index, output_json, /*by_parent=*/true);
  settle();
}

void ToolRound::approve(std::string_view id, bool approved, std::string_view reason) {
  const std::size_t index = *find(id, State::to_approve);
  Call& call = calls_[index];
  events_.send(ToolApprovalEvent{call.checked->call.id, approved, reason});
  if (!approved) {
    forget_parent(index);
    std::string why = "the call was not approved";
    if (!reason.empty()) why.append(": ").append(reason);
    take(index, error_output(why));
    return settle();
  }
  if (call.tool->runner == nullptr) {
    call.state = State::with_parent;
    return started_ ? limit_time(index) : void();
  }
  forget_parent(index);
  call.state = State::queued;
  next_queued_ = std::min(next_queued_, index);
  if (started_) run_queued();
}

void ToolRound::cancel(std::string_view reason) {
  for (const auto& call : calls_) {
    const bool taken_back = call.early && !complete_ && call.state != State::shown;
    if (taken_back) events_.send(ToolCancelEvent{call.checked->call.id, reason});
  }
  for (const auto& [id, index] : by_parent_) {
    const Call& call = calls_[index];
    if (call.state != State::answered && (complete_ || !call.early)) events_.send(ToolCancelEvent{id, reason});
  }
  by_parent_.clear();
  for (auto& call : calls_) {
    call.run.reset();
    call.timer.reset();
  }
}

std::string ToolRound::results() const {
  if (std::ranges::none_of(calls_, [](const Call& call) { return call.state == State::answered; })) return {};
  std::vector<const Call*> in_order;
  for (const auto& call : calls_) in_order.push_back(&call);
  std::ranges::sort(in_order, {}, &Call::part);
  std::string results;
  JsonWriter json(results);
  json.begin_array().begin_object().field("role", "tool").key("content").begin_array();
  for (const Call* const call : in_order) {
    if (call->state != State::answered) continue;
    json.begin_object().field("type", "tool-result").field("toolCallId", call->checked->call.id);
    json.field("toolName", call->checked->call.name).field("output", JsonSpan{call->output_json}).end_object();
  }
  json.end_array().end_object().end_array();
  return results;
}

bool ToolRound::returns() const {
  return std::ranges::any_of(calls_, [](const Call& call) { return call.state == State::returned; });
}

}  // namespace aiw
