#include "worker/providers/profile/adapted_chat.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "protocol/json_reader.hpp"
#include "worker/providers/media_type.hpp"
#include "worker/providers/message_parts.hpp"
#include "worker/providers/profile/state_maker.hpp"
#include "worker/providers/profile/tool_schema.hpp"

namespace aiw {
namespace {

constexpr int kMaxArgumentsDepth = 1'000;

bool is_blank(RawString text) {
  if (text.raw.size() > 64 && !text.raw.contains('\\')) {
    return text.raw.find_first_not_of(' ') == std::string_view::npos;
  }
  return text.text().find_first_not_of(" \t\r\n\f\v") == std::string::npos;
}

bool is_json(RawString text) {
  std::string json = text.text();
  JsonReader reader(json.data(), json.size(), kMaxArgumentsDepth);
  reader.validate();
  return reader.ok();
}

bool has_text(const std::vector<Part>& parts) {
  bool found = false;
  for_each_part<TextPart>(parts, [&](const TextPart& part) { found = found || !part.text.empty(); });
  return found;
}

bool is_error(const ToolOutput& output) {
  return output.type == ToolOutputType::error_text || output.type == ToolOutputType::error_json;
}

// An assistant's message with neither is refused by some, and says nothing to anybody.
bool says_nothing(const Message& message) {
  return message.role == Role::assistant && !has_text(message.parts) && !has_part<ToolCallPart>(message.parts) &&
         !has_part<ToolResultPart>(message.parts);
}

bool is_plain_user(const Message& message) {
  return message.role == Role::user && !has_part<ToolResultPart>(message.parts);
}

}  // namespace

StepInput AdaptedChat::adapt(const StepInput& input, RequestNotes& notes) {
  notes_ = &notes;
  if (!std::exchange(begun_, true)) begin(input);
  from_ = messages_.size();
  for (; seen_ < input.messages.size(); ++seen_) add(input.messages[seen_], input.messages.first(seen_));
  notes_ = nullptr;
  StepInput adapted{.chat = chat_ ? *chat_ : input.chat,
                    .messages = copied_ ? std::span<const Message>(messages_) : input.messages,
                    .target = input.target,
                    .offer_tools = input.offer_tools,
                    .now = input.now,
                    .written = input.written};
  return adapted;
}

void AdaptedChat::begin(const StepInput& input) {
  profile_ = server_profile(input.target);
  maker_ = state_maker(input.target);
  for (const Tool& tool : input.chat.tools) tool_names_.insert(tool.name.text());
  adapt_tools(input.chat);
  if (profile_.one_system) adapt_system(input);
}

ChatRequest& AdaptedChat::own_chat(const ChatRequest& chat) {
  if (!chat_) chat_ = chat;
  return *chat_;
}

void AdaptedChat::adapt_tools(const ChatRequest& chat) {
  for (std::size_t i = 0; i < chat.tools.size(); ++i) {
    const Tool& tool = chat.tools[i];
    if (!tool.definition.empty()) continue;
    auto schema = adapt_tool_schema(tool.input_schema, profile_);
    if (!schema) continue;
    texts_.push_back(std::move(*schema));
    own_chat(chat).tools[i].input_schema = JsonSpan{texts_.back()};
  }
  if (profile_.most_tools == 0 || chat.tools.size() <= profile_.most_tools) return;
  own_chat(chat).tools.resize(profile_.most_tools);
  notes_->add("tools_dropped", "this provider takes " + std::to_string(profile_.most_tools) + " tools; the last " +
                                   std::to_string(chat.tools.size() - profile_.most_tools) + " were left out");
}

// The request's system text and the messages of that role that come first become one text.
void AdaptedChat::adapt_system(const StepInput& input) {
  std::string all(input.chat.system.raw);
  for (; leading_ < input.messages.size() && input.messages[leading_].role == Role::system; ++leading_) {
    for_each_part<TextPart>(input.messages[leading_].parts, [&](const TextPart& part) {
      if (part.text.empty()) return;
      if (!all.empty()) all += "\\n\\n";
      all += part.text.raw;
    });
  }
  if (leading_ == 0 || (leading_ == 1 && input.chat.system.empty())) {
    leading_ = 0;
    return;
  }
  own_chat(input.chat).system = keep_raw(std::move(all));
  seen_ = leading_;
  copied_ = true;
}

// `before`: the input's messages before this one.
void AdaptedChat::add(const Message& message, std::span<const Message> before) {
  auto adapted = changed(message);
  const Message& now = adapted ? *adapted : message;
  const Role* last = nullptr;
  if (copied_ && !messages_.empty()) last = &messages_.back().role;
  if (!copied_ && !before.empty()) last = &before.back().role;
  const bool later_system = profile_.one_system && message.role == Role::system && last != nullptr;
  const bool empty = !profile_.empty_assistant && says_nothing(now);
  const bool needs_turn = !profile_.user_after_result && is_plain_user(now) && last != nullptr && *last == Role::tool;
  const bool joins = profile_.alternating_roles && last != nullptr && *last == Role::user && is_plain_user(now);
  if (!adapted && !copied_ && !later_system && !empty && !needs_turn && !joins) return;
  if (!std::exchange(copied_, true)) messages_.assign(before.begin(), before.end());
  if (empty) return;
  Message own = adapted ? std::move(*adapted) : message;
  if (later_system) return push_system(std::move(own));
  if (needs_turn) messages_.push_back({Role::assistant, {TextPart{keep("Done.")}}});
  push(std::move(own));
}

void AdaptedChat::push(Message message) {
  // What an earlier step has sent stays as it was.
  const bool joins = profile_.alternating_roles && is_plain_user(message) && messages_.size() > from_ &&
                     !messages_.empty() && is_plain_user(messages_.back());
  if (!joins) return messages_.push_back(std::move(message));
  auto& parts = messages_.back().parts;
  parts.insert(parts.end(), std::make_move_iterator(message.parts.begin()),
               std::make_move_iterator(message.parts.end()));
}

void AdaptedChat::push_system(Message message) {
  notes_->add("system_in_place", "a later system message is sent as user text");
  message.role = Role::user;
  for (Part& part : message.parts) {
    auto* text = std::get_if<TextPart>(&part);
    if (text != nullptr) text->text = keep_raw("<system>" + std::string(text->text.raw) + "</system>");
  }
  push(std::move(message));
}

// --- one message ----------------------------------------------------------------------------------------------------

// Nothing: it is fine as it is.
std::optional<Message> AdaptedChat::changed(const Message& message) {
  std::optional<Message> own;
  for (std::size_t i = 0; i < message.parts.size(); ++i) {
    bool dropped = false;
    auto part = changed_part(message.parts[i], message.role, dropped);
    if (!own && (part || dropped)) {
      own = Message{message.role, {message.parts.begin(), message.parts.begin() + static_cast<std::ptrdiff_t>(i)}};
    }
    if (!own || dropped) continue;
    own->parts.push_back(part ? std::move(*part) : message.parts[i]);
  }
  if (message.role != Role::assistant || profile_.thinking_last) return own;
  // "The final block in an assistant message cannot be `thinking`": the answer was cut while the model thought.
  const auto& parts = own ? own->parts : message.parts;
  const auto is_reasoning = [](const Part& part) { return std::holds_alternative<ReasoningPart>(part); };
  if (parts.empty() || !is_reasoning(parts.back())) return own;
  if (!own) own = message;
  while (!own->parts.empty() && is_reasoning(own->parts.back())) own->parts.pop_back();
  return own;
}

std::optional<Part> AdaptedChat::changed_part(const Part& part, Role, bool& dropped) {
  if (const auto* media = std::get_if<MediaPart>(&part)) {
    if (auto text = replaced(*media)) return text;
  }
  return std::visit(
      [&](const auto& one) -> std::optional<Part> {
        auto own = one;
        if (!change(own)) return std::nullopt;
        if constexpr (std::is_same_v<decltype(own), ProviderPart>) dropped = own.provider_state.empty();
        return Part(std::move(own));
      },
      part);
}

bool AdaptedChat::change(TextPart& part) { return change_state(part.provider_state); }
bool AdaptedChat::change(ReasoningPart& part) { return change_state(part.provider_state); }
bool AdaptedChat::change(MediaPart& part) { return change_state(part.provider_state); }
bool AdaptedChat::change(ProviderPart& part) { return change_state(part.provider_state); }

bool AdaptedChat::change(ToolCallPart& part) {
  bool changed = change_state(part.provider_state);
  changed = change_word(part.tool_call_id, profile_.call_ids) || changed;
  changed = change_name(part.tool_name) || changed;
  // The decoder has put {} where the arguments are no JSON; what the model wrote would be refused in each later
  // request.
  if (part.input.json == "{}" && !part.input_text.empty() && part.input_text.raw != "{}" && !is_json(part.input_text)) {
    part.input_text = {};
    changed = true;
  }
  return changed;
}

bool AdaptedChat::change(ToolResultPart& part) {
  bool changed = change_word(part.tool_call_id, profile_.call_ids);
  changed = change_name(part.tool_name) || changed;
  if (part.output == nullptr) return changed;
  auto output = changed_output(*part.output);
  if (output == nullptr) return changed;
  part.output = std::move(output);
  return true;
}

// nullptr: it is fine as it is.
std::shared_ptr<const ToolOutput> AdaptedChat::changed_output(const ToolOutput& output) {
  if (!profile_.mute_errors && is_error(output) && output.value.is_string() && is_blank(output.value.as_string())) {
    auto own = std::make_shared<ToolOutput>(output);
    texts_.emplace_back(R"("The tool failed and gave no message.")");
    own->value = JsonSpan{texts_.back()};
    return own;
  }
  std::shared_ptr<ToolOutput> own;
  for (std::size_t i = 0; i < output.parts.size(); ++i) {
    bool dropped = false;
    auto part = changed_part(output.parts[i], Role::tool, dropped);
    if (!part) continue;
    if (own == nullptr) own = std::make_shared<ToolOutput>(output);
    own->parts[i] = std::move(*part);
  }
  return own;
}

// A state of another maker is nothing to this server; its own is given back without its maker's name.
bool AdaptedChat::change_state(RawString& state) {
  if (state.empty()) return false;
  const MadeState made = split_maker(state.raw);
  if (made.maker.empty()) return false;
  state.raw = made.maker == maker_ ? made.state : std::string_view();
  return true;
}

bool AdaptedChat::change_word(RawString& word, const WordRule& rule) {
  if (word.empty() || fits(rule, word.raw)) return false;
  const std::string text = word.text();
  if (fits(rule, text)) return false;  // it only looked longer, for its escapes
  word = keep(fitted(rule, text));
  return true;
}

// The names of the request's own tools are the server's to judge.
bool AdaptedChat::change_name(RawString& name) {
  if (name.empty() || fits(profile_.called_names, name.raw) || tool_names_.contains(name.text())) return false;
  if (!change_word(name, profile_.called_names)) return false;
  notes_->add("tool_name_changed", "a tool name of the history has characters that this API does not take");
  return true;
}

// Text in place of an image that the server does not take.
std::optional<Part> AdaptedChat::replaced(const MediaPart& part) {
  if (profile_.image_types.empty() || part.data.empty()) return std::nullopt;
  const std::string type = media_type_of(part);
  const bool image = part.kind == MediaKind::image || type.starts_with("image/");
  if (!image || type.empty() || type.ends_with("/*") || std::ranges::count(profile_.image_types, type) > 0) {
    return std::nullopt;
  }
  notes_->add("media_replaced", "this provider takes no " + type + "; a note stands in its place");
  return Part(TextPart{keep("[an image of type " + type + " was left out: it cannot be read here]")});
}

RawString AdaptedChat::keep(std::string_view text) {
  std::string raw;
  append_json_escaped(raw, text);
  return keep_raw(std::move(raw));
}

RawString AdaptedChat::keep_raw(std::string raw) {
  texts_.push_back(std::move(raw));
  return RawString{texts_.back()};
}

}  // namespace aiw
