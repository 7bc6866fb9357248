#include "worker/agent/chat_run.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"
#include "worker/agent/error_hint.hpp"
#include "worker/agent/history_repair.hpp"
#include "worker/providers/profile/adapted_chat.hpp"
#include "worker/secrets/live_secret.hpp"

namespace aiw {
namespace {

using std::chrono::milliseconds;

// Limit on what one chat may add over all its steps (one response may use all of it).
constexpr std::size_t kMaxAddedBytes = std::size_t{64} << 20;
// For the calls of one response, in ArgumentSchema's work units: up to 500 ms.
constexpr std::size_t kNullWork = 1'000'000;
constexpr int kMaxBodyDepth = 2'000;  // maximum depth of a line, plus what an API wraps around its values

std::int64_t to_ms(Instant::duration duration) { return std::chrono::duration_cast<milliseconds>(duration).count(); }

}  // namespace

ChatRun::ChatRun(std::unique_ptr<ChatRequest> chat, Route route, int max_steps, const ChatRunServices& services,
                 Reply reply, Instant accepted)
    : account_(services.attempt.memory.open([this](const Error& error) { out_of_memory(error); })),
      chat_(repaired(std::move(chat))),
      route_(std::move(route)),
      asks_others_(!route_.fallbacks.empty() || route_.hedge),
      max_steps_(max_steps),
      services_(services),
      reply_(std::move(reply)),
      accepted_(accepted),
      tools_(*chat_),
      transcript_(std::make_shared<Transcript>(std::move(chat_->messages), chat_->line)),
      adapted_(std::make_shared<AdaptedChat>()),
      output_(reply_.events(), *transcript_, services_.attempt.clock, chat_->logprobs.value_or(false),
              {.on_full =
                   [this] {
                     if (running_) running_->set_paused(true);
                   },
               .on_usage = [this](const Usage& usage) { this->usage(usage); },
               .on_finish = [this](FinishReason reason, std::string_view raw) { finish(reason, raw); },
               .on_fail = [this](Error error) { fail(std::move(error)); },
               .on_checked = [this](CheckedCall& call) { tools_.drop_absent(call, null_work_); },
               .on_call = early_call_handler()}) {
  account_->count_request(chat_->line->size());
}

// Returns an empty function if calls wait for the end of the step.
std::function<void(int, std::shared_ptr<const CheckedCall>)> ChatRun::early_call_handler() {
  if (!chat_->early_tool_calls) return {};
  return [this](int part, std::shared_ptr<const CheckedCall> call) { show_early(part, std::move(call)); };
}

// Repairs the history before it is moved into the transcript.
std::unique_ptr<ChatRequest> ChatRun::repaired(std::unique_ptr<ChatRequest> chat) {
  auto notes = repair_history(chat->messages);
  chat->notes.insert(chat->notes.end(), std::make_move_iterator(notes.begin()), std::make_move_iterator(notes.end()));
  return chat;
}

ChatRun::~ChatRun() {
  account_->close();
  release_retry();
}

// --- life cycle -----------------------------------------------------------------------------------------------------

void ChatRun::start() {
  const auto scope = enter();
  Clock& clock = services_.attempt.clock;
  started_ = clock.now();
  reply_.events().on_relieved([this] {
    const auto entered = enter();
    if (running_) running_->set_paused(false);
  });
  if (chat_->timeouts.total_ms > 0) {
    total_timer_ = clock.call_at(accepted_ + milliseconds(chat_->timeouts.total_ms), [this] {
      abort({.code = error_code::timeout_total,
             .category = Category::timeout,
             .message = "the chat took longer than allowed"});
    });
  }
  services_.budget.chat_began(target().base_url);
  if (chat_->heartbeat_ms > 0) schedule_heartbeat();
  prepare();
}

void ChatRun::prepare() {
  phase_ = Phase::preparing;
  if (auto made = tools_.make_runners(services_.make_http_tool); !made) return end_error(made.error());
  const bool waits = tools_.open(services_.tool_sources, [this](const std::expected<void, Error>& result) {
    const auto scope = enter();
    prepared(result);
  });
  if (!waits) prepared({});
}

void ChatRun::prepared(const std::expected<void, Error>& result) {
  if (!result) return end_error(result.error());
  if (chat_->dry_run) return dry_run();
  begin_step();
}

void ChatRun::schedule_heartbeat() {
  Clock& clock = services_.attempt.clock;
  heartbeat_ = clock.call_at(clock.now() + milliseconds(chat_->heartbeat_ms), [this] {
    const auto scope = enter();
    reply_.events().send(HeartbeatEvent{});
    schedule_heartbeat();
  });
}

void ChatRun::cancel() {
  const auto scope = enter();
  if (phase_ == Phase::finished) return;
  cancel_open_calls("cancelled");
  end_attempt();
  if (step_usage_) step_usage_->accuracy = std::max(step_usage_->accuracy, UsageAccuracy::last_seen);
  end_done(FinishReason::cancelled);
}

void ChatRun::abort(Error error) {
  const auto scope = enter();
  if (phase_ == Phase::finished) return;
  cancel_open_calls(error.code);
  end_attempt();
  end_error(error);
}

// Frees what the chat holds first, then sends a short error without messages and usage.
void ChatRun::out_of_memory(const Error& error) {
  const auto scope = enter();
  if (phase_ == Phase::finished) return;
  if (round_) round_->cancel(error.code);
  end_attempt();
  round_.reset();
  output_.clear();
  reply_.error({error, {}, std::nullopt});
  release();
}

void ChatRun::close_input() {
  const auto scope = enter();
  input_closed_ = true;
  if (phase_ == Phase::awaiting_tools && round_->awaits_parent()) {
    abort({.code = error_code::input_closed,
           .category = Category::cancelled,
           .message = "the input ended while a tool's result was waited for"});
  }
}

// Reports the request that would be sent, without secrets.
void ChatRun::dry_run() {
  const WireApi* api = wire_api(target().api);
  std::string request = "null";
  if (api != nullptr) {
    auto built = build_request(*api, step_input(target()));
    if (!built) return end_error(built.error());
    request.clear();
    JsonWriter json(request);
    json.begin_object().field("method", built->http.method).field("url", without_live_secrets(built->http.url));
    json.key("headers").begin_object();
    for (const auto& header : built->http.headers) {
      std::string name;
      append_json_escaped(name, header.name);
      json.field(name, header.secret ? "[redacted]" : without_live_secrets(header.value));
    }
    json.end_object();
    // A literal key may match any part of the body, so the redacted text may not be valid JSON.
    std::string body = without_live_secrets(built->http.body.str());
    JsonReader check(body.data(), body.size(), kMaxBodyDepth);
    check.validate();
    check.ok() ? json.field("body", JsonSpan{body}) : json.field("body", std::string_view(body));
    json.end_object();
  }
  finish_raw_ = "dry_run";
  reply_.done({.finish_reason = FinishReason::other,
               .finish_raw = finish_raw_,
               .messages = {"[]"},
               .usage = {},
               .steps = 0,
               .timing = timing(),
               .request = {request}});
  release();
}

// --- steps and attempts ---------------------------------------------------------------------------------------------

StepInput ChatRun::step_input(const Target& target) {
  return {.chat = *chat_,
          .messages = transcript_->messages(),
          .target = target,
          .offer_tools = offer_tools_,
          .now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()),
          .written = &target == &this->target() ? &written_ : nullptr,
          .adapted = &target == &this->target() ? adapted_ : nullptr};
}

