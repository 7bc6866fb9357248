// A chat's messages: the history as it came, and what the steps add, written once and read like any other history.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"

namespace aiw {

class Transcript {
 public:
  // `history` views `line`.
  Transcript(std::vector<Message> history, std::shared_ptr<const std::string> line)
      : line_(std::move(line)), messages_(std::move(history)) {}

  // Adds messages given as a JSON array in the shape of `done.messages`.
  void add(std::string json);
  [[nodiscard]] std::span<const Message> messages() const { return messages_; }
  // Whether a tool call of that id was made.
  [[nodiscard]] bool has_call(std::string_view id);
  // Appends the elements of what was added, with commas between them, by reference.
  void write_added(Rope& out) const;
  [[nodiscard]] bool grew() const { return !added_.empty(); }
  [[nodiscard]] std::size_t added_bytes() const { return added_bytes_; }

 private:
  const std::shared_ptr<const std::string> line_;
  std::deque<std::string> added_;  // what the new messages' views point into: elements never move
  std::size_t added_bytes_ = 0;
  std::vector<Message> messages_;
  std::set<std::string> call_ids_;  // of the first `indexed_` messages
  std::size_t indexed_ = 0;
};

}  // namespace aiw
