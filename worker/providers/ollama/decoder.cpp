#include "worker/providers/ollama/decoder.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/logprobs_writer.hpp"
#include "worker/providers/codec/provider_state.hpp"

// Wire facts are from Ollama's docs/api.md and its api/types.go.

namespace aiw::ollama {
namespace {

constexpr std::size_t kMaxCalls = 4096;

FinishReason finish_reason(std::string_view raw, bool has_calls) {
  if (raw.empty() || raw == "stop") return has_calls ? FinishReason::tool_calls : FinishReason::stop;
  return shared_finish_reason(raw);  // "load", "unload": the request had no prompt
}

Usage read_usage(const JsonElement& root) {
  Usage usage;
  usage.input_tokens = get_count(root, "prompt_eval_count");  // missing if the whole prompt was cached
  usage.output_tokens = get_count(root, "eval_count");
  usage.total_tokens = add_counts(usage.input_tokens, usage.output_tokens);
  return usage;
}

}  // namespace

void Decoder::add_event(const EventJson& json, const JsonElement& root, std::string_view, StepSink& sink) {
  std::optional<JsonElement> message, response, thinking, done, logprobs, image, error;
  read_members(root, {{"message", message},
                      {"response", response},
                      {"thinking", thinking},
                      {"done", done},
                      {"logprobs", logprobs},
                      {"image", image},
                      {"error", error}});
  if (message || response || image) has_answer_ = true;
  // Reasoning precedes the text, whatever the order of the members.
  if (thinking) reasoning_.add_value(json, *thinking, next_part_, sink);
  if (response) text_.add_value(json, *response, next_part_, sink);
  if (message) add_message(json, *message, sink);
  if (ended_) return;
  if (logprobs) add_logprobs(json, *logprobs, sink);
  if (!as_string(image).empty()) {
    sink.file(next_part_++, {.media_type = "image/png", .data = json.plain_text(as_string(image))});
  }
  if (error && reports_error(*error)) return fail(in_stream_error(json, *error), sink);
  if (done && done->is_bool() && bool(*done)) finish(json, root, sink);
}

void Decoder::add_message(const EventJson& json, const JsonElement& message, StepSink& sink) {
  in_message_ = in_message_ || message.is_object();
  std::optional<JsonElement> thinking, content, calls;
  read_members(message, {{"thinking", thinking}, {"content", content}, {"tool_calls", calls}});
  if (thinking) reasoning_.add_value(json, *thinking, next_part_, sink);
  if (content) text_.add_value(json, *content, next_part_, sink);
  for (const JsonElement call : elements_of(calls)) {
    if (!ended_) add_tool_call(json, call, sink);
  }
}

// A call comes whole: its arguments are an object, and only newer servers give it an id.
void Decoder::add_tool_call(const EventJson& json, const JsonElement& call, StepSink& sink) {
  const auto function = get_member(call, "function");
  if (!function) return;
  if (call_count_ == kMaxCalls) {
    return fail(error_code::too_many_tool_calls, "the answer has too many tool calls", false, sink);
  }
  ToolCall made;
  made.id = read_call_id(json, call, "id");
  if (made.id.empty()) made.id = "call_" + std::to_string(call_count_);
  made.name = read_tool_name(json, *function);
  const auto arguments = get_member(*function, "arguments");
  made.input_text = complete_arguments(arguments ? json.text_or_json(*arguments) : std::string());
  ++call_count_;
  sink.tool_call(next_part_++, std::move(made));
}

void Decoder::add_logprobs(const EventJson& json, const JsonElement& tokens, StepSink& sink) {
  LogprobsWriter writer;
  add_token_entries(json, tokens, writer);
  if (writer.empty()) return;
  if (text_.part < 0) sink.delta(text_.part = next_part_++, text_.kind, {}, {});
  sink.logprobs(text_.part, writer.finish());
}

void Decoder::finish(const EventJson& json, const JsonElement& root, StepSink& sink) {
  const std::string raw = bounded_message(json.text(root, "done_reason"), 256);
  // Older servers send no reason.
  if (!has_answer_ || (raw.empty() && next_part_ == 0)) {
    return fail(error_code::bad_response, "the answer ended without a message", false, sink);
  }
  ended_ = true;
  flush(sink);
  if (in_message_ && reasoning_.part >= 0) {
    sink.provider_state(reasoning_.part, make_state(kChatTag, "thinking", "true"));
  }
  // `context` lets a later request continue from here; it stands for the whole conversation so far.
  const auto context = get_member(root, "context");
  if (context && context->is_array() && !json.repaired()) {
    if (text_.part < 0) text_.part = next_part_++;
    sink.provider_state(text_.part, make_state(kGenerateTag, "context", json.json_text(*context)));
  }
  UsageTally().add(read_usage(root), sink);
  if (auto error = finish_reason_error(raw)) return sink.fail(*std::move(error));
  sink.finish(finish_reason(raw, call_count_ > 0), raw);
}

void Decoder::flush(StepSink& sink) {
  reasoning_.flush(next_part_, sink);
  text_.flush(next_part_, sink);
}

}  // namespace aiw::ollama
