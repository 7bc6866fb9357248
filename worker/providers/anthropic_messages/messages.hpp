// The conversation of a Messages request: turns of user and assistant that alternate, made of content blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/anthropic_messages/state.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::anthropic_messages {

// Plans the turns and writes them; refers to the messages, to `notes` and to `written`, which must outlive it.
//
// Turns that no later message changes are written ahead into `written`: those before an assistant's turn. So a long
// history is never planned as a whole, and the next step begins where they end.
//
// System messages before the first other message belong to the request's `system`. A later one stays where it is, as a
// system turn where the model takes one (after a user turn, before an assistant's), else as text of a user turn between
// <system> tags: lifted, it would lose its place and change the bytes before it.
class Conversation {
 public:
  // `system_turns`: the model takes them. `unsigned_thinking`: the server does. `written`: of these messages'
  // beginning, or empty.
  Conversation(std::span<const Message> messages, bool system_turns, bool unsigned_thinking, RequestNotes& notes,
               WrittenHistory& written);

  // Reads all messages that are not written yet. Error: nothing to send.
  std::expected<void, Error> plan();
  // Whether the model is in the middle of a turn, or of using tools, that does not begin with thinking: the API refuses
  // a thinking budget then.
  [[nodiscard]] bool excludes_thinking_budget() const;
  // The container that code execution used last, if it still runs; empty: none. The API wants it named where its code
  // waits for a tool, and keeps the files in it.
  [[nodiscard]] std::string container(std::chrono::sys_seconds now) const;
  // The field `system` with a comma before it, if it has any item. `instruction`, if not empty, comes last.
  void write_system(Rope& body, RawString system, std::string_view instruction);
  // The `messages` array.
  void write_messages(Rope& body);
  // The cache marks of all parts. The API takes a few only: the first `skip` are left out.
  [[nodiscard]] std::size_t cache_marks() const;
  // False: what is written has others left out, and is of no use.
  [[nodiscard]] bool skip_cache_marks(std::size_t skip);

 private:
  enum class Speaker { user, assistant, system };
  struct Item {
    const Part* part = nullptr;
    const State* state = nullptr;  // of parts that have one of ours
    bool system = false;           // a system text within a user turn
  };
  struct Turn {
    Speaker speaker = Speaker::user;
    std::vector<Item> results;  // come first in a user turn, whatever their place
    std::vector<Item> others;
    std::size_t message = 0;      // where it began
    bool begins_message = false;  // no other turn has parts of that message
  };

  void plan_message(const Message& message);
  void plan_user_part(const Part& part, bool system);
  void plan_system_text(Item item);
  void plan_assistant_part(const Part& part);
  void plan_own_block(const ProviderPart& part, Item item, Speaker speaker);
  bool can_send(const MediaPart& media);  // notes it if not
  const State& keep_state(RawString state);
  Turn& turn(Speaker speaker);
  [[nodiscard]] static std::size_t marks_in(const Turn& turn);
  void write_ahead();
  void begin_turn(Rope& body, const Turn& turn, bool& is_first);
  void write_turn(Rope& body, const Turn& turn, bool is_last);
  void demote_system_turn();
  void write_item(Rope& body, const Item& item, bool is_prefill);
  void write_text(Rope& body, const TextPart& part, const Item& item, bool is_prefill);
  void write_thinking(Rope& body, const ReasoningPart& part, const State& state);
  void write_media(Rope& body, const MediaPart& media, const State* state);
  void write_tool_call(Rope& body, const ToolCallPart& call, const State* state);
  void write_tool_result(Rope& body, const ToolResultPart& result);
  void write_output(Rope& body, const ToolOutput& output);
  // Ends a block.
  void close_block(Rope& body, CacheMark cache);

  const std::span<const Message> messages_;
  const bool system_turns_;
  const bool unsigned_thinking_;
  RequestNotes& notes_;
  WrittenHistory& written_;
  std::size_t leading_system_ = 0;
  std::size_t message_ = 0;  // being planned
  bool message_has_turn_ = false;
  std::size_t marks_to_skip_ = 0;
  std::vector<Turn> turns_;
  std::deque<State> states_;
  const State* container_ = nullptr;
  EventJson parser_;
};

}  // namespace aiw::anthropic_messages
