// Receive rate limit for one MCP server. Above it, the transport pauses reading, so that a flood does not block the
// loop for others.
#pragma once

#include <cstddef>
#include <utility>

#include "worker/base/allowance.hpp"

namespace aiw {

class McpIntake {
 public:
  explicit McpIntake(Instant now) : messages_(now, kPerSecond, kBurst) {}

  void add(Instant now, std::size_t messages, std::size_t bytes) {
    bytes_ += bytes;
    messages_.spend(now, messages + bytes_ / kBytes);
    bytes_ %= kBytes;
  }
  // Returns true if the limit is used up: do not read more before `ready_at`.
  [[nodiscard]] bool full(Instant now) const { return messages_.spent(now); }
  [[nodiscard]] Instant ready_at() const { return messages_.ready_at(); }

 private:
  static constexpr std::size_t kPerSecond = 1'000;
  static constexpr std::size_t kBurst = 2'000;
  static constexpr std::size_t kBytes = 16 << 10;  // this many bytes count as one more message

  Allowance messages_;
  std::size_t bytes_ = 0;  // remainder below kBytes that is not counted yet
};

}  // namespace aiw
