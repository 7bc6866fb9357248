// Plays the actions of the mock provider on the clock.

#include <optional>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/agent/attempt.hpp"
#include "worker/providers/mock.hpp"

namespace aiw {
namespace {

// Actions played in one go, before the event loop serves other chats.
constexpr int kActionsPerTurn = 64;

class MockAttempt : public Attempt {
 public:
  MockAttempt(Clock& clock, std::vector<MockAction> actions, AttemptObserver& observer)
      : account_(MemoryAccount::current()), clock_(clock), actions_(std::move(actions)), observer_(observer) {
    schedule(std::chrono::milliseconds(0));
  }

  void set_paused(bool paused) override {
    if (std::exchange(paused_, paused) && !paused && !timer_) schedule(std::chrono::milliseconds(0));
  }

 private:
  void schedule(std::chrono::milliseconds delay) {
    timer_ = clock_.call_at(clock_.now() + delay, [this] { play(); });
  }

  // Plays actions until a delay, a pause or the end. The last action ends the attempt and may destroy this object.
  void play() {
    const MemoryScope scope(account_);
    const auto done = std::move(timer_);  // keeps the timer that calls this function alive until it returns
    if (!std::exchange(began_, true)) observer_.first_byte();
    for (int turn = 0; turn < kActionsPerTurn; ++turn) {
      if (paused_) return;
      MockAction& action = actions_[next_];
      if (const auto* text = std::get_if<MockText>(&action)) {
        say(*text, ContentKind::text);
        continue;
      }
      if (const auto* reasoning = std::get_if<MockReasoning>(&action)) {
        say(*reasoning, ContentKind::reasoning);
        continue;
      }
      ++next_;
      if (const auto* delay = std::get_if<MockDelay>(&action)) return schedule(std::chrono::milliseconds(delay->ms));
      if (next_ == actions_.size()) return end(action);
      std::visit([this](auto& event) { say(event); }, action);
    }
    schedule(std::chrono::milliseconds(0));
  }

  int part_of(ContentKind kind) {
    if (kind_ != kind || kind == ContentKind::tool_input) ++part_;
    kind_ = kind;
    return part_;
  }

  // Sends one delta of `text`.
  void say(const MockText& text, ContentKind kind) {
    const std::string_view piece = mock_piece(text, said_);
    said_ += piece.size();
    if (said_ == text.text.size()) {
      said_ = 0;
      if (++times_ == text.times) times_ = 0, ++next_;
    }
    observer_.delta(part_of(kind), kind, piece, {});
  }
  void say(ToolCall& call) {
    const int part = part_of(ContentKind::tool_input);
    observer_.delta(part, ContentKind::tool_input, call.input_text, call.id);
    observer_.tool_call(part, std::move(call));
  }
  void say(const Usage& usage) { observer_.usage(usage); }
  template <typename Other>
  void say(const Other&) {}

  void end(const MockAction& action) {
    if (const auto* finish = std::get_if<MockFinish>(&action)) {
      observer_.finish(finish->reason, to_string(finish->reason));
    } else if (const auto* error = std::get_if<Error>(&action)) {
      observer_.fail(Error(*error));
    } else {
      observer_.fail({.code = error_code::truncated_stream,
                      .category = Category::upstream,
                      .message = "the response was cut short",
                      .retryable = true});
    }
  }

  MemoryAccount* const account_;  // account of the chat, which outlives its attempts
  Clock& clock_;
  std::vector<MockAction> actions_;
  AttemptObserver& observer_;
  std::size_t next_ = 0;
  std::size_t said_ = 0;    // bytes of the current text that were sent
  std::int64_t times_ = 0;  // how many times the current text was sent in full
  std::optional<ContentKind> kind_;
  int part_ = -1;
  bool began_ = false;
  bool paused_ = false;
  std::unique_ptr<Timer> timer_;
};

}  // namespace

std::expected<std::unique_ptr<Attempt>, Error> start_mock_attempt(Clock& clock, const StepInput& input,
                                                                  AttemptObserver& observer) {
  auto actions = mock_actions(input);
  if (!actions) return std::unexpected(std::move(actions).error());
  return std::make_unique<MockAttempt>(clock, *std::move(actions), observer);
}

}  // namespace aiw
