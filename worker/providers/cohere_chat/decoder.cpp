#include "worker/providers/cohere_chat/decoder.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/logprobs_writer.hpp"
#include "worker/providers/codec/provider_state.hpp"
#include "worker/providers/cohere_chat/state.hpp"

// Wire facts are from Cohere's API reference, chat and chat-stream, version 2.

namespace aiw::cohere_chat {
namespace {

// `billed_units` leaves out the text that Cohere adds around the prompt; `tokens` counts all that the model read and
// wrote. reasoning_tokens is not in the API's reference and is not reported.
Usage read_usage(const JsonElement& usage) {
  Usage out;
  auto counts = get_member(usage, "tokens");
  if (!counts) counts = get_member(usage, "billed_units");
  if (!counts) return out;
  out.input_tokens = get_count(*counts, "input_tokens");
  out.output_tokens = get_count(*counts, "output_tokens");
  out.total_tokens = add_counts(out.input_tokens, out.output_tokens);
  out.cached_input_tokens = get_count(usage, "cached_tokens");
  return out;
}

// Calls `action` with each element of an array, or with a value that is not an array. Events carry one call or
// citation, bodies a list.
template <typename F>
void for_each_of(const JsonElement& value, F&& action) {
  if (!value.is_array()) return action(value);
  for (const JsonElement item : elements_of(value)) action(item);
}

}  // namespace

void Decoder::add_event(const EventJson& json, const JsonElement& root, std::string_view name, StepSink& sink) {
  json_ = &json;
  std::optional<JsonElement> kind, number, delta, logprobs, error;
  read_members(root, {{"type", kind}, {"index", number}, {"delta", delta}, {"logprobs", logprobs}, {"error", error}});
  if (error && reports_error(*error)) return fail(in_stream_error(json, *error), sink);
  const auto type = as_string(kind);
  const auto index = as_count(number);
  // An error that is not an event of the API: {message, …} as in an HTTP error's body.
  const bool untyped_error = type.empty() && get_string(root, "message");
  if (untyped_error || type == "error" || name == "error") return fail(in_stream_error(json, root), sink);
  if (type == "content-end") return end_block(sink);
  if (delta) add_delta(type, index, *delta, sink);
  if (logprobs && !ended_) add_logprobs(*logprobs, sink);
}

void Decoder::add_delta(std::string_view type, const std::optional<std::int64_t>& index, const JsonElement& delta,
                        StepSink& sink) {
  if (type == "message-end") return finish(delta, sink);
  began_ = true;
  const auto message = get_member(delta, "message");
  if (!message) return;
  if (type == "content-delta" || type == "content-start") {
    if (type == "content-start") end_block(sink);
    if (const auto content = get_member(*message, "content")) add_content(index.value_or(0), *content, sink);
  } else if (type == "tool-plan-delta") {
    if (const auto plan = get_member(*message, "tool_plan")) add_plan(*plan);
  } else if (type == "tool-call-start" || type == "tool-call-delta") {
    if (const auto calls = get_member(*message, "tool_calls")) {
      for_each_of(*calls, [&](const JsonElement& call) { add_tool_call(index, call, sink); });
    }
  } else if (type == "citation-start") {
    if (const auto citations = get_member(*message, "citations")) add_citations(*citations, sink);
  }
}

void Decoder::add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
  json_ = &json;
  const auto message = get_member(root, "message");
  if (!message || !message->is_object()) {
    const auto error = get_error(root);
    if (message || error) return fail(in_stream_error(json, error.value_or(root)), sink);
    return fail(error_code::bad_response, "the answer's body has no message", false, sink);
  }
  began_ = true;
  add_message(*message, sink);
  if (ended_) return;
  if (const auto logprobs = get_member(root, "logprobs")) add_logprobs(*logprobs, sink);
  finish(root, sink);
}

void Decoder::add_message(const JsonElement& message, StepSink& sink) {
  if (const auto plan = get_member(message, "tool_plan")) add_plan(*plan);
  if (const auto content = get_member(message, "content")) {
    std::int64_t index = 0;
    for_each_of(*content, [&](const JsonElement& item) { add_content(index++, item, sink); });
  }
  end_block(sink);
  if (const auto calls = get_member(message, "tool_calls")) {
    std::int64_t index = 0;
    for_each_of(*calls, [&](const JsonElement& call) { add_tool_call(index++, call, sink); });
  }
  if (const auto citations = get_member(message, "citations")) add_citations(*citations, sink);
}

void Decoder::add_content(std::int64_t index, const JsonElement& content, StepSink& sink) {
  if (content.is_string()) return add_text(index, ContentKind::text, as_string(content), sink);
  for (const auto [key, value] : members_of(content)) {
    if (key == "text") add_text(index, ContentKind::text, as_string(value), sink);
    if (key == "thinking") add_text(index, ContentKind::reasoning, as_string(value), sink);
  }
}

void Decoder::add_text(std::int64_t index, ContentKind kind, std::string_view text, StepSink& sink) {
  if (text.empty()) return;
  block(index, kind, sink).channel.add(text, json_->repaired(), next_part_, sink);
}

