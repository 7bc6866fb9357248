#include "worker/providers/anthropic_messages/messages.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/anthropic_messages/media.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw::anthropic_messages {
namespace {

constexpr std::size_t kTurnsAtOnce = 256;

// Time up to the seconds: "2026-04-24T11:19:44", which sorts as text.
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

bool can_send(const MediaPart& media, RequestNotes& notes) {
  if (media_form(media) != MediaForm::unsupported) return true;
  notes.add(warning_code::media_dropped,
            "this provider takes images, PDF documents and text files; other media was left out");
  return false;
}

enum class TextForm { plain, system_tags, prefill };

class BlockWriter {
 public:
  // `marks_to_skip` is the number of cache marks to leave out; it is counted down.
  BlockWriter(BodyWriter& json, RequestNotes& notes, std::size_t& marks_to_skip)
      : json_(json), notes_(notes), marks_to_skip_(marks_to_skip) {}

  void part(const Part& part, const State* state, TextForm form) {
    if (state != nullptr && !state->block.empty()) {
      json_.copy(state->block);
    } else if (const auto* text = std::get_if<TextPart>(&part)) {
      text_part(*text, state, form);
    } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
      thinking(*reasoning, *state);
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      media_part(*media, state);
    } else if (const auto* call = std::get_if<ToolCallPart>(&part)) {
      tool_call(*call, state);
    } else if (const auto* result = std::get_if<ToolResultPart>(&part)) {
      tool_result(*result);
    }
  }

  void text(RawString text, CacheMark cache = CacheMark::none) {
    begin_text().raw(text);
    end_block(cache);
  }
  void text_copy(std::string_view text) { begin_text().string(text).end_object(); }

 private:
  BodyWriter& begin_text() { return json_.begin_object().field("type", "text").key("text"); }

  void end_block(CacheMark cache) {
    if (cache != CacheMark::none && marks_to_skip_ > 0) {
      --marks_to_skip_;
    } else {
      write_cache_control(json_, cache);
    }
    json_.end_object();
  }

  void member(std::string_view name, std::string_view json) {
    if (!json.empty()) json_.key(name).copy(json);
  }

  void text_part(const TextPart& part, const State* state, TextForm form) {
    begin_text();
    switch (form) {
      case TextForm::plain: json_.raw(part.text); break;
      case TextForm::system_tags: write_system_text(json_, part.text); break;
      case TextForm::prefill: write_prefill(json_, part.text); break;
    }
    if (state != nullptr) member("citations", state->citations);
    end_block(part.cache);
  }

  void thinking(const ReasoningPart& part, const State& state) {
    json_.begin_object().field("type", "thinking").field("thinking", part.text);
    member("signature", state.signature);
    json_.end_object();
  }

  void media_part(const MediaPart& media, const State* state) {
    begin_media_block(json_, media);
    if (state != nullptr && media_form(media) != MediaForm::image) {
      member("context", state->context);
      member("citations", state->citations);
    }
    end_block(media.cache);
  }

  void tool_call(const ToolCallPart& call, const State* state) {
    const bool is_object = call.input.is_object();
    if (!is_object)
      notes_.add(warning_code::tool_input_replaced, "a tool call's input was not an object and is sent as {}");
    json_.begin_object().field("type", "tool_use").field("id", call.tool_call_id).field("name", call.tool_name);
    json_.field("input", is_object ? call.input : JsonSpan{"{}"});
    if (state != nullptr) member("caller", state->caller);
    end_block(call.cache);
  }

  void tool_result(const ToolResultPart& result) {
    json_.begin_object().field("type", "tool_result").field("tool_use_id", result.tool_call_id);
    if (result.output) {
      content(*result.output);
      if (is_error(*result.output)) json_.field("is_error", true);
    }
    end_block(result.cache);
  }

