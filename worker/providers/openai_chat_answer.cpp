#include "worker/providers/openai_chat_answer.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/providers/http_error.hpp"
#include "worker/providers/openai_chat_state.hpp"
#include "worker/providers/openai_chat_usage.hpp"

namespace aiw {

void ReasoningDetails::add(const JsonElement& details) {
  simdjson::dom::array list;
  if (details.get(list) != simdjson::SUCCESS) return;
  for (const JsonElement detail : list) {
    simdjson::dom::object members;
    if (detail.get(members) != simdjson::SUCCESS) continue;
    Block& block = find_or_begin(detail);
    const bool first = block.members.empty();
    for (const auto [key, value] : members) {
      std::string_view text;
      if (key == "text" || key == "summary" || key == "data") {
        if (value.get(text) == simdjson::SUCCESS) block.text += text;
      } else if (key == "signature") {
        if (value.get(text) == simdjson::SUCCESS && !text.empty()) block.signature = text;
      } else if (first) {
        append_json_string(block.members, key);
        block.members += ":" + to_json(value) + ",";
      }
    }
  }
}

ReasoningDetails::Block& ReasoningDetails::find_or_begin(const JsonElement& detail) {
  const auto type = get_string_or_empty(detail, "type");
  const auto index = get_count(detail, "index");
  // Chunks of one block follow one another; an encrypted block comes whole.
  const bool continues =
      !blocks_.empty() && blocks_.back().type == type && blocks_.back().index == index && type != "reasoning.encrypted";
  if (!continues) blocks_.push_back({std::string(type), index, {}, {}, {}});
  return blocks_.back();
}

std::string ReasoningDetails::to_json_array() const {
  const auto needed = [](const Block& b) { return !b.signature.empty() || b.type == "reasoning.encrypted"; };
  if (std::ranges::none_of(blocks_, needed)) return {};
  std::string out;
  for (const Block& block : blocks_) {
    out += out.empty() ? "[{" : ",{";
    out += block.members;
    const auto dot = std::min(block.type.rfind('.'), block.type.size());
    const auto kind = std::string_view(block.type).substr(dot);
    out += kind == ".encrypted" ? "\"data\":" : kind == ".summary" ? "\"summary\":" : "\"text\":";
    append_json_string(out, block.text);
    if (!block.signature.empty()) {
      out += ",\"signature\":";
      append_json_string(out, block.signature);
    }
    out += '}';
  }
  return out + "]";
}

void OpenAiChatAnswer::add(const EventJson& json, const JsonElement& root, bool error_event, StepSink& sink) {
  json_ = &json;
  simdjson::dom::object members;
  if (root.get(members) != simdjson::SUCCESS) {
    if (root.is_null()) return;
    return fail(upstream_fault("bad_event", "a chunk is no JSON object", true), sink);
  }
  JsonElement error;
  simdjson::dom::array choices;
  bool has_error = false;
  std::optional<JsonElement> usage;
  for (const auto [key, value] : members) {
    if (key == "choices") {
      if (value.get(choices) != simdjson::SUCCESS) continue;
      for (const JsonElement choice : choices) {
        if (!ended_) add_choice(choice, sink);
      }
    } else if (key == "error") {
      has_error = !value.is_null();
      error = value;
    } else if (key == "usage" && value.is_object()) {
      usage = value;
    } else if (key == "x_groq" && !usage) {
      usage = get_member(value, "usage");
    }
  }
  if (ended_) return;
  if (usage) add_usage(*usage, sink);
  if (has_error) return fail(in_stream_error(json, error), sink);
  if (error_event) fail(in_stream_error(json, root), sink);
}

void OpenAiChatAnswer::add_choice(const JsonElement& choice, StepSink& sink) {
  simdjson::dom::object members;
  if (choice.get(members) != simdjson::SUCCESS) return;
  std::optional<JsonElement> message, error;
  std::string_view finish;
  for (const auto [key, value] : members) {
    if (key == "index") {
      if (as_count(value).value_or(0) != 0) return;
    } else if (key == "delta" || key == "message") {
      if (value.is_object() && (!message || key == content_key_)) message = value;
    } else if (key == "finish_reason") {
      if (value.get(finish) != simdjson::SUCCESS) finish = {};
    } else if (key == "error" && !value.is_null()) {
      error = value;
    }
  }
  has_choice_ = true;
  if (message) add_message(*message, sink);
  if (ended_) return;
  if (error) return fail(in_stream_error(*json_, *error), sink);
  if (finish_raw_.empty() && !finish.empty()) finish_raw_ = bounded_message(json_->plain_text(finish), 256);
}

void OpenAiChatAnswer::add_message(const JsonElement& message, StepSink& sink) {
  simdjson::dom::object members;
  if (message.get(members) != simdjson::SUCCESS) return;
  // Reasoning precedes what it led to, whatever the order of the members.
  std::optional<JsonElement> content, refusal, tool_calls, function_call, reasoning, reasoning_content;
  for (const auto [key, value] : members) {
    if (value.is_null()) continue;
    if (key == "content") {
      content = value;
    } else if (key == "reasoning_content") {
      reasoning_content = value;
    } else if (key == "reasoning") {
      reasoning = value;
    } else if (key == "reasoning_details") {
      details_.add(value);
    } else if (key == "refusal") {
      refusal = value;
    } else if (key == "tool_calls") {
      tool_calls = value;
    } else if (key == "function_call") {
      function_call = value;
    }
  }
  has_reasoning_content_ = has_reasoning_content_ || reasoning_content;
  if (reasoning_content || reasoning) {
    add_string(ContentKind::reasoning, reasoning_content ? *reasoning_content : *reasoning, sink);
  }
  if (content) add_content(*content, sink);
  if (refusal) add_string(ContentKind::refusal, *refusal, sink);
  if (tool_calls) add_tool_calls(*tool_calls, sink);
  if (function_call && !ended_) add_function(*function_call, *function_call, sink);
}

void OpenAiChatAnswer::add_content(const JsonElement& content, StepSink& sink) {
  simdjson::dom::array parts;
  if (content.get(parts) != simdjson::SUCCESS) return add_string(ContentKind::text, content, sink);
  for (const JsonElement part : parts) add_content_part(part, sink);
}

// Mistral: content is an array once the model thinks, of {type: text, text} and {type: thinking, thinking: [text…]}.
void OpenAiChatAnswer::add_content_part(const JsonElement& part, StepSink& sink) {
  const auto type = get_string_or_empty(part, "type");
  if (type == "text" || type == "output_text") {
    add_text(ContentKind::text, get_string_or_empty(part, "text"), sink);
  } else if (type == "refusal") {
    add_text(ContentKind::refusal, get_string_or_empty(part, "refusal"), sink);
  } else if (type == "thinking") {
    if (const auto text = get_string(part, "thinking")) add_text(ContentKind::reasoning, *text, sink);
    const auto thoughts = get_array(part, "thinking");
    if (!thoughts) return;
    for (const JsonElement thought : *thoughts) {
      add_text(ContentKind::reasoning, get_string_or_empty(thought, "text"), sink);
    }
  }
}

void OpenAiChatAnswer::add_tool_calls(const JsonElement& calls, StepSink& sink) {
  simdjson::dom::array list;
  if (calls.get(list) != simdjson::SUCCESS) return;
  for (const JsonElement call : list) {
    const auto function = get_member(call, "function");
    if (function && !ended_) add_function(call, *function, sink);
  }
}

void OpenAiChatAnswer::add_function(const JsonElement& call, const JsonElement& function, StepSink& sink) {
  const std::string id = json_->plain_text(get_string_or_empty(call, "id"));
  const std::string name = json_->plain_text(get_string_or_empty(function, "name"));
  ToolCallFragment fragment{get_count(call, "index"), id, name, {}, {}};
  std::string as_object, extra;
  const auto arguments = get_member(function, "arguments");
  if (arguments && arguments->get(fragment.arguments) != simdjson::SUCCESS) {
    as_object = to_json(*arguments);
    fragment.arguments = as_object;
  }
  // Gemini's OpenAI-compatible endpoint: google.thought_signature must go back with the call.
  if (const auto content = get_member(call, "extra_content")) {
    extra = to_json(*content);
    fragment.extra_content = extra;
  }
  if (id.empty() && name.empty() && fragment.arguments.empty()) return;
  if (calls_.add(fragment, json_->repaired(), next_part_, sink)) return;
  fail(upstream_fault("too_many_tool_calls", "the answer has too many tool calls", false), sink);
}

void OpenAiChatAnswer::add_string(ContentKind kind, const JsonElement& value, StepSink& sink) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) add_text(kind, text, sink);
}

