#include "worker/providers/anthropic_messages/messages.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "protocol/ascii.hpp"
#include "worker/providers/anthropic_messages/media.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw::anthropic_messages {
namespace {

constexpr std::size_t kTurnsAtOnce = 256;

// The conversation's own bytes are referred to, everything else is copied.
void write_string(Rope& body, RawString text) {
  body.append("\"");
  body.splice(text.raw);
  body.append("\"");
}

// Open: the block goes on.
void open_text_block(Rope& body, RawString text) {
  body.append(R"({"type":"text","text":)");
  write_string(body, text);
}

void open_text_block_copy(Rope& body, std::string_view text) {
  std::string block = R"({"type":"text","text":)";
  append_json_string(block, text);
  body.append(block);
}

// A prefill must not end in white space.
void open_prefill(Rope& body, RawString raw) {
  std::string text = raw.text();
  const auto end = text.find_last_not_of(" \t\r\n\f\v") + 1;
  if (end == text.size()) return open_text_block(body, raw);
  text.erase(end);
  open_text_block_copy(body, text);
}

// The API takes letters, digits, _ and - in an id of a tool call; other providers' ids hold more. What is replaced
// keeps its code, so that different ids stay different.
void write_call_id(Rope& body, RawString id) {
  const auto allowed = [](char c) { return is_ascii_alnum(c) || c == '_' || c == '-'; };
  if (std::ranges::all_of(id.raw, allowed)) return write_string(body, id);
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : id.text()) {
    if (allowed(c)) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'_', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  body.append(text + '"');
}

void write_field(Rope& body, std::string_view name, std::string_view json) {
  if (json.empty()) return;
  body.append(",\"");
  body.append(name);
  body.append("\":");
  body.append(json);
}

// Up to the seconds: "2026-04-24T11:19:44", which sorts as text.
std::string rfc3339(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

CacheMark mark_of(const Part& part) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.cache; }) return one.cache;
        return CacheMark::none;
      },
      part);
}

bool has_mark(const Message& message) {
  return std::ranges::any_of(message.parts, [](const Part& part) { return mark_of(part) != CacheMark::none; });
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

Conversation::Conversation(std::span<const Message> messages, bool system_turns, bool unsigned_thinking,
                           RequestNotes& notes, WrittenHistory& written)
    : messages_(messages),
      system_turns_(system_turns),
      unsigned_thinking_(unsigned_thinking),
      notes_(notes),
      written_(written) {
  while (leading_system_ < messages_.size() && messages_[leading_system_].role == Role::system) ++leading_system_;
}

std::expected<void, Error> Conversation::plan() {
  const std::size_t first = std::max(leading_system_, written_.messages);
  // How many marks are left out is known only when all were seen.
  const bool unmarked = std::ranges::none_of(messages_.subspan(first), has_mark);
  for (message_ = first; message_ < messages_.size(); ++message_) {
    message_has_turn_ = false;
    plan_message(messages_[message_]);
    if (unmarked && turns_.size() >= kTurnsAtOnce) write_ahead();
  }
  if (turns_.empty()) {
    return std::unexpected(invalid_request("no message has content that can be sent", "/payload/messages"));
  }
  return {};
}

Conversation::Turn& Conversation::turn(Speaker speaker) {
  if (speaker == Speaker::user && !turns_.empty() && turns_.back().speaker == Speaker::system) demote_system_turn();
  if (turns_.empty() || turns_.back().speaker != speaker) {
    turns_.push_back({speaker, {}, {}, message_, !message_has_turn_});
  }
  message_has_turn_ = true;
  return turns_.back();
}

// A user turn must not follow one. Blocks of the API's own stay: user turns have none of them.
void Conversation::demote_system_turn() {
  std::vector<Item>& items = turns_.back().others;
  const auto is_text = [](const Item& item) { return std::holds_alternative<TextPart>(*item.part); };
  if (!std::ranges::all_of(items, is_text)) return;
  std::vector<Item> texts = std::move(items);
  turns_.pop_back();
  for (Item& text : texts) {
    text.system = true;
    turns_.back().others.push_back(text);
  }
}

void Conversation::plan_system_text(Item item) {
  if (system_turns_ && !turns_.empty() && turns_.back().speaker != Speaker::assistant) {
    turn(Speaker::system).others.push_back(item);
    return;
  }
  notes_.add("system_in_place", "a later system message is sent as user text");
  item.system = true;
  turn(Speaker::user).others.push_back(item);
}

const State& Conversation::keep_state(RawString state) {
  states_.push_back(read_state(state, parser_));
  return states_.back();
}

void Conversation::plan_message(const Message& message) {
  for (const Part& part : message.parts) {
    if (std::holds_alternative<ToolResultPart>(part)) {
      turn(Speaker::user).results.push_back({&part});
    } else if (message.role == Role::assistant) {
      plan_assistant_part(part);
    } else {
      plan_user_part(part, message.role == Role::system);
    }
  }
}

void Conversation::plan_user_part(const Part& part, bool system) {
  Item item{&part};
  if (const auto* text = std::get_if<TextPart>(&part)) {
    if (is_blank(text->text)) return;
    if (system) return plan_system_text(item);
    turn(Speaker::user).others.push_back(item);
  } else if (const auto* media = std::get_if<MediaPart>(&part)) {
    if (!media->provider_state.empty()) item.state = &keep_state(media->provider_state);
    if (can_send(*media)) turn(Speaker::user).others.push_back(item);
  } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
    plan_own_block(*own, item, system ? Speaker::system : Speaker::user);
  } else {
    notes_.add("part_dropped", "a part that only an assistant message may have was left out");
  }
}

