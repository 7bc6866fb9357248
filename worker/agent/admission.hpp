// Decides whether a new chat may run, has to wait, or is rejected, and when a rejected one may try again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "protocol/event.hpp"
#include "worker/base/clock.hpp"

namespace aiw {

struct AdmissionLimits {
  std::size_t max_in_flight = 4096;
  std::size_t max_queued = 10'000;
  std::size_t max_queued_bytes = std::size_t{256} << 20;  // size of queued chats: lines, keys and headers
};

// What the server holds now.
struct Load {
  std::size_t in_flight = 0;  // running chats, and those whose parent's session is looked up
  std::size_t queued = 0;
  std::size_t queued_bytes = 0;
};

class Admission {
 public:
  // `is_memory_short` returns true while the process should accept no more work; empty: never.
  Admission(const AdmissionLimits& limits, std::function<bool()> is_memory_short)
      : limits_(limits), is_memory_short_(std::move(is_memory_short)) {}

  // Returns `overloaded` if a chat whose line has `bytes` can neither run nor wait.
  [[nodiscard]] std::optional<Error> refusal(const Load& load, std::size_t bytes) const;
  // Returns true if a new chat has to wait. Also while a slot is free that a queued chat is about to take.
  [[nodiscard]] bool must_wait(const Load& load) const {
    return load.in_flight >= limits_.max_in_flight || load.queued > 0;
  }
  // Returns true if the first queued chat may run beside `running` others.
  [[nodiscard]] bool may_run_next(std::size_t running) const;
  // Call at each end of a chat: the mean time between two ends tells how long the queue takes.
  void chat_ended(Instant now);

 private:
  [[nodiscard]] bool is_memory_short() const { return is_memory_short_ && is_memory_short_(); }
  [[nodiscard]] Error overloaded(const Load& load, std::string message) const;

  const AdmissionLimits limits_;
  const std::function<bool()> is_memory_short_;
  std::optional<Instant> last_end_;
  Instant::duration between_ends_{};  // moving mean; 0: not known yet
};

}  // namespace aiw