void OpenAiChatAnswer::add_text(ContentKind kind, std::string_view text, StepSink& sink) {
  emit(kind, channel(kind).joiner.add(text, json_->repaired()), sink);
}

void OpenAiChatAnswer::emit(ContentKind kind, std::string_view text, StepSink& sink) {
  if (text.empty()) return;
  int& part = channel(kind).part;
  if (part < 0) part = next_part_++;
  sink.delta(part, kind, text, {});
}

void OpenAiChatAnswer::add_usage(const JsonElement& usage, StepSink& sink) {
  const Usage counts = read_openai_chat_usage(usage);
  if (!counts.empty()) sink.usage(counts);
}

void OpenAiChatAnswer::flush(StepSink& sink) {
  for (const auto kind : {ContentKind::reasoning, ContentKind::text, ContentKind::refusal}) {
    emit(kind, channel(kind).joiner.flush(), sink);
  }
}

void OpenAiChatAnswer::report_reasoning_state(StepSink& sink) {
  const std::string details = details_.to_json_array();
  int& part = channel(ContentKind::reasoning).part;
  if (!details.empty()) {
    if (part < 0) part = next_part_++;
    sink.provider_state(part, make_openai_chat_state("reasoning_details", details));
  } else if (part >= 0 && has_reasoning_content_) {
    // DeepSeek wants the text back under this name while tools are called; the part holds the text itself.
    sink.provider_state(part, make_openai_chat_state("field", "\"reasoning_content\""));
  }
}

