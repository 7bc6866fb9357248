#include "worker/providers/bedrock/messages.hpp"

#include <set>
#include <string>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/bedrock/media.hpp"
#include "worker/providers/bedrock/state.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw::bedrock {
namespace {

class Conversation {
 public:
  Conversation(std::span<const Message> messages, Family family, BodyWriter& json, RequestNotes& notes)
      : messages_(messages), family_(family), rules_(model_rules(family)), json_(json), notes_(notes) {
    if (!messages_.empty() && messages_.back().role == Role::assistant && !messages_.back().parts.empty()) {
      prefill_ = &messages_.back().parts.back();
    }
  }

  void write_system(RawString system) {
    bool open = false;
    const auto begin = [&] {
      if (!std::exchange(open, true)) json_.key("system").begin_array();
    };
    const auto write = [&](RawString text, CacheMark mark) {
      if (!is_blank(text)) {
        begin();
        write_text(text);
      }
      const auto point = cache_point(mark);
      if (open && !point.empty()) json_.copy(point);
    };
    write(system, CacheMark::none);
    for (const Message& message : messages_.first(leading_system_)) {
      for (const Part& part : message.parts) {
        const auto* text = std::get_if<TextPart>(&part);
        if (text != nullptr) write(text->text, text->cache);
        if (text == nullptr)
          notes_.add(warning_code::part_dropped, "a part of a system message that is not text was left out");
      }
    }
    if (open) json_.end_array();
  }

  std::expected<void, Error> write_messages() {
    json_.key("messages").begin_array();
    for (const Message& message : messages_.subspan(leading_system_)) {
      for (const Part& part : message.parts) write_part(part, message.role);
    }
    if (turn_ == Turn::none) {
      return std::unexpected(invalid_request("no message has content that can be sent", "/payload/messages"));
    }
    end_turn();
    json_.end_array();
    return {};
  }

 private:
  enum class Turn { none, user, assistant };

  void write_part(const Part& part, Role role) {
    if (const auto* result = std::get_if<ToolResultPart>(&part)) return write_result(*result);
    if (role == Role::assistant) return write_assistant_part(part);
    if (const auto* text = std::get_if<TextPart>(&part)) return write_user_text(*text, role);
    if (const auto* media = std::get_if<MediaPart>(&part)) return write_user_media(*media);
    notes_.add(warning_code::part_dropped, "a part that only an assistant message may have was left out");
  }

  void write_user_text(const TextPart& part, Role role) {
    const bool is_system = role == Role::system;
    if (is_system) notes_.add(warning_code::system_in_place, "a later system message is sent as user text");
    if (!is_blank(part.text)) {
      begin_turn(Turn::user);
      is_system ? write_special(write_system_text, part.text) : write_text(part.text);
      has_text_ = true;
    }
    write_cache_point(part.cache);
  }

  void write_user_media(const MediaPart& part) {
    const auto form = media_form(part);
    if (form.block.empty()) return drop_media();
    begin_turn(Turn::user);
    write_media_block(json_, part, form, names_);
    has_document_ = has_document_ || form.block == "document";
    write_cache_point(part.cache);
  }

  void drop_media() {
    notes_.add(warning_code::media_dropped, "media whose type or place this API does not take was left out");
  }