void ChatRun::begin_step() {
  output_.begin_step(++step_);
  attempt_ = attempts_on_target_ = 0;
  const Target& first = target();
  reply_.events().send(StartEvent{step_, first.provider_id, first.shown_as, 1, chat_->metadata});
  for (const auto& note : std::exchange(chat_->notes, {})) reply_.events().send(WarningEvent{note.code, note.message});
  start_attempt();
}

void ChatRun::start_attempt() {
  phase_ = Phase::streaming;
  ++attempt_;
  ++attempts_on_target_;
  output_.clear();
  null_work_ = kNullWork;
  step_usage_.reset();
  const bool hedged = attempt_ == 1 && chat_->hedge.after_ms > 0;
  auto attempt = hedged ? start_hedged() : start_plain(target(), output_);
  if (!attempt) return fail(std::move(attempt).error());
  running_ = *std::move(attempt);
}

std::expected<std::unique_ptr<Attempt>, Error> ChatRun::start_plain(const Target& target, AttemptObserver& observer) {
  return start_target_attempt({services_.attempt, services_.tokens},
                              {step_input(target), transcript_, attempts_on_target_ == 1}, observer);
}

std::expected<std::unique_ptr<Attempt>, Error> ChatRun::start_hedged() {
  HedgeHandlers handlers;
  handlers.start = [this](Lane lane, AttemptObserver& observer) {
    return start_plain(lane == Lane::first ? target() : hedge_target(), observer);
  };
  handlers.may_start_second = [this] { return claim_hedge(); };
  handlers.won = [this](Lane lane) {
    if (lane == Lane::second && route_.hedge) change_target(*route_.hedge);
  };
  handlers.usage_discarded = [this](Lane lane, const Usage& usage) {
    discard_usage(usage, lane == Lane::first ? target() : hedge_target());
  };
  return start_hedged_attempt(services_.attempt.clock, milliseconds(chat_->hedge.after_ms), std::move(handlers),
                              output_);
}