void OpenAiChatAnswer::finish(StepSink& sink) {
  if (std::exchange(ended_, true)) return;
  flush(sink);
  report_reasoning_state(sink);
  if (finish_raw_ == "error") {
    return sink.fail(in_stream_error("error", "the provider ended its answer with finish_reason error"));
  }
  const FinishReason reason = finish_reason();
  calls_.finish(reason == FinishReason::length || reason == FinishReason::content_filter, sink);
  if (finish_raw_.empty()) sink.warning("missing_finish_reason", "the answer ended without a finish reason");
  sink.finish(reason, finish_raw_);
}

void OpenAiChatAnswer::fail(Error error, StepSink& sink) {
  if (std::exchange(ended_, true)) return;
  flush(sink);
  sink.fail(std::move(error));
}

FinishReason OpenAiChatAnswer::finish_reason() const {
  const std::string_view raw = finish_raw_;
  if (raw == "stop" || raw == "end_turn" || raw == "eos") {
    if (!calls_.empty()) return FinishReason::tool_calls;  // Ollama, and OpenAI with a forced function
    const bool refused = channels_[static_cast<std::size_t>(ContentKind::refusal)].part >= 0;
    return refused ? FinishReason::refusal : FinishReason::stop;
  }
  if (raw == "length" || raw == "max_tokens" || raw == "model_length") return FinishReason::length;
  if (raw == "tool_calls" || raw == "function_call" || raw == "tool_use") return FinishReason::tool_calls;
  if (raw == "content_filter" || raw == "safety") return FinishReason::content_filter;
  if (raw == "refusal") return FinishReason::refusal;
  return FinishReason::other;
}

}  // namespace aiw
