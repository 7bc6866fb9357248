#include "worker/providers/codec/tool_call_assembler.hpp"

#include <algorithm>

#include "protocol/json_text.hpp"
#include "worker/base/white_space.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/codec/provider_state.hpp"

namespace aiw {

void JsonEndFinder::add(std::string_view text) {
  for (const char c : text) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      opened_ = true;
      ++depth_;
    } else if ((c == '}' || c == ']') && depth_ > 0) {
      --depth_;
    }
  }
}

bool ToolCallAssembler::add(const EventJson& json, std::optional<std::int64_t> index, const JsonElement& call,
                            const JsonElement& function, int& next_part, StepSink& sink) {
  const std::string id = read_call_id(json, call, "id"), name = read_tool_name(json, function);
  ToolCallFragment fragment{index, id, name, {}, {}};
  auto arguments = get_member(function, "arguments");
  if (const auto input = get_member(function, "input"); input && !arguments) {
    arguments = input;
    fragment.is_custom = true;
  }
  // Some servers send the arguments as an object.
  const bool is_text = !arguments || arguments->is_string();
  const std::string as_json = is_text ? std::string() : json.json_text(*arguments);
  fragment.arguments = is_text ? as_string(arguments) : std::string_view(as_json);
  // Gemini's OpenAI-compatible endpoint: google.thought_signature must be sent back with the call.
  const auto content = get_member(call, "extra_content");
  const std::string extra = content ? json.json_text(*content) : std::string();
  fragment.extra_content = extra;
  if (id.empty() && name.empty() && fragment.arguments.empty()) return true;
  return add(fragment, is_text && json.repaired(), next_part, sink);
}

bool ToolCallAssembler::add(const ToolCallFragment& fragment, bool repaired, int& next_part, StepSink& sink) {
  Call* found = find(fragment);
  // A call that is repeated as a whole is one call.
  if (found != nullptr && found->end.closed() && !found->is_custom && found->arguments == fragment.arguments)
    return true;
  if (found != nullptr && begins_another(*found, fragment)) found = nullptr;
  if (found == nullptr && calls_.size() == kMaxCalls) return false;
  Call& call = found != nullptr ? *found : begin(fragment, next_part);
  if (call.id.empty() && !fragment.id.empty()) {
    call.id = fragment.id;
    by_id_.insert_or_assign(call.id, static_cast<std::size_t>(&call - calls_.data()));
  }
  call.is_custom = call.is_custom || fragment.is_custom;
  if (call.name.empty()) call.name = fragment.name;
  if (!fragment.extra_content.empty()) call.extra_content = fragment.extra_content;
  forward(call, call.joiner.add(fragment.arguments, repaired), sink);
  return true;
}

void ToolCallAssembler::finish(bool cut_short, StepSink& sink) {
  for (Call& call : calls_) {
    forward(call, call.joiner.flush(), sink);
    if (call.name.empty() && call.arguments.empty()) continue;
    if (cut_short && !call.end.closed()) continue;
    if (call.is_custom) finish_custom(call, sink);
    if (!call.extra_content.empty()) {
      sink.provider_state(call.part, make_state(state_tag_, "extra_content", call.extra_content));
    }
    sink.tool_call(call.part,
                   {id_of(call), std::move(call.name), complete_arguments(std::move(call.arguments)), false});
  }
}

// The input of a custom call is text. It is reported as a JSON string.
void ToolCallAssembler::finish_custom(Call& call, StepSink& sink) {
  if (!call.arguments.empty()) sink.delta(call.part, ContentKind::tool_input, "\"", id_of(call));
  std::string text;
  append_json_string(text, call.arguments);
  call.arguments = std::move(text);
  sink.provider_state(call.part, make_state(state_tag_, "type", "\"custom\""));
}

bool ToolCallAssembler::all_closed() const {
  return std::ranges::all_of(calls_, [](const Call& call) { return call.is_custom || call.end.closed(); });
}

ToolCallAssembler::Call& ToolCallAssembler::begin(const ToolCallFragment& fragment, int& next_part) {
  if (fragment.index) latest_by_index_[*fragment.index] = calls_.size();
  calls_.emplace_back().part = next_part++;
  return calls_.back();
}

// OpenAI numbers calls by `index` and sends the id once. Other servers leave out the index (Gemini), send index 0 for
// every call (Ollama), repeat the id under another index, or send a tail under an index that never began.
ToolCallAssembler::Call* ToolCallAssembler::find(const ToolCallFragment& fragment) {
  if (calls_.empty()) return nullptr;
  Call* by_index = nullptr;
  if (fragment.index) {
    const auto position = latest_by_index_.find(*fragment.index);
    if (position != latest_by_index_.end()) by_index = &calls_[position->second];
  }
  if (by_index != nullptr && !begins_another(*by_index, fragment)) return by_index;
  if (!fragment.id.empty()) {
    const auto same = by_id_.find(std::string(fragment.id));
    return same == by_id_.end() ? nullptr : &calls_[same->second];
  }
  if (by_index != nullptr) return nullptr;
  Call& last = calls_.back();
  if (fragment.name.empty()) return &last;
  return !fragment.index && fragment.name == last.name && !last.end.closed() ? &last : nullptr;
}

bool ToolCallAssembler::begins_another(const Call& call, const ToolCallFragment& fragment) {
  if (!fragment.id.empty() && !call.id.empty() && fragment.id != call.id) return true;
  if (call.is_custom || fragment.name.empty() || !call.end.closed() || fragment.arguments.empty()) return false;
  return fragment.id.empty() || trim(fragment.arguments).starts_with('{');
}

void ToolCallAssembler::forward(Call& call, std::string_view text, StepSink& sink) {
  if (text.empty()) return;
  const bool begins = call.arguments.empty();
  if (begins) sink.tool_input_began(call.part, id_of(call), call.name);
  call.arguments += text;
  call.end.add(text);
  if (call.is_custom) {
    std::string escaped = begins ? "\"" : "";
    append_json_escaped(escaped, text);
    return sink.delta(call.part, ContentKind::tool_input, escaped, id_of(call));
  }
  sink.delta(call.part, ContentKind::tool_input, text, id_of(call));
}

// The id is made when the first delta needs it. An id that the wire sends later is ignored.
const std::string& ToolCallAssembler::id_of(Call& call) {
  if (call.id.empty()) call.id = "call_" + std::to_string(&call - calls_.data());
  return call.id;
}

}  // namespace aiw