// A hedged attempt takes a slot of the host's retry budget, as a retry does.
bool ChatRun::claim_hedge() {
  const Target& second = hedge_target();
  if (!services_.budget.claim(second.base_url)) return false;
  claims_.push_back(second.base_url);
  ++attempt_;
  RetryEvent event{step_, attempt_, "hedge", 0};
  if (route_.hedge) event.provider = second.provider_id, event.model = second.shown_as;
  reply_.events().send(event);
  return true;
}

void ChatRun::end_attempt() {
  phase_timer_.reset();
  running_.reset();
  release_retry();
}

void ChatRun::release_retry() {
  for (const auto& host : std::exchange(claims_, {})) services_.budget.release(host);
}

void ChatRun::usage(const Usage& usage) {
  step_usage_ = usage;
  if (const auto& price = target().price) step_usage_->cost = cost_of(usage, *price);
}

// Usage of an attempt whose response was discarded still counts: the provider bills it.
void ChatRun::discard_usage(const Usage& usage, const Target& target) {
  Usage used = usage;
  if (target.price) used.cost = cost_of(usage, *target.price);
  used.accuracy = std::max(used.accuracy, UsageAccuracy::last_seen);
  past_usage_.add(used);
  reply_.events().send(UsageEvent{step_, used, true, named_provider(target), named_model(target)});
}

void ChatRun::fail(Error error) {
  if (const auto& over = account_->over()) return out_of_memory(*over);
  const Target& failed = target();
  error.provider = failed.provider_id;
  complete_error(error, failed);
  if (error.status == 401 && needs_token(failed)) services_.tokens.forget(failed.credentials);
  end_attempt();
  if (output_.committed() && !chat_->retry.restart) return fail_step(error);
  const auto delay = retry_delay(error, attempts_on_target_, chat_->retry, services_.random());
  if (delay && services_.budget.claim(failed.base_url)) {
    claims_.push_back(failed.base_url);
    return back_off(error, *delay);
  }
  if (!fall_back(error)) fail_step(error);
}

void ChatRun::fail_step(const Error& error) {
  take_back_calls(error.code);
  end_error(error);
}

// Discards the response of an attempt before the step starts again.
void ChatRun::discard_answer() {
  take_back_calls("retry");
  output_.clear();
  if (const auto used = std::exchange(step_usage_, {})) discard_usage(*used, target());
}

void ChatRun::back_off(const Error& error, milliseconds delay) {
  phase_ = Phase::backing_off;
  discard_answer();
  reply_.events().send(RetryEvent{step_, attempt_ + 1, error.code, delay.count()});
  Clock& clock = services_.attempt.clock;
  phase_timer_ = clock.call_at(clock.now() + delay, [this] {
    const auto scope = enter();
    start_attempt();
  });
}

// Switches to the first fallback that handles this error; returns false if there is none. Later steps keep the new
// target. Fallbacks that were skipped stay available for other errors.
bool ChatRun::fall_back(const Error& error) {
  const auto chosen =
      std::ranges::find_if(route_.fallbacks, [&](const FallbackTarget& fallback) { return fallback.is_for(error); });
  if (chosen == route_.fallbacks.end()) return false;
  discard_answer();
  Target next = std::move(chosen->target);
  route_.fallbacks.erase(chosen);
  change_target(std::move(next));
  attempts_on_target_ = 0;
  reply_.events().send(RetryEvent{step_, attempt_ + 1, error.code, 0, target().provider_id, target().shown_as});
  start_attempt();
  return true;
}

