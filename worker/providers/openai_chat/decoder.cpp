#include "worker/providers/openai_chat/decoder.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/logprobs_writer.hpp"
#include "worker/providers/openai_chat/state.hpp"
#include "worker/providers/openai_chat/usage.hpp"

namespace aiw::openai_chat {
void Decoder::add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) {
  json_ = &json;
  std::optional<JsonElement> choices, error, usage, groq, citations, results;
  read_members(root, {{"choices", choices},
                      {"error", error},
                      {"usage", usage},
                      {"x_groq", groq},
                      {"citations", citations},
                      {"search_results", results}});
  if (citations) citations_.add_urls(json, *citations);
  if (results) citations_.add_results(json, *results);
  for (const JsonElement choice : elements_of(choices)) {
    if (!ended_) add_choice(choice, sink);
  }
  if (ended_) return;
  if (!usage && groq) usage = get_member(*groq, "usage");
  if (usage) usage_.add(read_usage(*usage), sink);
  if (error && reports_error(*error)) return fail(in_stream_error(json, *error), sink);
  if (type == "error") fail(in_stream_error(json, root), sink);
}

void Decoder::add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
  is_body_ = true;
  add_event(json, root, {}, sink);
  if (!ended_) done(sink);
}

void Decoder::done(StepSink& sink) {
  if (has_content() || !finish_raw_.empty()) return finish(sink);
  const auto* const what =
      has_choice_ ? "the answer ended with neither content nor a finish reason" : "the answer ended without a choice";
  fail(error_code::bad_response, what, false, sink);
}

void Decoder::end_of_stream(StepSink& sink) {
  if (finish_raw_.empty()) return fail_truncated(sink);
  sink.warning(warning_code::missing_done, "the stream ended without [DONE]");
  finish(sink);
}

void Decoder::add_choice(const JsonElement& choice, StepSink& sink) {
  std::optional<JsonElement> index, message, delta, finish, native_finish, error, logprobs, usage, text;
  // In the order of their frequency.
  read_members(choice, {{"index", index},
                        {"delta", delta},
                        {"text", text},  // legacy completions; Together sends it beside `delta`
                        {"finish_reason", finish},
                        {"logprobs", logprobs},
                        {"message", message},
                        {"native_finish_reason", native_finish},  // OpenRouter
                        {"error", error},
                        {"usage", usage}});  // Moonshot
  if (as_count(index).value_or(0) != 0) return;
  const auto &wanted = is_body_ ? message : delta, &other = is_body_ ? delta : message;
  const auto& content = wanted && wanted->is_object() ? wanted : other;
  const bool has_content = content && content->is_object();
  const auto reason = as_string(finish), native_reason = as_string(native_finish);
  const bool failed = error && reports_error(*error);
  if (has_content || text || failed || !is_missing_reason(reason)) has_choice_ = true;
  if (has_content) {
    add_message(*content, sink);
  } else if (text) {
    text_.add_value(*json_, *text, next_part_, sink);
  }
  if (ended_) return;
  if (logprobs) add_logprobs(*logprobs, sink);
  if (failed) return fail(in_stream_error(*json_, *error), sink);
  if (usage) usage_.add(read_usage(*usage), sink);
  if (finish_raw_.empty() && !reason.empty()) finish_raw_ = read_finish_reason(*json_, reason);
  if (!native_reason.empty()) native_finish_ = read_finish_reason(*json_, native_reason);
}

void Decoder::add_message(const JsonElement& message, StepSink& sink) {
  std::optional<JsonElement> content, refusal, tool_calls, function_call, reasoning, reasoning_content, details,
      annotations, audio, images, executed_tools;
  read_members(message, {{"content", content},
                         {"reasoning_content", reasoning_content},
                         {"reasoning", reasoning},
                         {"reasoning_text", reasoning},  // GitHub Copilot
                         {"reasoning_details", details},
                         {"refusal", refusal},
                         {"tool_calls", tool_calls},
                         {"function_call", function_call},
                         {"annotations", annotations},
                         {"audio", audio},
                         {"images", images},
                         {"executed_tools", executed_tools}});
  if (details) details_.add(*json_, *details);
  for (const JsonElement image : elements_of(images)) report_image(*json_, image, next_part_, sink);
  if (executed_tools) executed_.add(*json_, *executed_tools, next_part_, sink);
  // Reasoning precedes the text, whatever the order of the members, and sources follow it.
  if (reasoning_content) {
    add_reasoning("reasoning_content", *reasoning_content, sink);
  } else if (reasoning) {
    add_reasoning("reasoning", *reasoning, sink);
  }
  // The text of details usually comes under one of the names above as well.
  if (details && reasoning_field_.empty()) add_reasoning_details(*details, sink);
  if (content) add_content(*content, sink);
  if (audio) add_audio(*audio, sink);
  if (refusal) add_text(refusal_, as_string(refusal), sink);
  if (annotations) annotations_.add(*json_, *annotations, sink);
  if (tool_calls) add_tool_calls(*tool_calls, sink);
  if (function_call && !ended_) add_function(*function_call, *function_call, sink);
}

void Decoder::add_reasoning(std::string_view field, const JsonElement& value, StepSink& sink) {
  const auto text = as_string(value);
  if (text.empty()) return;
  add_text(reasoning_, text, sink);
  if (reasoning_field_.empty()) reasoning_field_ = field;
}

void Decoder::add_reasoning_details(const JsonElement& details, StepSink& sink) {
  for (const JsonElement detail : elements_of(details)) {
    add_text(reasoning_, get_string_or_empty(detail, "text"), sink);
    add_text(reasoning_, get_string_or_empty(detail, "summary"), sink);
  }
}