void Conversation::plan_own_block(const ProviderPart& part, Item item, Speaker speaker) {
  item.state = &keep_state(part.provider_state);
  if (!item.state->block.empty()) return turn(speaker).others.push_back(item);
  if (!item.state->container_id.empty()) {
    container_ = item.state;
    return;
  }
  if (item.state->informs) return;
  notes_.add("provider_part_dropped", "a part of another provider was left out");
}

bool Conversation::can_send(const MediaPart& media) {
  if (media_form(media) != MediaForm::unsupported) return true;
  notes_.add("media_dropped", "this provider takes images, PDF documents and text files; other media was left out");
  return false;
}

void Conversation::plan_assistant_part(const Part& part) {
  Item item{&part};
  const auto keep = [&] { turn(Speaker::assistant).others.push_back(item); };
  if (const auto* text = std::get_if<TextPart>(&part)) {
    if (!text->provider_state.empty()) item.state = &keep_state(text->provider_state);
    if (!is_blank(text->text)) keep();
  } else if (const auto* call = std::get_if<ToolCallPart>(&part)) {
    if (!call->provider_state.empty()) item.state = &keep_state(call->provider_state);
    keep();
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
    item.state = &keep_state(reasoning->provider_state);
    // Claude's API refuses thinking without its own signature.
    const bool replayed = item.state->signed_thinking || (unsigned_thinking_ && !item.state->signature.empty());
    if (replayed || !item.state->block.empty()) return keep();
    notes_.add("reasoning_dropped", "reasoning that this provider has not signed was left out");
  } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
    plan_own_block(*own, item, Speaker::assistant);
  } else {
    notes_.add("part_dropped", "media of an assistant message was left out");
  }
}

// docs.claude.com, "Extended thinking with tool use": the assistant's turn before the last results begins with
// thinking, and so does one that the model is to go on from.
bool Conversation::excludes_thinking_budget() const {
  const Turn* calls = nullptr;
  if (!turns_.empty() && turns_.back().speaker == Speaker::assistant) calls = &turns_.back();
  if (turns_.size() > 1 && !turns_.back().results.empty()) calls = &turns_[turns_.size() - 2];
  if (calls == nullptr || calls->speaker != Speaker::assistant || calls->others.empty()) return false;
  const Item& first = calls->others.front();
  const bool redacted =
      first.state != nullptr && first.state->block.find(R"("redacted_thinking")") != std::string::npos;
  return !std::holds_alternative<ReasoningPart>(*first.part) && !redacted;
}

std::string Conversation::container(std::chrono::sys_seconds now) const {
  if (container_ == nullptr) return {};
  return container_->container_expires > rfc3339(now) ? container_->container_id : std::string();
}