  // Writes no member if there are no blocks.
  void content(const ToolOutput& output) {
    bool open = false;
    const auto next = [&] {
      if (!std::exchange(open, true)) json_.key("content").begin_array();
    };
    const auto add_text = [&](RawString words) {
      if (is_blank(words)) return;
      next();
      text(words);
    };
    const bool is_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
    if (is_text && output.value.is_string()) {
      add_text(output.value.as_string());
    } else if (output.type != ToolOutputType::content) {
      next();
      text_copy(output.value.json);
    }
    for (const Part& part : output.parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) add_text(text->text);
      if (const auto* own = std::get_if<ProviderPart>(&part)) {
        const State state = read_state(own->provider_state, states_);
        if (state.block.empty()) continue;
        next();
        json_.copy(state.block);
      }
      const auto* media = std::get_if<MediaPart>(&part);
      if (media == nullptr || !can_send(*media, notes_)) continue;
      next();
      const State state = read_state(media->provider_state, states_);
      media_part(*media, &state);
    }
    if (open) json_.end_array();
  }

  BodyWriter& json_;
  RequestNotes& notes_;
  std::size_t& marks_to_skip_;
  StateReader states_;
};

}  // namespace

Conversation::Conversation(std::span<const Message> messages, bool system_turns, bool unsigned_thinking,
                           RequestNotes& notes, WrittenHistory& written)
    : messages_(messages),
      system_turns_(system_turns),
      unsigned_thinking_(unsigned_thinking),
      notes_(notes),
      written_(written),
      leading_system_(count_leading_system(messages)) {}

std::expected<void, Error> Conversation::plan() {
  const std::size_t first = std::max(leading_system_, written_.messages);
  // The number of marks to leave out is known only after all messages.
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

Conversation::Turn& Conversation::turn(Role role) {
  if (role == Role::user && !turns_.empty() && turns_.back().role == Role::system) demote_system_turn();
  if (turns_.empty() || turns_.back().role != role) turns_.push_back({role, {}, {}, message_, !message_has_turn_});
  message_has_turn_ = true;
  return turns_.back();
}

// Moves a system turn of text into the user turn before it, because a user turn must not follow a system turn. A turn
// with the API's own blocks stays, because user turns have none of them.
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
  if (system_turns_ && !turns_.empty() && turns_.back().role != Role::assistant) {
    turn(Role::system).others.push_back(item);
    return;
  }
  notes_.add(warning_code::system_in_place, "a later system message is sent as user text");
  item.system = true;
  turn(Role::user).others.push_back(item);
}

const State* Conversation::keep_state(RawString state) {
  return state.empty() ? nullptr : &states_.emplace_back(read_state(state, state_reader_));
}

void Conversation::plan_message(const Message& message) {
  for (const Part& part : message.parts) {
    if (std::holds_alternative<ToolResultPart>(part)) {
      turn(Role::user).results.push_back({&part});
    } else if (message.role == Role::assistant) {
      plan_assistant_part(part);
    } else {
      plan_user_part(part, message.role == Role::system);
    }
  }
}

void Conversation::plan_user_part(const Part& part, bool system) {
  if (const auto* text = std::get_if<TextPart>(&part)) {
    if (is_blank(text->text)) return;
    if (system) return plan_system_text({&part});
    turn(Role::user).others.push_back({&part});
  } else if (const auto* media = std::get_if<MediaPart>(&part)) {
    if (can_send(*media, notes_)) turn(Role::user).others.push_back({&part, keep_state(media->provider_state)});
  } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
    plan_own_block({&part, keep_state(own->provider_state)}, system ? Role::system : Role::user);
  } else {
    notes_.add(warning_code::part_dropped, "a part that only an assistant message may have was left out");
  }
}

void Conversation::plan_own_block(Item item, Role role) {
  if (item.state != nullptr && !item.state->block.empty()) return turn(role).others.push_back(item);
  if (item.state != nullptr && !item.state->container_id.empty()) {
    container_ = item.state;
  } else if (item.state == nullptr || !item.state->informs) {
    notes_.add(warning_code::provider_part_dropped, "a part of another provider was left out");
  }
}

void Conversation::plan_assistant_part(const Part& part) {
  const auto keep = [&](const State* state) { turn(Role::assistant).others.push_back({&part, state}); };
  if (const auto* text = std::get_if<TextPart>(&part)) {
    if (!is_blank(text->text)) keep(keep_state(text->provider_state));
  } else if (const auto* call = std::get_if<ToolCallPart>(&part)) {
    keep(keep_state(call->provider_state));
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
    const State* const state = keep_state(reasoning->provider_state);
    if (state != nullptr && can_replay(*state)) return keep(state);
    notes_.add(warning_code::reasoning_dropped, "reasoning that this provider has not signed was left out");
  } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
    plan_own_block({&part, keep_state(own->provider_state)}, Role::assistant);
  } else {
    notes_.add(warning_code::part_dropped, "media of an assistant message was left out");
  }
}

