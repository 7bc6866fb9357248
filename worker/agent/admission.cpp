#include "worker/agent/admission.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"

namespace aiw {
namespace {

using std::chrono::milliseconds;

// Retry-after for `overloaded`: the time to drain half the queue at the recent completion rate.
constexpr milliseconds kUsualRetry{1'000};
constexpr milliseconds kShortestRetry{250};
constexpr milliseconds kLongestRetry{30'000};

}  // namespace

std::optional<Error> Admission::refusal(const Load& load, std::size_t bytes) const {
  // Chats beyond the in-flight limit wait, in the queue or for the lookup of their session.
  const std::size_t waiting = load.queued + load.in_flight - std::min(load.in_flight, limits_.max_in_flight);
  if (must_wait(load) && waiting >= limits_.max_queued) {
    return overloaded(load, "as many chats run and wait as this worker takes");
  }
  if (must_wait(load) && load.queued_bytes + bytes > limits_.max_queued_bytes) {
    return overloaded(load, "the chats that wait are as large as this worker takes");
  }
  // With no chat running, waiting would free no memory, so the chat is accepted.
  if (load.in_flight > 0 && is_memory_short()) return overloaded(load, "the memory is nearly used up");
  return std::nullopt;
}

// With no chat running, waiting would free no memory.
bool Admission::may_run_next(std::size_t running) const {
  return running < limits_.max_in_flight && (running == 0 || !is_memory_short());
}

Error Admission::overloaded(const Load& load, std::string message) const {
  auto wait = kUsualRetry;
  if (between_ends_.count() > 0) {
    const auto half = static_cast<Instant::rep>(load.queued / 2 + 1);
    wait = std::clamp(std::chrono::ceil<milliseconds>(between_ends_ * half), kShortestRetry, kLongestRetry);
  }
  return {.code = error_code::overloaded,
          .category = Category::overloaded,
          .message = std::move(message),
          .retryable = true,
          .retry_after_ms = wait.count()};
}

void Admission::chat_ended(Instant now) {
  if (last_end_) between_ends_ += (now - *last_end_ - between_ends_) / 8;
  last_end_ = now;
}

}  // namespace aiw