Decoder::Block& Decoder::block(std::int64_t index, ContentKind kind, StepSink& sink) {
  if (open_ && open_->index == index && open_->channel.kind == kind) return *open_;
  end_block(sink);
  return open_.emplace(index, TextChannel{kind});
}

void Decoder::end_block(StepSink& sink) {
  if (!open_) return;
  TextChannel& channel = open_->channel;
  channel.flush(next_part_, sink);
  if (channel.part >= 0 && channel.kind == ContentKind::reasoning) reasoning_parts_.push_back(channel.part);
  if (channel.part >= 0 && channel.kind == ContentKind::text) last_text_part_ = channel.part;
  open_.reset();
}

void Decoder::add_plan(const JsonElement& plan) {
  const auto text = as_string(plan);
  if (text.empty()) return;
  if (plan_part_ < 0) plan_part_ = next_part_++;
  plan_ += plan_joiner_.add(text, json_->repaired());
}

void Decoder::add_tool_call(const std::optional<std::int64_t>& index, const JsonElement& call, StepSink& sink) {
  const auto function = get_member(call, "function");
  if (!function || ended_) return;
  end_block(sink);
  if (plan_told_ == 0) report_plan(sink);
  if (calls_.add(*json_, index, call, *function, next_part_, sink)) return;
  fail(error_code::too_many_tool_calls, "the answer has too many tool calls", false, sink);
}

void Decoder::add_citations(const JsonElement& citations, StepSink& sink) {
  for_each_of(citations, [&](const JsonElement& citation) { add_citation(citation, sink); });
}

// A document's fields are those of the request. They are the parent's own; `title` and `url` are a convention.
void Decoder::add_citation(const JsonElement& citation, StepSink& sink) {
  Source source{.type = Source::Type::document, .quote = json_->text(citation, "text")};
  const auto sources = elements_of(citation, "sources");
  if (sources.empty() && !source.quote.empty()) sink.source(source);
  for (const JsonElement item : sources) {
    auto fields = get_member(item, "document");
    if (!fields) fields = get_member(item, "tool_output");
    source.id = json_->text(item, "id");
    source.title = fields ? json_->text(*fields, "title") : "";
    source.url = fields ? json_->text(*fields, "url") : "";
    source.type = source.url.empty() ? Source::Type::document : Source::Type::url;
    sink.source(source);
    repeated_ += source.quote.size();
    if (repeated_ > kMaxRepeated) source.quote.clear();
  }
}

// {text, token_ids, logprobs}: the tokens of a piece of text, whose likelihoods multiply.
void Decoder::add_logprobs(const JsonElement& logprobs, StepSink& sink) {
  LogprobsWriter writer;
  for_each_of(logprobs, [&](const JsonElement& item) {
    const auto likelihoods = get_array(item, "logprobs");
    if (!likelihoods) return;
    double sum = 0;
    for (const JsonElement likelihood : *likelihoods) {
      double value = 0;
      if (likelihood.get(value) == simdjson::SUCCESS) sum += value;
    }
    writer.token(json_->text(item, "text"), sum);
  });
  int part = last_text_part_;
  if (open_ && open_->channel.kind == ContentKind::text && open_->channel.part >= 0) part = open_->channel.part;
  if (!writer.empty() && part >= 0) sink.logprobs(part, writer.finish());
}

// `ending` is the body, or message-end's delta.
void Decoder::finish(const JsonElement& ending, StepSink& sink) {
  const std::string raw = read_finish_reason(*json_, get_string_or_empty(ending, "finish_reason"));
  if (const auto usage = get_member(ending, "usage")) UsageTally().add(read_usage(*usage), sink);
  const auto said = get_error(ending);
  const std::string words = said ? in_stream_error(*json_, *said).message : std::string();
  if (auto error = finish_reason_error(raw, words)) {
    error->retryable = true;
    return fail(*std::move(error), sink);
  }
  if (said && raw.empty()) return fail(in_stream_error(*json_, *said), sink);
  if (!began_) return fail(error_code::bad_response, "the answer ended without a message", false, sink);
  if (raw.empty() && next_part_ == 0) {
    return fail(error_code::bad_response, "the answer ended with neither content nor a finish reason", false, sink);
  }
  ended_ = true;
  flush(sink);
  report_state(sink);
  const FinishReason reason = shared_finish_reason(raw);
  calls_.finish(reason == FinishReason::length || reason == FinishReason::content_filter, sink);
  const bool may_call = reason == FinishReason::stop || (raw.empty() && calls_.all_closed());
  report_finish(may_call && !calls_.empty() ? FinishReason::tool_calls : reason, raw, sink);
}

void Decoder::report_state(StepSink& sink) {
  for (const int part : reasoning_parts_) sink.provider_state(part, make_state(kStateTag, "type", "\"thinking\""));
  plan_ += plan_joiner_.flush();
  report_plan(sink);
}

// Called when calls begin, which follow their plan, and at the end if the plan has grown.
void Decoder::report_plan(StepSink& sink) {
  if (plan_part_ < 0 || plan_.size() == plan_told_) return;
  plan_told_ = plan_.size();
  sink.provider_state(plan_part_, make_state(kStateTag, kPlan, json_string(plan_)));
}

}  // namespace aiw::cohere_chat
