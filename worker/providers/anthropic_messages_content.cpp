#include "worker/providers/anthropic_messages_content.hpp"

#include "worker/providers/anthropic_messages_media.hpp"

namespace aiw {
namespace {

// Length of the white space, as written in a JSON string, at the start of `raw`; 0: none.
std::size_t leading_space(std::string_view raw) {
  if (raw.starts_with(' ')) return 1;
  for (const std::string_view escape : {"\\n", "\\r", "\\t", "\\f"}) {
    if (raw.starts_with(escape)) return 2;
  }
  for (const std::string_view escape : {"\\u0020", "\\u000a", "\\u000A", "\\u000d", "\\u000D", "\\u0009"}) {
    if (raw.starts_with(escape)) return escape.size();
  }
  return 0;
}

// The API refuses text blocks that are empty or white space only.
bool is_blank(RawString text) {
  std::string_view raw = text.raw;
  while (const std::size_t space = leading_space(raw)) raw.remove_prefix(space);
  return raw.empty();
}

// The conversation's own bytes are referred to, everything else is copied.
void write_string(Rope& body, RawString text) {
  body.append("\"");
  body.splice(text.raw);
  body.append("\"");
}

void write_text_block(Rope& body, RawString text) {
  body.append(R"({"type":"text","text":)");
  write_string(body, text);
  body.append("}");
}

void write_text_block_copy(Rope& body, std::string_view text) {
  std::string block = R"({"type":"text","text":)";
  append_json_string(block, text);
  block += '}';
  body.append(block);
}

// A prefill must not end in white space.
void write_prefill(Rope& body, RawString raw) {
  std::string text = raw.text();
  const auto end = text.find_last_not_of(" \t\r\n\f\v") + 1;
  if (end == text.size()) return write_text_block(body, raw);
  text.erase(end);
  write_text_block_copy(body, text);
}

// A JSON array that is left out if it stays empty.
class ItemList {
 public:
  ItemList(Rope& body, std::string_view opening) : body_(body), opening_(opening) {}
  void next() {
    body_.append(any_ ? "," : opening_);
    any_ = true;
  }
  bool close() {
    if (any_) body_.append("]");
    return any_;
  }

 private:
  Rope& body_;
  const std::string_view opening_;
  bool any_ = false;
};

}  // namespace

AnthropicConversation::AnthropicConversation(std::span<const Message> messages, RequestNotes& notes)
    : messages_(messages), notes_(notes) {
  while (leading_system_ < messages_.size() && messages_[leading_system_].role == Role::system) ++leading_system_;
}

std::expected<void, Error> AnthropicConversation::plan() {
  for (const Message& message : messages_.subspan(leading_system_)) plan_message(message);
  if (turns_.empty()) {
    return std::unexpected(invalid_request("no message has content that can be sent", "/payload/messages"));
  }
  if (turns_.front().assistant) notes_.add("user_turn_added", "the conversation began with the assistant");
  return {};
}

AnthropicConversation::Turn& AnthropicConversation::turn(bool assistant) {
  if (turns_.empty() || turns_.back().assistant != assistant) turns_.push_back({assistant, {}, {}});
  return turns_.back();
}

void AnthropicConversation::plan_message(const Message& message) {
  for (const Part& part : message.parts) {
    if (std::holds_alternative<ToolResultPart>(part)) {
      turn(false).results.push_back({&part});
    } else if (message.role == Role::assistant) {
      plan_assistant_part(part);
    } else if (const auto* text = std::get_if<TextPart>(&part)) {
      if (message.role == Role::system) notes_.add("system_in_place", "a later system message is sent as user text");
      if (!is_blank(text->text)) turn(false).others.push_back({&part, nullptr, message.role == Role::system});
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      if (can_send(*media)) turn(false).others.push_back({&part});
    } else {
      notes_.add("part_dropped", "a part that only an assistant message may have was left out");
    }
  }
}

bool AnthropicConversation::can_send(const MediaPart& media) const {
  if (anthropic_media_form(media) != AnthropicMediaForm::unsupported) return true;
  notes_.add("media_dropped", "this provider takes images, PDF documents and text files; other media was left out");
  return false;
}

void AnthropicConversation::plan_assistant_part(const Part& part) {
  Item item{&part};
  const auto keep = [&] { turn(true).others.push_back(item); };
  const auto read_state = [&](RawString state) -> const AnthropicState& {
    states_.push_back(read_anthropic_state(state, parser_));
    return states_.back();
  };
  if (const auto* text = std::get_if<TextPart>(&part)) {
    if (!is_blank(text->text)) keep();
  } else if (const auto* call = std::get_if<ToolCallPart>(&part)) {
    if (!call->provider_state.empty()) item.state = &read_state(call->provider_state);
    keep();
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
    item.state = &read_state(reasoning->provider_state);
    // The API refuses thinking without its own signature.
    if (!item.state->signature.empty() || !item.state->block.empty()) return keep();
    notes_.add("reasoning_dropped", "reasoning that this provider has not signed was left out");
  } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
    item.state = &read_state(own->provider_state);
    if (!item.state->block.empty()) return keep();
    notes_.add("provider_part_dropped", "a part of another provider was left out");
  } else {
    notes_.add("part_dropped", "media of an assistant message was left out");
  }
}

