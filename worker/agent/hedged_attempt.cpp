#include "worker/agent/hedged_attempt.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace aiw {
namespace {

// Limit on events without output that a lane may hold. A lane that exceeds it wins.
constexpr std::size_t kMaxHeld = 64;

class HedgedAttempt;

// Observes one of the two attempts. Events without output are held until one lane has won.
class LaneObserver : public AttemptObserver {
 public:
  LaneObserver(HedgedAttempt& race, Lane lane) : race_(race), lane_(lane) {}

  void first_byte() override;
  void delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) override;
  void tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) override;
  void tool_call(int part, ToolCall call) override;
  void tool_result(ProviderToolResult result) override;
  void file(int part, GeneratedFile file) override;
  void source(const Source& source) override;
  void logprobs(int part, std::string_view tokens) override;
  void provider_state(int part, std::string state) override;
  void usage(const Usage& usage) override;
  void warning(std::string_view code, std::string_view message) override;
  void finish(FinishReason reason, std::string_view raw) override;
  void fail(Error error) override;

 private:
  friend class HedgedAttempt;
  using Event = std::function<void(AttemptObserver& observer)>;
  // Holds an event that does not decide the race. `counts`: too many of them do.
  void hold(Event event, bool counts = true);

  HedgedAttempt& race_;
  const Lane lane_;
  std::unique_ptr<Attempt> attempt_;
  std::vector<Event> held_;
  std::size_t counted_ = 0;
  std::optional<Usage> usage_;
};

class HedgedAttempt : public Attempt {
 public:
  HedgedAttempt(Clock& clock, HedgeHandlers handlers, AttemptObserver& observer)
      : clock_(clock), handlers_(std::move(handlers)), observer_(observer) {}

  std::expected<void, Error> start(std::chrono::milliseconds after) {
    if (auto started = start_lane(first_); !started) return started;
    if (!decided()) timer_ = clock_.call_at(clock_.now() + after, [this] { start_second(); });
    return {};
  }

  void set_paused(bool paused) override {
    for (LaneObserver* lane : {&first_, &second_}) {
      if (lane->attempt_) lane->attempt_->set_paused(paused);
    }
  }

  [[nodiscard]] bool decided() const { return winner_ != nullptr; }
  [[nodiscard]] bool is_winner(const LaneObserver& lane) const { return winner_ == &lane; }
  AttemptObserver& observer() { return observer_; }

  // Decides the race unless it is decided. Returns false if the other lane won: then the event must be dropped.
  bool win(LaneObserver& lane) {
    if (decided()) return is_winner(lane);
    winner_ = &lane;
    timer_.reset();
    LaneObserver& loser = other(lane);
    if (loser.attempt_) abandon(loser);
    handlers_.won(lane.lane_);
    for (const auto& event : std::exchange(lane.held_, {})) event(observer_);
    if (lane.usage_) observer_.usage(*lane.usage_);
    return true;
  }

  // May destroy this object with its last call.
  void failed(LaneObserver& lane, Error error) {
    if (lane.lane_ == Lane::first) first_failure_ = error;
    if (!other(lane).attempt_) {
      if (lane.lane_ == Lane::second) error = *std::move(first_failure_);
      win(first_);  // the error comes with the warnings and usage of the first lane
      return observer_.fail(std::move(error));
    }
    abandon(lane);
  }

 private:
  LaneObserver& other(const LaneObserver& lane) { return &lane == &first_ ? second_ : first_; }

  std::expected<void, Error> start_lane(LaneObserver& lane) {
    auto attempt = handlers_.start(lane.lane_, lane);
    if (!attempt) return std::unexpected(std::move(attempt).error());
    lane.attempt_ = *std::move(attempt);
    return {};
  }

  // If the second attempt cannot start, the first continues alone.
  void start_second() {
    const auto done = std::move(timer_);
    if (!decided() && handlers_.may_start_second()) static_cast<void>(start_lane(second_));
  }

  void abandon(LaneObserver& lane) {
    lane.attempt_.reset();
    lane.held_.clear();
    if (const auto usage = std::exchange(lane.usage_, {})) handlers_.usage_discarded(lane.lane_, *usage);
  }

  Clock& clock_;
  const HedgeHandlers handlers_;
  AttemptObserver& observer_;
  LaneObserver first_{*this, Lane::first};
  LaneObserver second_{*this, Lane::second};
  LaneObserver* winner_ = nullptr;
  std::optional<Error> first_failure_;
  std::unique_ptr<Timer> timer_;
};

void LaneObserver::hold(Event event, bool counts) {
  if (race_.is_winner(*this)) return event(race_.observer());
  if (race_.decided()) return;
  held_.push_back(std::move(event));
  if (counts && ++counted_ > kMaxHeld) race_.win(*this);
}

void LaneObserver::first_byte() { race_.observer().first_byte(); }

void LaneObserver::delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) {
  if (text.empty()) {
    return hold([=, id = std::string(tool_call_id)](AttemptObserver& observer) { observer.delta(part, kind, {}, id); });
  }
  if (!race_.win(*this)) return;
  race_.observer().delta(part, kind, text, tool_call_id);
}

void LaneObserver::tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) {
  hold([part, id = std::string(tool_call_id), name = std::string(tool_name)](AttemptObserver& observer) {
    observer.tool_input_began(part, id, name);
  });
}

void LaneObserver::tool_call(int part, ToolCall call) {
  if (!race_.win(*this)) return;
  race_.observer().tool_call(part, std::move(call));
}

void LaneObserver::tool_result(ProviderToolResult result) {
  if (!race_.win(*this)) return;
  race_.observer().tool_result(std::move(result));
}

void LaneObserver::file(int part, GeneratedFile file) {
  if (!race_.win(*this)) return;
  race_.observer().file(part, std::move(file));
}

void LaneObserver::source(const Source& source) {
  if (!race_.win(*this)) return;
  race_.observer().source(source);
}

void LaneObserver::logprobs(int part, std::string_view tokens) {
  if (!race_.win(*this)) return;
  race_.observer().logprobs(part, tokens);
}

void LaneObserver::provider_state(int part, std::string state) {
  hold([part, state = std::move(state)](AttemptObserver& observer) { observer.provider_state(part, state); });
}

// Each report replaces the one before, so only the last is held.
void LaneObserver::usage(const Usage& usage) {
  usage_ = usage;
  if (race_.is_winner(*this)) race_.observer().usage(usage);
}

void LaneObserver::warning(std::string_view code, std::string_view message) {
  // Notes about a request come before any output, so they do not decide the race.
  hold([code = std::string(code),
        message = std::string(message)](AttemptObserver& observer) { observer.warning(code, message); },
       false);
}

void LaneObserver::finish(FinishReason reason, std::string_view raw) {
  if (!race_.win(*this)) return;
  race_.observer().finish(reason, raw);
}

void LaneObserver::fail(Error error) {
  if (!race_.decided()) return race_.failed(*this, std::move(error));
  if (race_.is_winner(*this)) race_.observer().fail(std::move(error));
}

}  // namespace

std::expected<std::unique_ptr<Attempt>, Error> start_hedged_attempt(Clock& clock, std::chrono::milliseconds after,
                                                                    HedgeHandlers handlers, AttemptObserver& observer) {
  auto attempt = std::make_unique<HedgedAttempt>(clock, std::move(handlers), observer);
  if (auto started = attempt->start(after); !started) return std::unexpected(std::move(started).error());
  return attempt;
}

}  // namespace aiw