  void write_assistant_part(const Part& part) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      if (!is_blank(text->text)) {
        begin_turn(Turn::assistant);
        &part == prefill_ ? write_special(write_prefill, text->text) : write_text(text->text);
      }
      return write_cache_point(text->cache);
    }
    if (const auto* call = std::get_if<ToolCallPart>(&part)) return write_call(*call);
    if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) return write_reasoning(*reasoning);
    const auto* own = std::get_if<ProviderPart>(&part);
    if (own == nullptr) return notes_.add(warning_code::part_dropped, "media of an assistant message was left out");
    const std::string block = read_block(states_, own->provider_state);
    if (block.empty())
      return notes_.add(warning_code::provider_part_dropped, "a part of another provider was left out");
    begin_turn(Turn::assistant);
    json_.copy(block);
  }

  // The API accepts only reasoning that the model signed.
  void write_reasoning(const ReasoningPart& part) {
    const auto signature = read_signature(states_, part.provider_state);
    if (signature.empty()) {
      return notes_.add(warning_code::reasoning_dropped, "reasoning that this provider has not signed was left out");
    }
    begin_turn(Turn::assistant);
    json_.begin_object().key("reasoningContent").begin_object().key("reasoningText").begin_object();
    json_.field("text", part.text).field("signature", signature).end_object().end_object().end_object();
  }

  void write_call(const ToolCallPart& call) {
    begin_turn(Turn::assistant);
    const bool is_object = call.input.is_object();
    if (!is_object)
      notes_.add(warning_code::tool_input_replaced, "a tool call's input was not an object and is sent as {}");
    json_.begin_object().key("toolUse").begin_object();
    json_.field("toolUseId", call.tool_call_id).field("name", call.tool_name);
    json_.field("input", is_object ? call.input : JsonSpan{"{}"}).end_object().end_object();
    write_cache_point(call.cache);
  }

  void write_result(const ToolResultPart& result) {
    begin_turn(Turn::user);
    json_.begin_object().key("toolResult").begin_object().field("toolUseId", result.tool_call_id);
    json_.key("content").begin_array();
    if (result.output) write_output(*result.output);
    json_.end_array();
    if (result.output && is_error(*result.output) && rules_.result_status) json_.field("status", "error");
    json_.end_object().end_object();
    write_cache_point(result.cache);
  }

  // The API's json blocks hold objects only.
  void write_output(const ToolOutput& output) {
    const bool is_json = output.type == ToolOutputType::json || output.type == ToolOutputType::error_json;
    const bool is_empty = !is_json && output.value.is_string() && is_blank(output.value.as_string());
    if (is_json && output.value.is_object()) {
      json_.begin_object().field("json", output.value).end_object();
    } else if (output.type != ToolOutputType::content && !is_empty) {
      json_.begin_object().key("text");
      write_output_text(json_, output);
      json_.end_object();
    }
    for (const Part& part : output.parts) {
      const auto* text = std::get_if<TextPart>(&part);
      if (text != nullptr && !is_blank(text->text)) write_text(text->text);
      const auto* media = std::get_if<MediaPart>(&part);
      if (media == nullptr) continue;
      const auto form = media_form(*media);
      const bool is_taken = !form.block.empty() && form.block != "audio";
      is_taken ? write_media_block(json_, *media, form, names_) : drop_media();
    }
  }

  [[nodiscard]] std::string_view cache_point(CacheMark mark) const {
    return cache_point_json(mark, rules_.cache_points, family_);
  }

  void write_cache_point(CacheMark mark) {
    const auto point = cache_point(mark);
    if (turn_ != Turn::none && !point.empty()) json_.copy(point);
  }

  // Continues the turn, or ends the previous turn and begins a new one. The user has the first turn.
  void begin_turn(Turn turn) {
    if (turn_ == turn) return;
    if (turn_ == Turn::none && turn == Turn::assistant) {
      notes_.add(warning_code::user_turn_added, "the conversation began with the assistant");
      open_turn(Turn::user);
      write_text(RawString{"."});
    }
    end_turn();
    open_turn(turn);
  }

  void open_turn(Turn turn) {
    json_.begin_object().field("role", turn == Turn::user ? "user" : "assistant").key("content").begin_array();
    turn_ = turn;
    has_document_ = has_text_ = false;
  }

  // A document must not come without text.
  void end_turn() {
    if (turn_ == Turn::none) return;
    if (has_document_ && !has_text_) write_text(RawString{"."});
    json_.end_array().end_object();
  }

  void write_special(void (*write)(BodyWriter&, RawString), RawString text) {
    write(json_.begin_object().key("text"), text);
    json_.end_object();
  }
  void write_text(RawString text) { json_.begin_object().field("text", text).end_object(); }

  const std::span<const Message> messages_;
  const Family family_;
  const ModelRules rules_;
  BodyWriter& json_;
  RequestNotes& notes_;
  const std::size_t leading_system_ = count_leading_system(messages_);
  const Part* prefill_ = nullptr;
  DocumentNames names_;
  StateReader states_;
  Turn turn_ = Turn::none;                        // the open turn
  bool has_document_ = false, has_text_ = false;  // in the open turn
};

}  // namespace

std::string_view cache_point_json(CacheMark mark, bool supported, Family family) {
  if (mark == CacheMark::none || !supported) return {};
  const bool hour = mark == CacheMark::one_hour && family != Family::nova;
  return hour ? R"({"cachePoint":{"type":"default","ttl":"1h"}})" : R"({"cachePoint":{"type":"default"}})";
}

std::vector<RawString> called_tools(std::span<const Message> messages) {
  std::vector<RawString> names;
  std::set<std::string> seen;
  for (const Message& message : messages) {
    for_each_part<ToolCallPart>(message.parts, [&](const ToolCallPart& call) {
      if (seen.insert(call.tool_name.text()).second) names.push_back(call.tool_name);
    });
  }
  return names;
}

std::expected<void, Error> write_conversation(RawString system, std::span<const Message> messages, Family family,
                                              BodyWriter& json, RequestNotes& notes) {
  Conversation conversation(messages, family, json, notes);
  conversation.write_system(system);
  return conversation.write_messages();
}

}  // namespace aiw::bedrock
