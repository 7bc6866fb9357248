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
#include "worker/providers/anthropic_messages/state.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::anthropic_messages {

template <typename Out>
void write_cache_control(BasicJsonWriter<Out>& json, CacheMark cache) {
  if (cache == CacheMark::none) return;
  json.key("cache_control").begin_object().field("type", "ephemeral");
  if (cache == CacheMark::one_hour) json.field("ttl", "1h");
  json.end_object();
}

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

  // Reads all messages that are not written yet. Error: there is nothing to send.
  std::expected<void, Error> plan();
  // True if the model is within a turn, or a use of tools, that does not begin with thinking: the API refuses a
  // thinking budget then.
  [[nodiscard]] bool excludes_thinking_budget() const;
  // The container that code execution used last, if it still runs; empty: none. The API wants it named where its code
  // waits for a tool, and keeps the files in it.
  [[nodiscard]] std::string container(std::chrono::sys_seconds now) const;
  // The member `system`, if it has any item. `instruction`, if not empty, comes last.
  void write_system(BodyWriter& json, RawString system, std::string_view instruction);
  // The member `messages`.
  void write_messages(BodyWriter& json);
  // The cache marks of all parts. The API takes a few only: the first `skip` are left out.
  [[nodiscard]] std::size_t cache_marks() const;
  // False if what is written has other marks left out and must be written again.
  [[nodiscard]] bool skip_cache_marks(std::size_t skip);

 private:
  struct Item {
    const Part* part = nullptr;
    const State* state = nullptr;  // of parts that have one of ours
    bool system = false;           // a system text within a user turn
  };
  struct Turn {
    Role role = Role::user;     // or assistant, or system
    std::vector<Item> results;  // come first in a user turn, whatever their place
    std::vector<Item> others;
    std::size_t message = 0;      // where it began
    bool begins_message = false;  // no other turn has parts of that message
  };

  void plan_message(const Message& message);
  void plan_user_part(const Part& part, bool system);
  void plan_system_text(Item item);
  void plan_assistant_part(const Part& part);
  void plan_own_block(Item item, Role role);
  [[nodiscard]] bool can_replay(const State& thinking) const;
  const State* keep_state(RawString state);  // nullptr: there is none
  Turn& turn(Role role);
  void demote_system_turn();
  [[nodiscard]] static std::size_t marks_in(const Turn& turn);
  void write_ahead();
  void write_turns(Rope& body, std::size_t count);

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
  StateReader state_reader_;
};

}  // namespace aiw::anthropic_messages