std::size_t Conversation::marks_in(const Turn& turn) {
  const auto is_marked = [](const Item& item) { return mark_of(*item.part) != CacheMark::none; };
  return static_cast<std::size_t>(std::ranges::count_if(turn.results, is_marked) +
                                  std::ranges::count_if(turn.others, is_marked));
}

std::size_t Conversation::cache_marks() const {
  std::size_t marks = written_.cache_marks;
  for (const Message& message : messages_.first(leading_system_)) {
    for (const Part& part : message.parts) marks += mark_of(part) == CacheMark::none ? 0 : 1;
  }
  for (const Turn& turn : turns_) marks += marks_in(turn);
  return marks;
}

bool Conversation::skip_cache_marks(std::size_t skip) {
  marks_to_skip_ = skip;
  if (written_.cache_marks > 0 && written_.cache_marks_skipped != skip) return false;
  written_.cache_marks_skipped = skip;
  return true;
}

void Conversation::close_block(Rope& body, CacheMark cache) {
  if (cache != CacheMark::none && marks_to_skip_ > 0) {
    --marks_to_skip_;
  } else if (cache != CacheMark::none) {
    body.append(cache == CacheMark::one_hour ? R"(,"cache_control":{"type":"ephemeral","ttl":"1h"})"
                                             : R"(,"cache_control":{"type":"ephemeral"})");
  }
  body.append("}");
}

void Conversation::write_system(Rope& body, RawString system, std::string_view instruction) {
  ItemList items(body, ",\"system\":[");
  const auto write = [&](RawString text, CacheMark cache) {
    if (is_blank(text)) return;
    items.next();
    open_text_block(body, text);
    close_block(body, cache);
  };
  write(system, CacheMark::none);
  for (const Message& message : messages_.first(leading_system_)) {
    for (const Part& part : message.parts) {
      const auto* text = std::get_if<TextPart>(&part);
      if (text != nullptr) write(text->text, text->cache);
      if (text == nullptr) notes_.add("part_dropped", "a part of a system message that is no text was left out");
    }
  }
  if (!instruction.empty()) {
    items.next();
    open_text_block_copy(body, instruction);
    body.append("}");
  }
  items.close();
}

// Writes the turns before the last one of the assistant, which nothing that follows can change: a user's turn may grow,
// and a system turn may become part of the user's before it.
void Conversation::write_ahead() {
  const auto may_begin_rest = [](const Turn& turn) {
    return turn.speaker == Speaker::assistant && turn.begins_message;
  };
  const auto found = std::ranges::find_if(turns_.rbegin(), turns_.rend(), may_begin_rest);
  // Where code execution runs is read from all messages.
  if (found == turns_.rend() || container_ != nullptr) return;
  const auto rest = found.base() - 1;
  if (rest == turns_.begin()) return;
  Rope block;
  bool is_first = written_.blocks.empty();
  for (auto turn = turns_.begin(); turn != rest; ++turn) {
    begin_turn(block, *turn, is_first);
    write_turn(block, *turn, false);
    written_.cache_marks += marks_in(*turn);
  }
  written_.messages = rest->message;
  written_.blocks.push_back(std::make_shared<const Rope>(std::move(block)));
  turns_.erase(turns_.begin(), rest);
}

// The conversation begins with the user.
void Conversation::begin_turn(Rope& body, const Turn& turn, bool& is_first) {
  if (!is_first) return body.append(",");
  is_first = false;
  if (turn.speaker == Speaker::user) return;
  notes_.add("user_turn_added", "the conversation began with the assistant");
  body.append(R"({"role":"user","content":[{"type":"text","text":"."}]},)");
}

void Conversation::write_messages(Rope& body) {
  marks_to_skip_ -= std::min(marks_to_skip_, written_.cache_marks);
  write_ahead();
  body.append("[");
  for (const auto& block : written_.blocks) body.share(block);
  bool is_first = written_.blocks.empty();
  for (const Turn& turn : turns_) {
    begin_turn(body, turn, is_first);
    write_turn(body, turn, &turn == &turns_.back());
  }
  body.append("]");
}

