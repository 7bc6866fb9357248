#include "worker/providers/ollama/decoder.hpp"

#include <utility>

#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/json_members.hpp"
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
  std::optional<JsonElement> message, response, thinking, logprobs, image, error;
  bool done = false;
  for (const auto [key, value] : simdjson::dom::object(root)) {
    if (key == "message") {
      message = value;
    } else if (key == "response") {
      response = value;
    } else if (key == "thinking") {
      thinking = value;
    } else if (key == "done") {
      done = value.is_bool() && bool(value);
    } else if (key == "logprobs") {
      logprobs = value;
    } else if (key == "image") {
      image = value;
    } else if (key == "error" && reports_error(value)) {
      error = value;
    }
  }
  if (message || response || image) has_answer_ = true;
  // Reasoning precedes the text, whatever the order of the members.
  if (thinking) reasoning_.add_value(json, *thinking, next_part_, sink);
  if (response) text_.add_value(json, *response, next_part_, sink);
  if (message) add_message(json, *message, sink);
  if (ended_) return;
  if (logprobs) add_logprobs(json, *logprobs, sink);
  std::string_view data;
  if (image && image->get(data) == simdjson::SUCCESS && !data.empty()) {
    sink.file(next_part_++, {.media_type = "image/png", .data = json.plain_text(data)});
  }
  if (error) return fail(in_stream_error(json, *error), sink);
  if (done) finish(json, root, sink);
}

void Decoder::add_message(const EventJson& json, const JsonElement& message, StepSink& sink) {
  in_message_ = in_message_ || message.is_object();
  std::optional<JsonElement> thinking, content, calls;
  read_members(message, {{"thinking", thinking}, {"content", content}, {"tool_calls", calls}});
  if (thinking) reasoning_.add_value(json, *thinking, next_part_, sink);
  if (content) text_.add_value(json, *content, next_part_, sink);
  if (calls) add_tool_calls(json, *calls, sink);
}

void Decoder::add_tool_calls(const EventJson& json, const JsonElement& calls, StepSink& sink) {
  for_each_element(calls, [&](const JsonElement& call) {
    if (!ended_) add_tool_call(json, call, sink);
  });
}

// A call comes whole: its arguments are an object, and only newer servers give it an id.
void Decoder::add_tool_call(const EventJson& json, const JsonElement& call, StepSink& sink) {
  const auto function = get_member(call, "function");
  if (!function) return;
  if (call_count_ == kMaxCalls) {
    return fail(upstream_fault("too_many_tool_calls", "the answer has too many tool calls", false), sink);
  }
  ToolCall made;
  made.id = read_call_id(json, call, "id");
  if (made.id.empty()) made.id = "call_" + std::to_string(call_count_);
  made.name = json.plain_text(get_string_or_empty(*function, "name"));
  if (const auto arguments = get_member(*function, "arguments")) {
    std::string_view text;
    made.input_text = arguments->get(text) == simdjson::SUCCESS ? json.plain_text(text) : json.json_text(*arguments);
  }
  made.input_text = complete_arguments(std::move(made.input_text));
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
  const std::string raw = bounded_message(json.plain_text(get_string_or_empty(root, "done_reason")), 256);
  // Older servers send no reason.
  if (!has_answer_ || (raw.empty() && next_part_ == 0)) {
    return fail(upstream_fault("bad_response", "the answer ended without a message", false), sink);
  }
  if (std::exchange(ended_, true)) return;
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
