#include "worker/agent/target_attempt.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "protocol/codes.hpp"

namespace aiw {
namespace {

using Started = std::expected<std::unique_ptr<Attempt>, Error>;

Started send_request(const TargetAttemptServices& services, const TargetAttemptInput& input,
                     AttemptObserver& observer) {
  const WireApi& api = *wire_api(input.step.target.api);
  auto request = build_request(api, input.step);
  if (!request) return std::unexpected(std::move(request).error());
  if (input.send_notes) {
    for (const auto& note : request->notes) observer.warning(note.code, note.message);
  }
  auto memory = std::make_shared<const std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>>(
      input.memory, request->memory);
  return start_http_attempt(services.attempt, *std::move(request), api, input.step.chat, std::move(memory), observer);
}

Started send_request_with_token(const TargetAttemptServices& services, const TargetAttemptInput& input,
                                std::string token, AttemptObserver& observer) {
  const StepInput& step = input.step;
  Target target = step.target;
  target.api_key = std::move(token);
  const StepInput with_token{step.chat, step.messages, target, step.offer_tools, step.now, step.written, step.adapted};
  return send_request(services, {with_token, input.memory, input.send_notes}, observer);
}

// Waits for an access token, then runs a plain attempt. The wait has the same time limit as the first byte.
class TokenAttempt : public Attempt {
 public:
  TokenAttempt(const TargetAttemptServices& services, const TargetAttemptInput& input, AttemptObserver& observer)
      : services_(services), input_(input), observer_(observer) {}

  std::expected<void, Error> start() {
    auto wait = services_.tokens.wait(
        input_.step.target.credentials, [this, account = MemoryAccount::current()](TokenCache::Result token) {
          const MemoryScope scope(account);  // account of the chat, which outlives its attempts
          received(std::move(token));
        });
    if (!wait) return std::unexpected(std::move(wait).error());
    wait_ = *std::move(wait);
    if (const auto limit_ms = input_.step.chat.timeouts.first_byte_ms; limit_ms > 0) {
      Clock& clock = services_.attempt.clock;
      timer_ = clock.call_at(clock.now() + std::chrono::milliseconds(limit_ms), [this] { time_out(); });
    }
    return {};
  }

  void set_paused(bool paused) override {
    if (sent_) sent_->set_paused(paused);
  }

 private:
  // Each of these functions may destroy this object with its last call.
  void received(TokenCache::Result token) {
    timer_.reset();
    if (!token) return observer_.fail(std::move(token).error());
    auto sent = send_request_with_token(services_, input_, *std::move(token), observer_);
    if (!sent) return observer_.fail(std::move(sent).error());
    sent_ = *std::move(sent);
  }

  void time_out() {
    observer_.fail({.code = error_code::timeout_first_byte,
                    .category = Category::timeout,
                    .message = "no access token came in time",
                    .retryable = true});
  }

  const TargetAttemptServices services_;
  const TargetAttemptInput input_;
  AttemptObserver& observer_;
  std::unique_ptr<TokenCache::Wait> wait_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<Attempt> sent_;
};

}  // namespace

Started start_target_attempt(const TargetAttemptServices& services, const TargetAttemptInput& input,
                             AttemptObserver& observer) {
  const Target& target = input.step.target;
  if (target.api == Api::mock) return start_mock_attempt(services.attempt.clock, input.step, observer);
  if (!needs_token(target)) return send_request(services, input, observer);
  if (auto token = services.tokens.find(target.credentials)) {
    return send_request_with_token(services, input, *std::move(token), observer);
  }
  auto waiting = std::make_unique<TokenAttempt>(services, input, observer);
  if (auto started = waiting->start(); !started) return std::unexpected(std::move(started).error());
  return waiting;
}

}  // namespace aiw
