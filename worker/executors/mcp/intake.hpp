// How much one MCP server may say: beyond it its transport reads no further for a while, so that a flood takes the loop
// from nobody else.
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
  // Nothing more is to be read until `ready_at`.
  [[nodiscard]] bool full(Instant now) const { return messages_.spent(now); }
  [[nodiscard]] Instant ready_at() const { return messages_.ready_at(); }

 private:
  static constexpr std::size_t kPerSecond = 1'000;
  static constexpr std::size_t kBurst = 2'000;
  static constexpr std::size_t kBytes = 16 << 10;  // count as one message more

  Allowance messages_;
  std::size_t bytes_ = 0;  // that are not counted yet
};

}  // namespace aiw