void ChatRun::change_target(Target target) {
  services_.budget.chat_ended(this->target().base_url);
  services_.budget.chat_began(target.base_url);
  this->target() = std::move(target);
  written_ = {};
  adapted_ = std::make_shared<AdaptedChat>();
}

void ChatRun::finish(FinishReason reason, std::string_view raw) {
  if (const auto& over = account_->over()) return out_of_memory(*over);
  finish_raw_ = raw;
  const bool paused = is_paused(reason, raw);
  end_attempt();
  const bool wants_tools = reason == FinishReason::tool_calls;
  show_calls(reason);
  if (const auto& over = account_->over()) return out_of_memory(*over);
  if (step_usage_)
    reply_.events().send(UsageEvent{step_, *step_usage_, false, named_provider(target()), named_model(target())});
  const bool goes_on = paused || (wants_tools && !round_->empty());
  if (!goes_on || !offer_tools_) {
    const bool capped = !offer_tools_ && reason != FinishReason::length && reason != FinishReason::content_filter;
    return end_done(capped ? FinishReason::max_steps : reason);
  }
  close_step();
  if (paused) return next_step();
  await_tools();
}

// Returns true if the provider paused while its own tools run. It continues once its partial response is sent back.
bool ChatRun::is_paused(FinishReason reason, std::string_view raw) const {
  const WireApi* api = wire_api(target().api);
  return reason == FinishReason::other && api != nullptr && !api->pause_reason.empty() && raw == api->pause_reason &&
         !output_.answer().empty();
}

// Adds the response of the step to the history.
void ChatRun::close_step() {
  Rope message;
  message.append("[");
  output_.answer().write_message(message);
  message.append("]");
  transcript_->add(message.str());
  output_.clear();
  if (step_usage_) past_usage_.add(*step_usage_);
  step_usage_.reset();
}

// Limit on what the chat may add. Half of an account's limit, because the end of a step needs the added bytes several
// times.
std::size_t ChatRun::max_added_bytes() const {
  return std::min(kMaxAddedBytes, services_.attempt.memory.owner_limit() / 2);
}

void ChatRun::end_too_large() {
  end_error({.code = error_code::response_too_large,
             .category = Category::limit,
             .message = "the answers and tool results of the chat's steps are longer than " +
                        std::to_string(max_added_bytes() >> 20) + " MiB together"});
}

void ChatRun::next_step() {
  if (transcript_->added_bytes() > max_added_bytes()) return end_too_large();
  offer_tools_ = step_ + 1 < max_steps_;
  release_tool_choice();
  begin_step();
}

// A model that must call a tool in every step would never finish.
void ChatRun::release_tool_choice() {
  if (chat_->tool_choice_every_step || !chat_->tool_choice) return;
  const ToolChoiceType type = chat_->tool_choice->type;
  if (type == ToolChoiceType::required || type == ToolChoiceType::tool) chat_->tool_choice.reset();
}

// --- tools ----------------------------------------------------------------------------------------------------------

void ChatRun::make_round() {
  round_ = std::make_unique<ToolRound>(
      step_, tools_, reply_.events(), services_.attempt.clock, services_.max_parallel_tools,
      max_added_bytes() - std::min(max_added_bytes(), transcript_->added_bytes()), [this] { proceed(); });
}

void ChatRun::show_early(int part, std::shared_ptr<const CheckedCall> call) {
  if (!round_) make_round();
  round_->add_early(part, std::move(call), offer_tools_);
}

// No call runs if the response was cut short or stopped.
void ChatRun::show_calls(FinishReason reason) {
  const bool may_run = reason == FinishReason::tool_calls && offer_tools_;
  if (!chat_->early_tool_calls) {
    make_round();
    int part = 0;
    for (auto& call : output_.answer().calls()) round_->add(part++, std::move(call), may_run);
  } else if (reason != FinishReason::tool_calls) {
    take_back_calls(to_string(reason));
  }
  if (!round_) make_round();
  round_->complete();
}

// Cancels the calls that were shown early, for a step that ends before its calls count.
void ChatRun::take_back_calls(std::string_view reason) {
  if (const auto round = std::exchange(round_, nullptr)) round->cancel(reason);
}