bool AnthropicConversation::write_system(Rope& body, RawString system) const {
  ItemList items(body, ",\"system\":[");
  const auto write = [&](RawString text) {
    if (is_blank(text)) return;
    items.next();
    write_text_block(body, text);
  };
  write(system);
  for (const Message& message : messages_.first(leading_system_)) {
    for (const Part& part : message.parts) {
      const auto* text = std::get_if<TextPart>(&part);
      if (text != nullptr) write(text->text);
      if (text == nullptr) notes_.add("part_dropped", "a part of a system message that is no text was left out");
    }
  }
  return items.close();
}

void AnthropicConversation::write_messages(Rope& body) const {
  ItemList turns(body, "[");
  if (turns_.front().assistant) {
    turns.next();
    body.append(R"({"role":"user","content":[{"type":"text","text":"."}]})");
  }
  for (const Turn& turn : turns_) {
    turns.next();
    body.append(turn.assistant ? R"({"role":"assistant","content":)" : R"({"role":"user","content":)");
    ItemList blocks(body, "[");
    for (const auto* items : {&turn.results, &turn.others}) {
      for (const Item& item : *items) {
        blocks.next();
        const bool is_prefill = turn.assistant && &turn == &turns_.back() && &item == &items->back();
        write_item(body, item, is_prefill);
      }
    }
    blocks.close();
    body.append("}");
  }
  turns.close();
}

void AnthropicConversation::write_item(Rope& body, const Item& item, bool is_prefill) const {
  if (item.state != nullptr && !item.state->block.empty()) return body.append(item.state->block);
  if (const auto* text = std::get_if<TextPart>(item.part)) {
    if (item.system) {
      body.append(R"({"type":"text","text":"<system>)");
      body.splice(text->text.raw);
      body.append("</system>\"}");
    } else if (is_prefill) {
      write_prefill(body, text->text);
    } else {
      write_text_block(body, text->text);
    }
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(item.part)) {
    body.append(R"({"type":"thinking","thinking":)");
    write_string(body, reasoning->text);
    body.append(R"(,"signature":")");
    body.append(item.state->signature);
    body.append("\"}");
  } else if (const auto* media = std::get_if<MediaPart>(item.part)) {
    write_anthropic_media(body, *media);
  } else if (const auto* call = std::get_if<ToolCallPart>(item.part)) {
    write_tool_call(body, *call, item.state);
  } else if (const auto* result = std::get_if<ToolResultPart>(item.part)) {
    write_tool_result(body, *result);
  }
}

void AnthropicConversation::write_tool_call(Rope& body, const ToolCallPart& call, const AnthropicState* state) const {
  body.append(R"({"type":"tool_use","id":)");
  write_string(body, call.tool_call_id);
  body.append(R"(,"name":)");
  write_string(body, call.tool_name);
  body.append(R"(,"input":)");
  if (!call.input.is_object()) notes_.add("tool_input_replaced", "a tool call's input was no object and is sent as {}");
  body.splice(call.input.is_object() ? call.input.json : "{}");
  if (state != nullptr && !state->caller.empty()) {
    body.append(R"(,"caller":)");
    body.append(state->caller);
  }
  body.append("}");
}

void AnthropicConversation::write_tool_result(Rope& body, const ToolResultPart& result) const {
  body.append(R"({"type":"tool_result","tool_use_id":)");
  write_string(body, result.tool_call_id);
  if (result.output) {
    write_output(body, *result.output);
    const auto type = result.output->type;
    if (type == ToolOutputType::error_text || type == ToolOutputType::error_json) body.append(R"(,"is_error":true)");
  }
  body.append("}");
}

void AnthropicConversation::write_output(Rope& body, const ToolOutput& output) const {
  ItemList blocks(body, R"(,"content":[)");
  const auto write_text = [&](RawString text) {
    if (is_blank(text)) return;
    blocks.next();
    write_text_block(body, text);
  };
  const bool is_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
  if (is_text && output.value.is_string()) {
    write_text(output.value.as_string());
  } else if (output.type != ToolOutputType::content) {
    blocks.next();
    write_text_block_copy(body, output.value.json);
  }
  for (const Part& part : output.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) write_text(text->text);
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr || !can_send(*media)) continue;
    blocks.next();
    write_anthropic_media(body, *media);
  }
  blocks.close();
}

}  // namespace aiw
