#include "worker/providers/openai_chat/tool_calls.hpp"

#include "worker/providers/openai_chat/state.hpp"

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

bool ToolCallAssembler::add(const ToolCallFragment& fragment, bool repaired, int& next_part, StepSink& sink) {
  Call* found = find(fragment);
  if (found == nullptr && calls_.size() == kMaxCalls) return false;
  Call& call = found != nullptr ? *found : begin(fragment, next_part);
  if (call.id.empty() && !fragment.id.empty()) {
    call.id = fragment.id;
    by_id_.emplace(call.id, static_cast<std::size_t>(&call - calls_.data()));
  }
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
    if (!call.extra_content.empty()) {
      sink.provider_state(call.part, make_openai_chat_state("extra_content", call.extra_content));
    }
    if (call.arguments.empty()) call.arguments = "{}";
    sink.tool_call(call.part, {id_of(call), std::move(call.name), std::move(call.arguments), false});
  }
}

ToolCallAssembler::Call& ToolCallAssembler::begin(const ToolCallFragment& fragment, int& next_part) {
  if (fragment.index) latest_by_index_[*fragment.index] = calls_.size();
  calls_.emplace_back().part = next_part++;
  return calls_.back();
}

// OpenAI numbers calls by `index` and gives the id once. Others leave the index out (Gemini), give every call index 0
// (Ollama), repeat the id under another index, or send a tail under an index that never began.
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
  if (!fragment.id.empty() && !call.id.empty()) return fragment.id != call.id;
  return fragment.id.empty() && !fragment.name.empty() && call.end.closed() && !fragment.arguments.empty();
}

void ToolCallAssembler::forward(Call& call, std::string_view text, StepSink& sink) {
  if (text.empty()) return;
  if (call.arguments.empty()) sink.tool_input_began(call.part, id_of(call), call.name);
  call.arguments += text;
  call.end.add(text);
  sink.delta(call.part, ContentKind::tool_input, text, id_of(call));
}

// An id is made when the first delta needs it; one that comes later than that is of no use.
const std::string& ToolCallAssembler::id_of(Call& call) {
  if (call.id.empty()) call.id = "call_" + std::to_string(&call - calls_.data());
  return call.id;
}

}  // namespace aiw
