#include "worker/providers/bedrock/messages.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "protocol/ascii.hpp"
#include "worker/providers/bedrock/state.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw::bedrock {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

bool is_name_char(char c) { return is_ascii_alnum(c) || c == '-' || c == '_'; }

// FNV-1a: the same text gives the same digits in every process.
std::string digits_of(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  std::string out;
  for (int i = 0; i < 16; ++i, hash >>= 4U) out += kDigits[hash & 15U];
  return out;
}

}  // namespace

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, is_name_char);
}

std::string to_name(RawString name) {
  const std::string given = name.text();
  if (is_name(given)) return given;
  std::string out = given.substr(0, kMaxNameBytes - 17);
  std::ranges::replace_if(out, [](char c) { return !is_name_char(c); }, '_');
  return out + "_" + digits_of(given);
}

std::string cache_point_json(CacheMark mark, bool supported, Family family) {
  if (mark == CacheMark::none || !supported) return {};
  const bool hour = mark == CacheMark::one_hour && family != Family::nova;
  return hour ? R"({"cachePoint":{"type":"default","ttl":"1h"}})" : R"({"cachePoint":{"type":"default"}})";
}

Conversation::Conversation(RawString system, std::span<const Message> messages, Family family, RequestNotes& notes)
    : system_(system), messages_(messages), family_(family), rules_(model_rules(family)), notes_(notes) {
  while (leading_system_ < messages_.size() && messages_[leading_system_].role == Role::system) ++leading_system_;
  if (!messages_.empty() && messages_.back().role == Role::assistant && !messages_.back().parts.empty()) {
    prefill_ = &messages_.back().parts.back();
  }
}

std::vector<std::string> Conversation::called_tools() const {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const Message& message : messages_) {
    for (const Part& part : message.parts) {
      const auto* call = std::get_if<ToolCallPart>(&part);
      if (call == nullptr) continue;
      std::string name = to_name(call->tool_name);
      if (seen.insert(name).second) names.push_back(std::move(name));
    }
  }
  return names;
}

std::expected<void, Error> Conversation::write(Rope& body) {
  body_ = &body;
  write_system();
  body.append(R"("messages":[)");
  for (const Message& one : messages_.subspan(leading_system_)) message(one);
  if (!any_turn_)
    return std::unexpected(invalid_request("no message has content that can be sent", "/payload/messages"));
  end_turn();
  body.append("]");
  return {};
}

void Conversation::write_system() {
  any_item_ = false;
  const auto begin = [&] { body_->append(std::exchange(any_item_, true) ? "," : R"("system":[)"); };
  const auto write = [&](RawString text, CacheMark mark) {
    if (!is_blank(text)) {
      begin();
      text_item(text);
    }
    const std::string point = cache_point_json(mark, rules_.cache_points, family_);
    if (point.empty() || !any_item_) return;
    begin();
    body_->append(point);
  };
  write(system_, CacheMark::none);
  for (const Message& message : messages_.first(leading_system_)) {
    for (const Part& part : message.parts) {
      const auto* text = std::get_if<TextPart>(&part);
      if (text != nullptr) write(text->text, text->cache);
      if (text == nullptr) notes_.add("part_dropped", "a part of a system message that is no text was left out");
    }
  }
  if (any_item_) body_->append("],");
}

void Conversation::message(const Message& message) {
  for (const Part& one : message.parts) part(one, message.role);
}

void Conversation::part(const Part& part, Role role) {
  if (const auto* result = std::get_if<ToolResultPart>(&part)) return tool_result(*result);
  if (role == Role::assistant) return assistant_part(part);
  if (const auto* found = std::get_if<TextPart>(&part)) return text(*found, role);
  if (const auto* found = std::get_if<MediaPart>(&part)) {
    const auto form = media_form(*found);
    if (form.block.empty()) {
      return notes_.add("media_dropped", "media whose type or place this API does not take was left out");
    }
    begin_item(false);
    write_media_block(*body_, *found, form, names_);
    turn_has_document_ = turn_has_document_ || form.block == "document";
    return cache_point(found->cache);
  }
  notes_.add("part_dropped", "a part that only an assistant message may have was left out");
}

void Conversation::text(const TextPart& text, Role role) {
  if (role == Role::system) notes_.add("system_in_place", "a later system message is sent as user text");
  if (!is_blank(text.text)) {
    begin_item(false);
    if (role == Role::system) {
      body_->append(R"({"text":"<system>)");
      body_->splice(text.text.raw);
      body_->append("</system>\"}");
    } else {
      text_item(text.text);
    }
    turn_has_text_ = true;
  }
  cache_point(text.cache);
}

