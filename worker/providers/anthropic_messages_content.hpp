// The conversation of a Messages request: turns of user and assistant that alternate, made of content blocks.
#pragma once

#include <deque>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/anthropic_messages_state.hpp"
#include "worker/providers/request.hpp"

namespace aiw {

// Plans the turns and writes them; refers to the messages and to `notes`, which must outlive it.
//
// System messages before the first other message belong to the request's `system`. A later one stays where it is, as
// text of a user turn between <system> tags: lifted, it would lose its place and change the bytes before it.
class AnthropicConversation {
 public:
  AnthropicConversation(std::span<const Message> messages, RequestNotes& notes);

  // Reads all messages. Error: nothing to send.
  std::expected<void, Error> plan();
  // The field `system` with a comma before it, if it has any item; false if not.
  bool write_system(Rope& body, RawString system) const;
  // The `messages` array.
  void write_messages(Rope& body) const;

 private:
  struct Item {
    const Part* part = nullptr;
    const AnthropicState* state = nullptr;  // of parts that have one of ours
    bool system = false;
  };
  struct Turn {
    bool assistant = false;
    std::vector<Item> results;  // come first in a user turn, whatever their place
    std::vector<Item> others;
  };

  void plan_message(const Message& message);
  bool can_send(const MediaPart& media) const;  // notes it if not
  void plan_assistant_part(const Part& part);
  Turn& turn(bool assistant);
  void write_item(Rope& body, const Item& item, bool is_prefill) const;
  void write_tool_call(Rope& body, const ToolCallPart& call, const AnthropicState* state) const;
  void write_tool_result(Rope& body, const ToolResultPart& result) const;
  void write_output(Rope& body, const ToolOutput& output) const;

  const std::span<const Message> messages_;
  RequestNotes& notes_;
  std::size_t leading_system_ = 0;
  std::vector<Turn> turns_;
  std::deque<AnthropicState> states_;
  EventJson parser_;
};

}  // namespace aiw