void Conversation::write_turn(Rope& body, const Turn& turn, bool is_last) {
  switch (turn.speaker) {
    case Speaker::user: body.append(R"({"role":"user","content":)"); break;
    case Speaker::assistant: body.append(R"({"role":"assistant","content":)"); break;
    case Speaker::system: body.append(R"({"role":"system","content":)"); break;
  }
  ItemList blocks(body, "[");
  for (const auto* items : {&turn.results, &turn.others}) {
    for (const Item& item : *items) {
      blocks.next();
      write_item(body, item, is_last && turn.speaker == Speaker::assistant && &item == &items->back());
    }
  }
  blocks.close();
  body.append("}");
}

void Conversation::write_item(Rope& body, const Item& item, bool is_prefill) {
  if (item.state != nullptr && !item.state->block.empty()) return body.append(item.state->block);
  if (const auto* text = std::get_if<TextPart>(item.part)) {
    write_text(body, *text, item, is_prefill);
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(item.part)) {
    write_thinking(body, *reasoning, *item.state);
  } else if (const auto* media = std::get_if<MediaPart>(item.part)) {
    write_media(body, *media, item.state);
  } else if (const auto* call = std::get_if<ToolCallPart>(item.part)) {
    write_tool_call(body, *call, item.state);
  } else if (const auto* result = std::get_if<ToolResultPart>(item.part)) {
    write_tool_result(body, *result);
  }
}

void Conversation::write_text(Rope& body, const TextPart& part, const Item& item, bool is_prefill) {
  if (item.system) {
    body.append(R"({"type":"text","text":"<system>)");
    body.splice(part.text.raw);
    body.append("</system>\"");
  } else if (is_prefill) {
    open_prefill(body, part.text);
  } else {
    open_text_block(body, part.text);
  }
  if (item.state != nullptr) write_field(body, "citations", item.state->citations);
  close_block(body, part.cache);
}

void Conversation::write_thinking(Rope& body, const ReasoningPart& part, const State& state) {
  body.append(R"({"type":"thinking","thinking":)");
  write_string(body, part.text);
  write_field(body, "signature", state.signature);
  body.append("}");
}

void Conversation::write_media(Rope& body, const MediaPart& media, const State* state) {
  write_media_block(body, media);
  if (state != nullptr && media_form(media) != MediaForm::image) {
    write_field(body, "context", state->context);
    write_field(body, "citations", state->citations);
  }
  close_block(body, media.cache);
}

void Conversation::write_tool_call(Rope& body, const ToolCallPart& call, const State* state) {
  body.append(R"({"type":"tool_use","id":)");
  write_call_id(body, call.tool_call_id);
  body.append(R"(,"name":)");
  write_string(body, call.tool_name);
  body.append(R"(,"input":)");
  if (!call.input.is_object()) notes_.add("tool_input_replaced", "a tool call's input was no object and is sent as {}");
  body.splice(call.input.is_object() ? call.input.json : "{}");
  if (state != nullptr) write_field(body, "caller", state->caller);
  close_block(body, call.cache);
}

void Conversation::write_tool_result(Rope& body, const ToolResultPart& result) {
  body.append(R"({"type":"tool_result","tool_use_id":)");
  write_call_id(body, result.tool_call_id);
  if (result.output) {
    write_output(body, *result.output);
    const auto type = result.output->type;
    if (type == ToolOutputType::error_text || type == ToolOutputType::error_json) body.append(R"(,"is_error":true)");
  }
  close_block(body, result.cache);
}

void Conversation::write_output(Rope& body, const ToolOutput& output) {
  ItemList blocks(body, R"(,"content":[)");
  const auto write_text = [&](RawString text) {
    if (is_blank(text)) return;
    blocks.next();
    open_text_block(body, text);
    body.append("}");
  };
  const bool is_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
  if (is_text && output.value.is_string()) {
    write_text(output.value.as_string());
  } else if (output.type != ToolOutputType::content) {
    blocks.next();
    open_text_block_copy(body, output.value.json);
    body.append("}");
  }
  for (const Part& part : output.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) write_text(text->text);
    if (const auto* own = std::get_if<ProviderPart>(&part)) {
      const auto state = read_state(own->provider_state, parser_);
      if (state.block.empty()) continue;
      blocks.next();
      body.append(state.block);
    }
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr || !can_send(*media)) continue;
    blocks.next();
    const auto state = read_state(media->provider_state, parser_);
    write_media(body, *media, &state);
  }
  blocks.close();
}

}  // namespace aiw::anthropic_messages
