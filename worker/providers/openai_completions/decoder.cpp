#include "worker/providers/openai_completions/decoder.hpp"

#include <utility>

#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/json_members.hpp"
#include "worker/providers/codec/logprobs_writer.hpp"
#include "worker/providers/openai_chat/usage.hpp"

namespace aiw::openai_completions {

void Decoder::add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) {
  std::optional<JsonElement> choices, usage, error;
  read_members(root, {{"choices", choices}, {"usage", usage}, {"error", error}});
  if (choices) for_each_element(*choices, [&](const JsonElement& choice) { add_choice(json, choice, sink); });
  if (usage) usage_.add(openai_chat::read_usage(*usage), sink);
  if (error && !reports_error(*error)) error.reset();
  if (error || type == "error") fail(in_stream_error(json, error ? *error : root), sink);
}

void Decoder::add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
  add_event(json, root, {}, sink);
  if (!ended_) done(sink);
}

void Decoder::done(StepSink& sink) {
  if (next_part_ > 0 || !finish_raw_.empty()) return finish(sink);
  const auto* const what =
      has_choice_ ? "the answer ended with neither content nor a finish reason" : "the answer ended without a choice";
  fail(upstream_fault("bad_response", what, false), sink);
}

// With several choices (`n`, `best_of` with a stream) the first one is the response.
void Decoder::add_choice(const EventJson& json, const JsonElement& choice, StepSink& sink) {
  std::optional<JsonElement> index, text, reason, logprobs, usage;
  read_members(choice,
               {{"index", index}, {"text", text}, {"finish_reason", reason}, {"logprobs", logprobs}, {"usage", usage}});
  if (index && as_count(*index).value_or(0) != 0) return;
  std::string_view finish;
  if (reason && (reason->get(finish) != simdjson::SUCCESS || is_missing_reason(finish))) finish = {};
  if (text || !finish.empty()) has_choice_ = true;
  if (text) text_.add_value(json, *text, next_part_, sink);
  if (usage) usage_.add(openai_chat::read_usage(*usage), sink);
  if (logprobs) add_logprobs(json, *logprobs, sink);
  if (finish_raw_.empty() && !finish.empty()) finish_raw_ = bounded_message(json.plain_text(finish), 256);
}

// Parallel arrays: {tokens: [text], token_logprobs: [number or null], top_logprobs: [{text: number}]}. The first token
// of an echoed prompt has no likelihood and is left out.
void Decoder::add_logprobs(const EventJson& json, const JsonElement& logprobs, StepSink& sink) {
  const auto tokens = get_array(logprobs, "tokens"), values = get_array(logprobs, "token_logprobs");
  if (!tokens || !values) return;
  const auto tops = get_array(logprobs, "top_logprobs");
  LogprobsWriter writer;
  auto value = values->begin();
  auto top = tops ? tops->begin() : values->end();
  for (const JsonElement token : *tokens) {
    if (value == values->end()) break;
    std::string_view text;
    double likelihood = 0;
    const bool known = token.get(text) == simdjson::SUCCESS && (*value).get(likelihood) == simdjson::SUCCESS;
    if (known) writer.token(json.plain_text(text), likelihood);
    simdjson::dom::object others;
    const bool has_others = tops && top != tops->end();
    if (known && has_others && (*top).get(others) == simdjson::SUCCESS) {
      for (const auto [name, number] : others) {
        if (number.get(likelihood) == simdjson::SUCCESS) writer.alternative(json.plain_text(name), likelihood);
      }
    }
    ++value;
    if (has_others) ++top;
  }
  if (writer.empty()) return;
  if (text_.part < 0) text_.part = next_part_++;
  sink.logprobs(text_.part, writer.finish());
}

void Decoder::end_of_stream(StepSink& sink) {
  if (finish_raw_.empty()) return fail_truncated(sink);
  sink.warning("missing_done", "the stream ended without [DONE]");
  finish(sink);
}

void Decoder::finish(StepSink& sink) {
  if (std::exchange(ended_, true)) return;
  flush(sink);
  if (auto error = finish_reason_error(finish_raw_)) return sink.fail(*std::move(error));
  if (finish_raw_.empty()) sink.warning("missing_finish_reason", "the answer ended without a finish reason");
  sink.finish(shared_finish_reason(finish_raw_), finish_raw_);
}

}  // namespace aiw::openai_completions
