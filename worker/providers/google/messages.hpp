// A conversation as Gemini's contents, spliced from the request line's own bytes.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/model.hpp"
#include "worker/providers/google/state.hpp"

namespace aiw::google {

// Writes one conversation; refers to the messages, the body and the notes, which must outlive it, as the messages must
// outlive the body.
//
// System messages before the first other message belong to systemInstruction. A later one stays where it is, as text
// of a user turn between <system> tags: lifted, it would lose its place and change the bytes before it.
class Contents {
 public:
  Contents(std::span<const Message> messages, const ModelRules& rules, Rope& body, RequestNotes& notes);

  // The field `systemInstruction` with a comma after it, if there is any text for it.
  void write_system(RawString system);
  // The `contents` array. Error: there is nothing to send.
  std::expected<void, Error> write();

 private:
  // Messages of one turn share a content. Results have their own, although their role is the user's too: they must
  // come right after their calls, and the API counts them.
  enum class Turn { none, user, model, results };

  void write_message(const Message& message);
  void write_assistant_part(const Part& part);
  void write_user_part(const Part& part, bool from_system);
  void begin_part(Turn turn);
  void begin_turn(Turn turn);
  void end_turn();
  void end_part(const State& state);
  void write_text(RawString text, bool from_system, const State& state);
  void write_media(const MediaPart& media);
  void write_call(const ToolCallPart& call);
  void write_result(const ToolResultPart& result);
  void write_response(const ToolOutput& output);
  void write_joined_text(const std::vector<Part>& parts);
  void write_field(std::string_view opening, RawString value, std::string_view closing = "\"");
  State read_state(RawString state) { return google::read_state(state, parser_); }

  const std::span<const Message> messages_;
  const ModelRules& rules_;
  Rope& body_;
  RequestNotes& notes_;
  std::size_t leading_system_ = 0;
  EventJson parser_;
  Turn turn_ = Turn::none;
  bool any_turn_ = false;
  bool any_part_ = false;                   // in the turn
  bool any_call_ = false;                   // in the turn
  std::vector<const MediaPart*> returned_;  // media of the turn's results, which follow them
};

}  // namespace aiw::google