void ChatRun::await_tools() {
  phase_ = Phase::awaiting_tools;
  if (input_closed_ && round_->awaits_parent()) return close_input();
  round_->start();
  if (round_->answered() || round_->too_long()) proceed();
}

// Returns true if calls were shown to the parent and not cancelled.
bool ChatRun::has_calls() const {
  return round_ != nullptr && (phase_ == Phase::streaming || phase_ == Phase::awaiting_tools);
}

bool ChatRun::awaits(std::string_view tool_call_id) const { return has_calls() && round_->awaits_result(tool_call_id); }

void ChatRun::tool_result(const ToolResultRequest& result) {
  const auto scope = enter();
  round_->result(result.tool_call_id, result.output_json);
}

bool ChatRun::awaits_approval(std::string_view tool_call_id) const {
  return has_calls() && round_->awaits_approval(tool_call_id);
}

void ChatRun::tool_approval(const ToolApprovalRequest& approval) {
  const auto scope = enter();
  round_->approve(approval.tool_call_id, approval.approved, approval.reason);
}

// Cancels the open calls. Results that are already there are kept.
void ChatRun::cancel_open_calls(std::string_view reason) {
  if (phase_ == Phase::streaming) return take_back_calls(reason);
  if (phase_ != Phase::awaiting_tools) return;
  round_->cancel(reason);
  std::string results = round_->results();
  if (!results.empty()) transcript_->add(std::move(results));
}

// Continues when every call has its output, or when the outputs are too long.
void ChatRun::proceed() {
  const auto round = std::move(round_);
  if (round->too_long()) round->cancel(error_code::response_too_large);
  std::string results = round->results();
  if (!results.empty()) transcript_->add(std::move(results));
  if (round->too_long()) return end_too_large();
  if (round->returns()) return end_done(FinishReason::tool_calls);
  next_step();
}

// --- end of the chat ------------------------------------------------------------------------------------------------

std::string_view ChatRun::named_provider(const Target& target) const {
  return asks_others_ ? std::string_view(target.provider_id) : std::string_view();
}

std::string_view ChatRun::named_model(const Target& target) const {
  return asks_others_ ? std::string_view(target.shown_as) : std::string_view();
}

// New messages of this chat, as a JSON array.
Rope ChatRun::new_messages() const {
  Rope messages;
  messages.append("[");
  transcript_->write_added(messages);
  if (transcript_->grew() && !output_.answer().empty()) messages.append(",");
  if (!output_.answer().empty()) output_.answer().write_message(messages);
  messages.append("]");
  return messages;
}

void ChatRun::end_done(FinishReason reason) {
  const Rope messages = new_messages();
  reply_.done({.finish_reason = reason,
               .finish_raw = finish_raw_,
               .messages = messages.pieces(),
               .usage = total_usage(),
               .steps = step_ + 1,
               .timing = timing(),
               .request = {},
               .provider = named_provider(target()),
               .model = named_model(target())});
  release();
}

void ChatRun::end_error(const Error& error) {
  const Rope messages = new_messages();
  const bool any = transcript_->grew() || !output_.answer().empty();
  const Usage usage = total_usage();
  reply_.error({error, any ? messages.pieces() : JsonPieces(), usage.empty() ? std::nullopt : std::optional(usage)});
  release();
}

// Releases everything but the object itself, which the server destroys.
void ChatRun::release() {
  if (phase_ == Phase::finished) return;
  if (started_) services_.budget.chat_ended(target().base_url);
  phase_ = Phase::finished;
  account_->close();
  end_attempt();
  tools_.close();
  round_.reset();
  total_timer_.reset();
  heartbeat_.reset();
}

Usage ChatRun::total_usage() const {
  Usage total = past_usage_;
  if (step_usage_) total.add(*step_usage_);
  return total;
}

Timing ChatRun::timing() const {
  const auto since_accepted = [&](const std::optional<Instant>& when) -> std::optional<std::int64_t> {
    if (!when) return std::nullopt;
    return to_ms(*when - accepted_);
  };
  return {.queued_ms = since_accepted(started_).value_or(0),
          .first_byte_ms = since_accepted(output_.first_byte_at()),
          .first_delta_ms = since_accepted(output_.first_output_at()),
          .total_ms = to_ms(services_.attempt.clock.now() - accepted_)};
}

}  // namespace aiw