void Conversation::assistant_part(const Part& part) {
  if (const auto* found = std::get_if<TextPart>(&part)) {
    if (!is_blank(found->text)) {
      begin_item(true);
      // Claude refuses an answer to go on from that ends in white space.
      std::string trimmed = &part == prefill_ ? found->text.text() : std::string();
      const auto end = trimmed.find_last_not_of(" \t\r\n\f\v") + 1;
      end == trimmed.size() ? text_item(found->text) : text_item_copy(trimmed.substr(0, end));
    }
    return cache_point(found->cache);
  }
  if (const auto* call = std::get_if<ToolCallPart>(&part)) return tool_call(*call);
  if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
    const auto state = read_state(reasoning->provider_state, parser_);
    // Only what the model signed is taken back.
    if (state.signature.empty()) {
      return notes_.add("reasoning_dropped", "reasoning that this provider has not signed was left out");
    }
    begin_item(true);
    body_->append(R"({"reasoningContent":{"reasoningText":{"text":")");
    body_->splice(reasoning->text.raw);
    body_->append(R"(","signature":")" + state.signature + "\"}}}");
  } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
    const auto state = read_state(own->provider_state, parser_);
    if (state.block.empty()) return notes_.add("provider_part_dropped", "a part of another provider was left out");
    begin_item(true);
    body_->append(state.block);
  } else {
    notes_.add("part_dropped", "media of an assistant message was left out");
  }
}

void Conversation::tool_call(const ToolCallPart& call) {
  begin_item(true);
  if (!is_name(call.tool_name.raw)) {
    notes_.add("tool_name_changed", "a tool name of the history has characters that this API does not take");
  }
  if (!call.input.is_object()) notes_.add("tool_input_replaced", "a tool call's input was no object and is sent as {}");
  body_->append(R"({"toolUse":{"toolUseId":")" + to_name(call.tool_call_id) + R"(","name":")" +
                to_name(call.tool_name) + R"(","input":)");
  body_->splice(call.input.is_object() ? call.input.json : "{}");
  body_->append("}}");
  cache_point(call.cache);
}

void Conversation::tool_result(const ToolResultPart& result) {
  begin_item(false);
  body_->append(R"({"toolResult":{"toolUseId":")" + to_name(result.tool_call_id) + R"(","content":[)");
  if (result.output) output(*result.output);
  body_->append("]");
  const bool failed = result.output && (result.output->type == ToolOutputType::error_text ||
                                        result.output->type == ToolOutputType::error_json);
  if (failed && rules_.result_status) body_->append(R"(,"status":"error")");
  body_->append("}}");
  cache_point(result.cache);
}

void Conversation::output(const ToolOutput& output) {
  bool any = false;
  const auto next = [&] {
    if (std::exchange(any, true)) body_->append(",");
  };
  const auto write_text = [&](RawString text) {
    if (is_blank(text)) return;
    next();
    text_item(text);
  };
  const bool is_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
  if (is_text && output.value.is_string()) {
    write_text(output.value.as_string());
  } else if (output.type != ToolOutputType::content) {
    next();
    if (output.value.is_object()) {
      body_->append(R"({"json":)");
      body_->splice(output.value.json);
      body_->append("}");
    } else {
      text_item_copy(output.value.json);  // the API's json blocks hold objects only
    }
  }
  for (const Part& part : output.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) write_text(text->text);
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr) continue;
    const auto form = media_form(*media);
    if (form.block.empty() || form.block == "audio") {
      notes_.add("media_dropped", "media whose type or place this API does not take was left out");
      continue;
    }
    next();
    write_media_block(*body_, *media, form, names_);
  }
}

void Conversation::cache_point(CacheMark mark) {
  const std::string point = cache_point_json(mark, rules_.cache_points, family_);
  if (point.empty() || !in_turn_ || !any_item_) return;
  begin_item(assistant_);
  body_->append(point);
}

void Conversation::begin_item(bool assistant) {
  if (!in_turn_ || assistant_ != assistant) {
    if (!any_turn_ && assistant) {
      notes_.add("user_turn_added", "the conversation began with the assistant");
      begin_turn(false);
      text_item_copy(".");
    }
    end_turn();
    begin_turn(assistant);
  }
  if (std::exchange(any_item_, true)) body_->append(",");
}

void Conversation::begin_turn(bool assistant) {
  if (std::exchange(any_turn_, true)) body_->append(",");
  body_->append(assistant ? R"({"role":"assistant","content":[)" : R"({"role":"user","content":[)");
  in_turn_ = true;
  assistant_ = assistant;
  any_item_ = turn_has_document_ = turn_has_text_ = false;
}

// A document must not come without text.
void Conversation::end_turn() {
  if (!std::exchange(in_turn_, false)) return;
  if (turn_has_document_ && !turn_has_text_) {
    body_->append(",");
    text_item_copy(".");
  }
  body_->append("]}");
}

// The conversation's own bytes are referred to, everything else is copied.
void Conversation::text_item(RawString text) {
  body_->append(R"({"text":")");
  body_->splice(text.raw);
  body_->append("\"}");
}

void Conversation::text_item_copy(std::string_view text) {
  std::string item = R"({"text":)";
  append_json_string(item, text);
  body_->append(item + "}");
}

}  // namespace aiw::bedrock
