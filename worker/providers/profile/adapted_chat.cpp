#include "worker/providers/profile/adapted_chat.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"
#include "protocol/json_reader.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/codec/renamed_keys.hpp"
#include "worker/providers/profile/media.hpp"
#include "worker/providers/profile/state_maker.hpp"
#include "worker/providers/schema/rewriter.hpp"

namespace aiw {
namespace {

constexpr int kMaxArgumentsDepth = 1'000;

bool is_json_object(RawString text) {
  std::string json = text.text();
  JsonReader reader(json.data(), json.size(), kMaxArgumentsDepth);
  reader.validate();
  return reader.ok() && json[json.find_first_not_of(" \t\r\n")] == '{';
}

// True for a JSON string's contents that escape quotes and backslashes only, as the worker writes states. A parent may
// write the same text with other escapes, behind which nobody would find the state's maker.
bool is_plainly_escaped(std::string_view raw) {
  for (auto at = raw.find('\\'); at != std::string_view::npos; at = raw.find('\\', at + 2)) {
    if (at + 1 >= raw.size() || (raw[at + 1] != '"' && raw[at + 1] != '\\')) return false;
  }
  return true;
}

bool has_text(const std::vector<Part>& parts) {
  bool found = false;
  for_each_part<TextPart>(parts, [&](const TextPart& part) { found = found || !part.text.empty(); });
  return found;
}

// An assistant's message with neither is refused by some, and says nothing to anybody.
bool says_nothing(const Message& message) {
  return message.role == Role::assistant && !has_text(message.parts) && !has_part<ToolCallPart>(message.parts) &&
         !has_part<ToolResultPart>(message.parts);
}

// A user's message of white space only.
bool is_blank_user(const Message& message) {
  return message.role == Role::user && std::ranges::all_of(message.parts, [](const Part& part) {
           const auto* text = std::get_if<TextPart>(&part);
           return text != nullptr && is_blank(text->text);
         });
}

bool is_plain_user(const Message& message) {
  return message.role == Role::user && !has_part<ToolResultPart>(message.parts);
}

}  // namespace

StepInput AdaptedChat::adapt(const StepInput& input, RequestNotes& notes) {
  notes_ = &notes;
  if (!std::exchange(begun_, true)) begin(input);
  if (std::exchange(tail_, false)) messages_.pop_back();
  from_ = messages_.size();
  for (; seen_ < input.messages.size(); ++seen_) add(input.messages[seen_], input.messages.first(seen_));
  push_media();
  if (!profile_.assistant_last) end_with_user(input.messages);
  notes_ = nullptr;
  StepInput adapted{.chat = chat_ ? *chat_ : input.chat,
                    .messages = copied_ ? std::span<const Message>(messages_) : input.messages,
                    .target = input.target,
                    .offer_tools = input.offer_tools,
                    .now = input.now,
                    .written = tail_ ? nullptr : input.written,
                    .profile = &profile_};
  return adapted;
}

void AdaptedChat::begin(const StepInput& input) {
  profile_ = server_profile(input.target);
  maker_ = state_maker(input.target);
  adapt_tools(input.chat);
  adapt_stops(input.chat);
  if (profile_.one_system) adapt_system(input);
}

void AdaptedChat::own_messages(std::span<const Message> given) {
  if (!std::exchange(copied_, true)) messages_.assign(given.begin(), given.end());
}

ChatRequest& AdaptedChat::own_chat(const ChatRequest& chat) {
  if (!chat_) chat_ = chat;
  return *chat_;
}

void AdaptedChat::adapt_tools(const ChatRequest& chat) {
  SchemaBudget budget;
  for (std::size_t i = 0; i < chat.tools.size(); ++i) {
    const Tool& tool = chat.tools[i];
    if (!tool.definition.empty()) continue;
    if (!fits(profile_.tool_names, tool.name.raw)) {
      auto& name = own_chat(chat).tools[i].name;
      if (renamed_ == nullptr) renamed_ = std::make_shared<RenamedWords>();
      const std::string text = name.text();
      if (change_word(name, profile_.tool_names)) renamed_->tools.emplace(name.raw, text);
    }
    auto schema = adapt_tool_schema(tool.input_schema, profile_, budget);
    if (!schema) continue;
    texts_.push_back(std::move(schema->json));
    own_chat(chat).tools[i].input_schema = JsonSpan{texts_.back()};
    if (schema->properties.empty()) continue;
    if (renamed_ == nullptr) renamed_ = std::make_shared<RenamedWords>();
    for (const auto& [sent, own] : schema->properties) renamed_->sent_properties.emplace(own, sent);
    renamed_->properties.merge(schema->properties);
  }
  if (chat.tool_choice && chat.tool_choice->type == ToolChoiceType::tool && renamed_ != nullptr) {
    change_word(own_chat(chat).tool_choice->tool_name, profile_.tool_names);
  }
  if (profile_.most_tools == 0 || chat.tools.size() <= profile_.most_tools) return;
  own_chat(chat).tools.resize(profile_.most_tools);
  notes_->add(warning_code::tools_dropped,
              "this provider takes " + std::to_string(profile_.most_tools) + " tools; the last " +
                  std::to_string(chat.tools.size() - profile_.most_tools) + " were left out");
}

void AdaptedChat::adapt_stops(const ChatRequest& chat) {
  const auto is_refused = [&](RawString stop) { return !profile_.blank_stops && is_blank(stop); };
  const bool too_many = profile_.most_stops > 0 && chat.stop_sequences.size() > profile_.most_stops;
  if (!too_many && std::ranges::none_of(chat.stop_sequences, is_refused)) return;
  auto& stops = own_chat(chat).stop_sequences;
  std::erase_if(stops, is_refused);
  if (profile_.most_stops > 0) stops.resize(std::min(stops.size(), profile_.most_stops));
  notes_->add(warning_code::parameter_dropped,
              "some of stopSequences were left out: this provider takes " +
                  (too_many ? std::to_string(profile_.most_stops) + " of them" : std::string("none that is blank")));
}

// The request's system text and the messages of that role that come first become one text.
void AdaptedChat::adapt_system(const StepInput& input) {
  std::string all(input.chat.system.raw);
  std::size_t leading = 0;
  for (; leading < input.messages.size() && input.messages[leading].role == Role::system; ++leading) {
    for_each_part<TextPart>(input.messages[leading].parts, [&](const TextPart& part) {
      if (part.text.empty()) return;
      if (!all.empty()) all += "\\n\\n";
      all += part.text.raw;
    });
  }
  if (leading == 0 || (leading == 1 && input.chat.system.empty())) return;
  own_chat(input.chat).system = keep_raw(std::move(all));
  seen_ = leading;
  copied_ = true;
}

// `before`: the input's messages before this one.
void AdaptedChat::add(const Message& message, std::span<const Message> before) {
  if (message.role != Role::tool) push_media();
  auto adapted = changed(message);
  const Message& now = adapted ? *adapted : message;
  const Role* last = nullptr;
  if (copied_ && !messages_.empty()) last = &messages_.back().role;
  if (!copied_ && !before.empty()) last = &before.back().role;
  const bool later_system = profile_.one_system && message.role == Role::system && last != nullptr;
  const bool empty = (!profile_.empty_assistant && says_nothing(now)) || (!profile_.blank_user && is_blank_user(now));
  const bool needs_turn =
      !profile_.user_after_result && (is_plain_user(now) || later_system) && last != nullptr && *last == Role::tool;
  const bool joins = profile_.alternating_roles && last != nullptr && *last == Role::user && is_plain_user(now);
  if (!adapted && !copied_ && !later_system && !empty && !needs_turn && !joins) return;
  own_messages(before);
  if (empty) return;
  Message own = adapted ? std::move(*adapted) : message;
  if (needs_turn) push_turn_between();
  if (later_system) return push_system(std::move(own));
  push(std::move(own));
}

void AdaptedChat::push(Message message) {
  // What an earlier step has sent stays as it was.
  const bool joins = profile_.alternating_roles && messages_.size() > from_ && is_plain_user(message) && ends_plainly();
  if (!joins) return messages_.push_back(std::move(message));
  auto& parts = messages_.back().parts;
  parts.insert(parts.end(), std::make_move_iterator(message.parts.begin()),
               std::make_move_iterator(message.parts.end()));
}

// True if the last message is a plain one of the user. Many may be joined to it, so its parts are looked at once.
bool AdaptedChat::ends_plainly() {
  if (messages_.empty()) return false;
  if (plain_end_ != messages_.size() && is_plain_user(messages_.back())) plain_end_ = messages_.size();
  return plain_end_ == messages_.size();
}

// Between results and a user's turn.
void AdaptedChat::push_turn_between() { messages_.push_back({Role::assistant, {TextPart{keep("Done.")}}}); }

// Media that tools returned, in a user's turn after the results.
void AdaptedChat::push_media() {
  if (returned_.empty()) return;
  push_turn_between();
  Message media{Role::user, {}};
  for (auto& [id, part] : std::exchange(returned_, {})) {
    media.parts.emplace_back(TextPart{keep_raw(returned_by(id))});
    media.parts.emplace_back(std::move(part));
  }
  messages_.push_back(std::move(media));
}

// The model does not go on from its own words.
void AdaptedChat::end_with_user(std::span<const Message> given) {
  if (!copied_ && given.empty()) return;
  const std::span<const Message> all = copied_ ? messages_ : given;
  const Role last = all.empty() ? Role::system : all.back().role;
  if (last != Role::assistant && !(last == Role::system && profile_.one_system)) return;
  // A response that paused goes back as it is.
  const bool paused =
      !all.empty() && !all.back().parts.empty() && std::holds_alternative<ProviderPart>(all.back().parts.back());
  if (paused) return;
  own_messages(given);
  tail_ = true;
  notes_->add(warning_code::user_turn_added,
              "this model does not go on from the assistant's own words: it is asked to continue");
  messages_.push_back({Role::user, {TextPart{keep("Continue.")}}});
}

void AdaptedChat::push_system(Message message) {
  notes_->add(warning_code::system_in_place, "a later system message is sent as user text");
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
    auto part = changed_part(message.parts[i], dropped);
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

std::optional<Part> AdaptedChat::changed_part(const Part& part, bool& dropped) {
  if (const auto* media = std::get_if<MediaPart>(&part)) {
    if (auto text = text_instead(*media, profile_, *notes_)) return Part(TextPart{keep(*text)});
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
  auto& use = ids_[part.tool_call_id.text()];
  if (use.results >= use.calls) use = {};
  changed = change_call_id(part.tool_call_id, ++use.calls) || changed;
  changed = change_name(part.tool_name) || changed;
  if (renamed_ != nullptr && !renamed_->properties.empty()) changed = change_properties(part) || changed;
  // Servers that parse what the model wrote would refuse each later request. A custom tool's input is text.
  if (!part.input_text.empty() && !part.provider_state.raw.contains("custom") && part.input_text.raw != "{}" &&
      !is_json_object(part.input_text)) {
    part.input_text = {};
    changed = true;
  }
  return changed;
}

bool AdaptedChat::change(ToolResultPart& part) {
  auto& use = ids_[part.tool_call_id.text()];
  bool changed = change_call_id(part.tool_call_id, std::min(++use.results, use.calls));
  changed = change_name(part.tool_name) || changed;
  if (part.output == nullptr) return changed;
  auto output = changed_output(part);
  if (output == nullptr) return changed;
  part.output = std::move(output);
  return true;
}

// nullptr: it is fine as it is.
std::shared_ptr<const ToolOutput> AdaptedChat::changed_output(const ToolResultPart& result) {
  const ToolOutput& output = *result.output;
  if (!profile_.mute_errors && is_error(output) && output.value.is_string() && is_blank(output.value.as_string())) {
    auto own = std::make_shared<ToolOutput>(output);
    texts_.emplace_back(R"("The tool failed and gave no message.")");
    own->value = JsonSpan{texts_.back()};
    return own;
  }
  std::shared_ptr<ToolOutput> own;
  for (std::size_t i = 0; i < output.parts.size(); ++i) {
    bool dropped = false;  // results hold text and media only
    auto part = changed_part(output.parts[i], dropped);
    if (!part) continue;
    if (own == nullptr) own = std::make_shared<ToolOutput>(output);
    own->parts[i] = std::move(*part);
  }
  if (profile_.user_after_result) return own;
  const auto& parts = own == nullptr ? output.parts : own->parts;
  if (!has_part<MediaPart>(parts)) return own;
  if (own == nullptr) own = std::make_shared<ToolOutput>(output);
  for_each_part<MediaPart>(own->parts,
                           [&](const MediaPart& media) { returned_.emplace_back(result.tool_call_id, media); });
  std::erase_if(own->parts, [](const Part& part) { return std::holds_alternative<MediaPart>(part); });
  return own;
}

// A state of another maker is nothing to this server; its own is given back without its maker's name.
bool AdaptedChat::change_state(RawString& state) {
  if (state.empty()) return false;
  const bool rewritten = !is_plainly_escaped(state.raw);
  if (rewritten) state = keep(state.text());
  const MadeState made = split_maker(state.raw);
  if (made.maker.empty()) return rewritten;
  state.raw = is_same_maker(made.maker, maker_) ? made.state : std::string_view();
  return true;
}

bool AdaptedChat::change_word(RawString& word, const WordRule& rule) {
  if (word.empty() || fits(rule, word.raw)) return false;
  const std::string text = word.text();
  if (fits(rule, text)) return false;  // it only looked longer, for its escapes
  word = keep(fitted(rule, text));
  return true;
}

// The model sees its own calls with the names that its tools' schemas have.
bool AdaptedChat::change_properties(ToolCallPart& part) {
  auto input = with_renamed_keys(part.input.json, renamed_->sent_properties);
  if (!input) return false;
  texts_.push_back(std::move(*input));
  part.input = JsonSpan{texts_.back()};
  part.input_text = {};
  return true;
}

// `use`: how many calls of that id wait for their results, this one included.
bool AdaptedChat::change_call_id(RawString& id, std::size_t use) {
  if (profile_.unique_call_ids && use > 1) {
    id = keep(fitted(profile_.call_ids, id.text() + "_" + std::to_string(use)));
    return true;
  }
  return change_word(id, profile_.call_ids);
}

bool AdaptedChat::change_name(RawString& name) {
  if (!change_word(name, profile_.tool_names)) return false;
  if (renamed_ != nullptr && renamed_->tools.contains(name.raw)) return true;  // the request's own, known both ways
  notes_->add(warning_code::tool_name_changed, "a tool name of the history has characters that this API does not take");
  return true;
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