void Decoder::add_audio(const JsonElement& audio, StepSink& sink) {
  // Some servers also send the spoken words as content.
  const auto words = get_string_or_empty(audio, "transcript");
  if (text_.part < 0 && !words.empty()) is_spoken_ = true;
  if (is_spoken_) add_text(text_, words, sink);
  if (spoken_.add(get_string_or_empty(audio, "data"))) return;
  fail(error_code::event_too_large, "the answer's audio is too large", false, sink);
}

void Decoder::add_logprobs(const JsonElement& logprobs, StepSink& sink) {
  for (const auto& [key, channel] : {std::pair("content", &text_), std::pair("refusal", &refusal_)}) {
    const auto tokens = get_member(logprobs, key);
    LogprobsWriter writer;
    if (tokens) add_token_entries(*json_, *tokens, writer);
    if (channel == &text_) add_token_arrays(*json_, logprobs, writer);
    if (writer.empty()) continue;
    // A token of half a character has not begun a text yet.
    if (channel->part < 0) sink.delta(channel->part = next_part_++, channel->kind, {}, {});
    sink.logprobs(channel->part, writer.finish());
  }
}

void Decoder::add_content(const JsonElement& content, StepSink& sink) {
  if (is_spoken_) return;
  if (!content.is_array()) return text_.add_value(*json_, content, next_part_, sink);
  for (const JsonElement part : elements_of(content)) add_content_part(part, sink);
}

// Mistral: content is an array once the model thinks, of {type: text, text} and {type: thinking, thinking: [text…]}.
void Decoder::add_content_part(const JsonElement& part, StepSink& sink) {
  const auto type = get_string_or_empty(part, "type");
  if (type == "text" || type == "output_text") {
    add_text(text_, get_string_or_empty(part, "text"), sink);
  } else if (type == "refusal") {
    add_text(refusal_, get_string_or_empty(part, "refusal"), sink);
  } else if (type == "image_url") {
    report_image(*json_, part, next_part_, sink);
  } else if (type == "thinking") {
    if (reasoning_field_.empty()) reasoning_field_ = "thinking";
    add_text(reasoning_, get_string_or_empty(part, "thinking"), sink);
    for (const JsonElement thought : elements_of(part, "thinking")) {
      add_text(reasoning_, get_string_or_empty(thought, "text"), sink);
    }
  }
}

void Decoder::add_tool_calls(const JsonElement& calls, StepSink& sink) {
  for (const JsonElement call : elements_of(calls)) {
    if (ended_) return;
    const auto function = get_member(call, "function"), custom = get_member(call, "custom");
    // Snowflake sends both members, one of them empty.
    if (custom && (!function || get_string(call, "type") == "custom")) {
      add_function(call, *custom, sink);
    } else if (function) {
      add_function(call, *function, sink);
    }
  }
}

void Decoder::add_function(const JsonElement& call, const JsonElement& function, StepSink& sink) {
  if (calls_.add(*json_, get_count(call, "index"), call, function, next_part_, sink)) return;
  fail(error_code::too_many_tool_calls, "the answer has too many tool calls", false, sink);
}

void Decoder::add_text(TextChannel& channel, std::string_view text, StepSink& sink) {
  channel.add(text, json_->repaired(), next_part_, sink);
}

void Decoder::flush(StepSink& sink) {
  for (TextChannel* channel : {&reasoning_, &text_, &refusal_}) channel->flush(next_part_, sink);
}

// Reports the state that the builder sends back. Details also hold the text, so they are kept only if the provider
// reads them: if they are sealed, or if the text came only under OpenRouter's name.
void Decoder::report_reasoning_state(StepSink& sink) {
  int& part = reasoning_.part;
  if (details_.is_sealed() || (!details_.empty() && reasoning_field_ != "reasoning_content")) {
    if (part < 0) part = next_part_++;
    sink.provider_state(part, make_state("reasoning_details", details_.take_json_array()));
  } else if (part >= 0 && !reasoning_field_.empty()) {
    sink.provider_state(part, make_state("field", "\"" + std::string(reasoning_field_) + "\""));
  }
}

void Decoder::finish(StepSink& sink) {
  ended_ = true;
  flush(sink);
  report_reasoning_state(sink);
  spoken_.report(next_part_, sink);
  citations_.report(annotations_, sink);
  annotations_.report_state(text_.part, next_part_, sink);
  if (auto error = finish_error()) return sink.fail(*std::move(error));
  const FinishReason reason = finish_reason();
  calls_.finish(reason == FinishReason::length || reason == FinishReason::content_filter, sink);
  report_finish(reason, finish_raw_, sink);
}

// A gateway may report a model failure with a normal finish reason, and name the failure in another member.
std::optional<Error> Decoder::finish_error() const {
  auto native = finish_reason_error(native_finish_);
  auto own = finish_reason_error(finish_raw_);
  if (native && own)
    native->message =
        "the provider ended its answer with the finish reason " + finish_raw_ + " (" + native_finish_ + ")";
  if (!own && native && !calls_.empty() && calls_.all_closed()) return std::nullopt;
  return native ? native : own;
}

FinishReason Decoder::finish_reason() const {
  // The stream announced its end, so a complete call is valid (Snowflake, Kimi behind gateways).
  if (finish_raw_.empty()) {
    return !calls_.empty() && calls_.all_closed() ? FinishReason::tool_calls : FinishReason::other;
  }
  const FinishReason reason = shared_finish_reason(finish_raw_);
  if (reason != FinishReason::stop) return reason;
  if (!calls_.empty()) return FinishReason::tool_calls;  // Ollama, and OpenAI with a forced function
  return refusal_.part >= 0 ? FinishReason::refusal : FinishReason::stop;
}

bool Decoder::has_content() const { return next_part_ > 0 || !details_.empty() || !spoken_.empty(); }

}  // namespace aiw::openai_chat