// Claude's API refuses thinking without its own signature.
bool Conversation::can_replay(const State& thinking) const {
  return thinking.is_signed() || (unsigned_thinking_ && !thinking.signature.empty()) || !thinking.block.empty();
}

// docs.claude.com, "Extended thinking with tool use": the assistant's turn before the last results must begin with
// thinking. A turn that the model must continue must begin with thinking too.
bool Conversation::excludes_thinking_budget() const {
  const Turn* calls = nullptr;
  if (!turns_.empty() && turns_.back().role == Role::assistant) calls = &turns_.back();
  if (turns_.size() > 1 && !turns_.back().results.empty()) calls = &turns_[turns_.size() - 2];
  if (calls == nullptr || calls->role != Role::assistant || calls->others.empty()) return false;
  const Item& first = calls->others.front();
  const bool redacted = first.state != nullptr && first.state->block.contains(R"("redacted_thinking")");
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

void Conversation::write_system(BodyWriter& json, RawString system, std::string_view instruction) {
  BlockWriter blocks(json, notes_, marks_to_skip_);
  bool open = false;
  const auto next = [&] {
    if (!std::exchange(open, true)) json.key("system").begin_array();
  };
  const auto write = [&](RawString text, CacheMark cache) {
    if (is_blank(text)) return;
    next();
    blocks.text(text, cache);
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
  if (!instruction.empty()) {
    next();
    blocks.text_copy(instruction);
  }
  if (open) json.end_array();
}

// Writes the turns before the last assistant turn, which later messages cannot change. Later messages can extend a user
// turn, and can merge a system turn into the user turn before it.
void Conversation::write_ahead() {
  const auto may_begin_rest = [](const Turn& turn) { return turn.role == Role::assistant && turn.begins_message; };
  const auto found = std::ranges::find_if(turns_.rbegin(), turns_.rend(), may_begin_rest);
  // All messages must be read to find the container of code execution.
  if (found == turns_.rend() || container_ != nullptr) return;
  const auto rest = static_cast<std::size_t>(turns_.rend() - found) - 1;
  if (rest == 0) return;
  Rope block;
  write_turns(block, rest);
  for (const Turn& turn : std::span(turns_).first(rest)) written_.cache_marks += marks_in(turn);
  written_.messages = turns_[rest].message;
  written_.blocks.push_back(std::make_shared<const Rope>(std::move(block)));
  turns_.erase(turns_.begin(), turns_.begin() + static_cast<std::ptrdiff_t>(rest));
}

// Writes the first `count` turns, which follow the turns written already.
void Conversation::write_turns(Rope& body, std::size_t count) {
  BodyWriter json(body, !written_.blocks.empty());
  BlockWriter blocks(json, notes_, marks_to_skip_);
  const auto begin = [&](RawString role) { json.begin_object().field("role", role).key("content").begin_array(); };
  if (written_.blocks.empty() && turns_.front().role != Role::user) {
    notes_.add(warning_code::user_turn_added, "the conversation began with the assistant");
    begin({"user"});
    blocks.text_copy(".");
    json.end_array().end_object();
  }
  for (const Turn& turn : std::span(turns_).first(count)) {
    begin({turn.role == Role::user ? "user" : turn.role == Role::assistant ? "assistant" : "system"});
    const bool is_prefilled = turn.role == Role::assistant && &turn == &turns_.back();
    for (const auto* items : {&turn.results, &turn.others}) {
      for (const Item& item : *items) {
        const bool is_prefill = is_prefilled && &item == &items->back();
        const auto other = is_prefill ? TextForm::prefill : TextForm::plain;
        blocks.part(*item.part, item.state, item.system ? TextForm::system_tags : other);
      }
    }
    json.end_array().end_object();
  }
}

void Conversation::write_messages(BodyWriter& json) {
  marks_to_skip_ -= std::min(marks_to_skip_, written_.cache_marks);
  write_ahead();
  json.key("messages").begin_array();
  for (const auto& block : written_.blocks) json.out().share(block);
  write_turns(json.out(), turns_.size());
  json.end_array();
}

}  // namespace aiw::anthropic_messages
