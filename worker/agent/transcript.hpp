// Messages of a chat: the received history and what the steps add. Added messages are written once as JSON and read
// like the history.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"

namespace aiw {

class Transcript {
 public:
  // `history` holds views of `line`.
  Transcript(std::vector<Message> history, std::shared_ptr<const std::string> line)
      : line_(std::move(line)), messages_(std::move(history)) {}

  // Adds messages given as a JSON array in the shape of `done.messages`.
  void add(std::string json);
  [[nodiscard]] std::span<const Message> messages() const { return messages_; }
  // Appends the elements of the added arrays by reference, separated by commas.
  void write_added(Rope& out) const;
  [[nodiscard]] bool grew() const { return !added_.empty(); }
  [[nodiscard]] std::size_t added_bytes() const { return added_bytes_; }

 private:
  const std::shared_ptr<const std::string> line_;
  std::deque<std::string> added_;  // bytes that the added messages refer to; elements never move
  std::size_t added_bytes_ = 0;
  std::vector<Message> messages_;
};

}  // namespace aiw
