// A chat as its target's server takes it: the same conversation and tools, with ids, names, roles, states and media
// that fit the server's profile. Builders write what they get.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/providers/codec/request.hpp"
#include "worker/providers/profile/server_profile.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Kept from step to step beside WrittenHistory, for one chat and one target: what was adapted stays as it is, and a
// later step adapts only what is new. A chat that fits as it is, is not copied. The built request refers to this
// object's bytes.
class AdaptedChat {
 public:
  AdaptedChat() = default;
  AdaptedChat(const AdaptedChat&) = delete;
  AdaptedChat& operator=(const AdaptedChat&) = delete;

  // The input to build from: refers to `input` and to this object. Its history begins with that of the call before.
  StepInput adapt(const StepInput& input, RequestNotes& notes);
  // Of the tools that the request sends; nullptr: none is.
  [[nodiscard]] std::shared_ptr<const RenamedWords> renamed() const { return renamed_; }

 private:
  struct IdUse {
    std::size_t calls = 0, results = 0;  // of one id, since all its calls had their results
  };

  void begin(const StepInput& input);
  void adapt_tools(const ChatRequest& chat);
  void adapt_stops(const ChatRequest& chat);
  void adapt_system(const StepInput& input);
  void add(const Message& message, std::span<const Message> before);
  void push(Message message);
  bool ends_plainly();
  void push_system(Message message);
  void push_media();
  void push_turn_between();
  void end_with_user(std::span<const Message> given);
  void own_messages(std::span<const Message> given);
  ChatRequest& own_chat(const ChatRequest& chat);

  std::optional<Message> changed(const Message& message);
  std::optional<Part> changed_part(const Part& part, bool& dropped);
  bool change(TextPart& part);
  bool change(ReasoningPart& part);
  bool change(MediaPart& part);
  bool change(ToolCallPart& part);
  bool change(ToolResultPart& part);
  bool change(ProviderPart& part);
  bool change_state(RawString& state);
  bool change_word(RawString& word, const WordRule& rule);
  bool change_name(RawString& name);
  bool change_properties(ToolCallPart& part);
  bool change_call_id(RawString& id, std::size_t use);
  std::shared_ptr<const ToolOutput> changed_output(const ToolResultPart& result);

  // JSON string contents that live as long as this.
  RawString keep(std::string_view text);
  RawString keep_raw(std::string raw);

  bool begun_ = false;
  ServerProfile profile_;
  std::string maker_;
  std::optional<ChatRequest> chat_;        // where tools or the system text are other than the chat's
  std::shared_ptr<RenamedWords> renamed_;  // of the request's own tools
  std::map<std::string, IdUse, std::less<>> ids_;
  std::vector<std::pair<RawString, MediaPart>> returned_;  // media of results, with their calls' ids
  std::size_t seen_ = 0;                                   // of the input's messages
  std::size_t plain_end_ = 0;                              // size of messages_ when its last was known to be plain
  std::size_t from_ = 0;                                   // messages_ that the call before gave out
  bool copied_ = false;                                    // messages_ are other than the input's
  bool tail_ = false;                                      // the last of messages_ is this request's only
  std::vector<Message> messages_;
  std::deque<std::string> texts_;
  RequestNotes* notes_ = nullptr;
};

}  // namespace aiw
