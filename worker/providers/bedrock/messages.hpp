// The conversation of a Converse request: `system`, and turns of user and assistant that alternate.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/bedrock/media.hpp"
#include "worker/providers/bedrock/model.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::bedrock {

// A tool's name or a call's id as the API takes it: 1 to 64 letters, digits, hyphens and underscores. Others are
// changed, always in the same way, so that calls and results still meet.
std::string to_name(RawString name);
bool is_name(std::string_view name);

// Whether a cache mark is sent, and how (CachePointBlock). Empty: it is not.
std::string cache_point_json(CacheMark mark, bool supported, Family family);

// Writes the conversation in one pass; refers to its arguments, which must outlive it. Relies on repair_history: the
// results of a turn stand right after it.
//
// System messages before the first other message belong to `system`. A later one stays where it is, as text of a user
// turn between <system> tags: lifted, it would lose its place and change the bytes before it.
class Conversation {
 public:
  Conversation(RawString system, std::span<const Message> messages, Family family, RequestNotes& notes);

  // The names of the tools that the history calls, in the order in which they come first.
  [[nodiscard]] std::vector<std::string> called_tools() const;
  // The members `system`, if there is one, and `messages`. Error: nothing to send.
  std::expected<void, Error> write(Rope& body);

 private:
  void write_system();
  void message(const Message& message);
  void part(const Part& part, Role role);
  void assistant_part(const Part& part);
  void text(const TextPart& text, Role role);
  void tool_call(const ToolCallPart& call);
  void tool_result(const ToolResultPart& result);
  void output(const ToolOutput& output);
  void cache_point(CacheMark mark);
  // Begins an item of the turn of that role, which begins if it has not.
  void begin_item(bool assistant);
  void begin_turn(bool assistant);
  void end_turn();
  void text_item(RawString text);
  void text_item_copy(std::string_view text);

  const RawString system_;
  const std::span<const Message> messages_;
  const Family family_;
  const ModelRules rules_;
  RequestNotes& notes_;
  std::size_t leading_system_ = 0;
  const Part* prefill_ = nullptr;  // the text that the model is to go on from

  Rope* body_ = nullptr;
  DocumentNames names_;
  EventJson parser_;
  bool any_turn_ = false, in_turn_ = false, assistant_ = false;
  bool any_item_ = false;
  bool turn_has_document_ = false, turn_has_text_ = false;
};

}  // namespace aiw::bedrock
