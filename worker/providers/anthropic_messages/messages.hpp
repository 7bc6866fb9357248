// The conversation of a Messages request: alternating turns of user and assistant, made of content blocks.
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

// Plans the turns and writes them. Refers to the messages, to `notes` and to `written`, which must outlive it.
//
// Turns that no later message can change are written ahead into `written`: those before an assistant's turn. So a long
// history is never planned as a whole, and the next step continues after them.
//
// System messages before the first other message belong to the request's `system`. A later one keeps its place. It
// becomes a system turn if the model accepts one (after a user turn, before an assistant's), else text of a user turn
// between <system> tags. Moved to `system`, it would lose its place and change the bytes before it.
class Conversation {
 public:
  // `system_turns`: the model accepts them. `unsigned_thinking`: the server accepts it. `written` holds the start of
  // these messages, or is empty.
  Conversation(std::span<const Message> messages, bool system_turns, bool unsigned_thinking, RequestNotes& notes,
               WrittenHistory& written);

  // Reads all messages that are not written yet. Error: there is nothing to send.
  std::expected<void, Error> plan();
  // True if the current turn, or the current use of tools, does not begin with thinking. The API refuses a thinking
  // budget then.
  [[nodiscard]] bool excludes_thinking_budget() const;
  // Returns the last container of code execution if it still runs; empty: none. The API requires it if code in it waits
  // for a tool, and keeps the files in it.
  [[nodiscard]] std::string container(std::chrono::sys_seconds now) const;
  // Writes the member `system`, if it has any item. `instruction`, if not empty, comes last.
  void write_system(BodyWriter& json, RawString system, std::string_view instruction);
  // Writes the member `messages`.
  void write_messages(BodyWriter& json);
  // Returns the number of cache marks on all parts. The API limits them: the first `skip` are left out.
  [[nodiscard]] std::size_t cache_marks() const;
  // False if the cached prefix left out different marks and must be written again.
  [[nodiscard]] bool skip_cache_marks(std::size_t skip);

 private:
  struct Item {
    const Part* part = nullptr;
    const State* state = nullptr;  // of parts with a state of this API
    bool system = false;           // system text within a user turn
  };
  struct Turn {
    Role role = Role::user;     // user, assistant or system
    std::vector<Item> results;  // first in a user turn, whatever their position
    std::vector<Item> others;
    std::size_t message = 0;      // index of its first message
    bool begins_message = false;  // no other turn has parts of that message
  };

  void plan_message(const Message& message);
  void plan_user_part(const Part& part, bool system);
  void plan_system_text(Item item);
  void plan_assistant_part(const Part& part);
  void plan_own_block(Item item, Role role);
  [[nodiscard]] bool can_replay(const State& thinking) const;
  const State* keep_state(RawString state);  // nullptr: no state
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
  const std::size_t leading_system_;  // number of the messages before the first other message
  std::size_t message_ = 0;           // index of the message being planned
  bool message_has_turn_ = false;
  std::size_t marks_to_skip_ = 0;
  std::vector<Turn> turns_;
  std::deque<State> states_;
  const State* container_ = nullptr;
  StateReader state_reader_;
};

}  // namespace aiw::anthropic_messages
