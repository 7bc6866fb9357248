#include "worker/providers/anthropic_messages/decoder.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"

namespace aiw::anthropic_messages {
namespace {

// docs.anthropic.com/en/api/handling-stop-reasons. pause_turn requires another request: see kPauseReason.
FinishReason finish_reason(std::string_view stop_reason) {
  static constexpr std::array<std::pair<std::string_view, FinishReason>, 6> kReasons = {{
      {"end_turn", FinishReason::stop},
      {"stop_sequence", FinishReason::stop},
      {"max_tokens", FinishReason::length},
      {"model_context_window_exceeded", FinishReason::length},
      {"tool_use", FinishReason::tool_calls},
      {"refusal", FinishReason::refusal},
  }};
  const auto* found = std::ranges::find(kReasons, stop_reason, &std::pair<std::string_view, FinishReason>::first);
  return found == kReasons.end() ? shared_finish_reason(stop_reason) : found->second;
}

// True if a stop's details hold more than the explanation: a category, another model, a credit token.
bool says_more(const JsonElement& details) {
  simdjson::dom::object members;
  if (details.get(members) != simdjson::SUCCESS) return false;
  return std::any_of(members.begin(), members.end(), [](const auto& member) {
    return member.key != "type" && member.key != "explanation" && !member.value.is_null();
  });
}

void take_count(std::optional<std::int64_t>& into, const JsonElement& object, std::string_view key) {
  const auto count = get_count(object, key);
  if (count && (!into || *count > *into)) into = count;
}

}  // namespace

void Decoder::add_usage(const JsonElement& message, UsageAccuracy accuracy, StepSink& sink) {
  const auto usage = get_member(message, "usage");
  if (!usage) return;
  take_count(input_, *usage, "input_tokens");
  take_count(cache_read_, *usage, "cache_read_input_tokens");
  take_count(cache_write_, *usage, "cache_creation_input_tokens");
  take_count(output_, *usage, "output_tokens");
  if (const auto details = get_member(*usage, "output_tokens_details")) {
    take_count(thinking_, *details, "thinking_tokens");
  }
  Usage counts;
  counts.input_tokens = add_counts(add_counts(input_, cache_read_.value_or(0)), cache_write_.value_or(0));
  counts.output_tokens = output_;
  counts.total_tokens = add_counts(counts.input_tokens, output_);
  counts.cached_input_tokens = cache_read_;
  counts.cache_write_tokens = cache_write_;
  counts.reasoning_tokens = thinking_;
  counts.accuracy = accuracy;
  include_parts(counts);
  if (!counts.empty()) sink.usage(counts);
}

void Decoder::fail(Error error, StepSink& sink) {
  done_ = true;
  sink.fail(std::move(error));
}

void Decoder::fail_reported(const JsonElement& body, StepSink& sink) {
  Error error = in_stream_error(json_, get_error(body).value_or(body));
  error.request_id = json_.plain_text(get_string_or_empty(body, "request_id"));
  fail(std::move(error), sink);
}

void Decoder::finish(StepSink& sink) {
  if (blocks_.lost_input() && stop_reason_ == "tool_use") {
    return fail(upstream_fault("bad_event", "the input of a call came without the call", true), sink);
  }
  const bool all_calls_ended = blocks_.all_calls_ended();
  blocks_.stop_all(sink);
  if (auto error = finish_reason_error(stop_reason_)) return fail(*std::move(error), sink);
  if (stop_reason_.empty() && blocks_.empty()) {
    return fail(upstream_fault("bad_response", "the answer ended with neither content nor a stop reason", false), sink);
  }
  done_ = true;
  if (stop_reason_.empty()) sink.warning("missing_finish_reason", "the answer ended without a finish reason");
  blocks_.add_state(container_, sink);
  blocks_.add_state(details_, sink);
  // The stream announced its end, so a complete call is valid.
  const bool calls = stop_reason_.empty() && blocks_.has_calls() && all_calls_ended;
  sink.finish(calls ? FinishReason::tool_calls : finish_reason(stop_reason_), stop_reason_);
}

UnaryDecoder* StreamDecoder::body_instead(std::string_view bytes) {
  if (!form_known_) {
    const auto is_body = begins_body(bytes);
    form_known_ = is_body.has_value();
    if (is_body.value_or(false)) body_.emplace();
  }
  return body_ ? &*body_ : nullptr;
}

void StreamDecoder::feed(std::string_view bytes, StepSink& sink) {
  if (auto* const body = body_instead(bytes)) return body->feed(bytes, sink);
  if (done_) return;
  parser_.feed(bytes);
  SseEvent event;
  while (!done_ && parser_.next(event)) on_event(event, false, sink);
  if (!done_ && parser_.too_large()) {
    fail(upstream_fault("event_too_large", "an event of the stream exceeds the limit", false), sink);
  }
}

void StreamDecoder::end(StepSink& sink) {
  if (body_) return body_->end(sink);
  if (done_) return;
  SseEvent event;
  while (!done_ && parser_.finish(event)) on_event(event, true, sink);
  if (!done_) fail(upstream_fault("truncated_stream", "the stream ended before message_stop", true), sink);
}

// `unfinished` means that the stream ended within the event, so invalid JSON was cut short.
void StreamDecoder::on_event(const SseEvent& event, bool unfinished, StepSink& sink) {
  if (event.data.empty() || event.data == "[DONE]") return;  // some gateways add the terminator of OpenAI's streams
  const auto json = json_.parse(event.data);
  if (!json && (unfinished || event.unframed)) return;
  if (!json || !json->is_object()) {
    if (event.type == "error")
      return fail(json ? in_stream_error(json_, *json) : in_stream_error({}, event.data), sink);
    return fail(upstream_fault("bad_event", "an event of the stream is not a JSON object", true), sink);
  }
  const auto type = get_string(*json, "type");
  const bool usual = type && event.type != "error" && !event.unframed;
  if (usual) return on_message(*type, *json, sink);
  if (is_error_event(event, *json) || (!type && get_error(*json))) return fail_reported(*json, sink);
  if (type) on_message(*type, *json, sink);
}

void StreamDecoder::on_message(std::string_view type, const JsonElement& event, StepSink& sink) {
  const auto index = get_count(event, "index").value_or(0);
  if (type == "content_block_delta") {
    if (const auto delta = get_member(event, "delta")) blocks_.add_delta(index, *delta, sink);
  } else if (type == "content_block_start") {
    if (const auto block = get_member(event, "content_block")) blocks_.start(index, *block, sink);
  } else if (type == "content_block_stop") {
    blocks_.stop(index, sink);
  } else if (type == "message_start") {
    on_message_start(event, sink);
  } else if (type == "message_delta") {
    on_message_delta(event, sink);
  } else if (type == "message_stop") {
    if (message_id_ || !blocks_.empty()) return finish(sink);
    fail(upstream_fault("bad_response", "the answer ended without a message", false), sink);
  } else if (type == "error") {
    fail_reported(event, sink);
  }
}

void StreamDecoder::on_message_start(const JsonElement& event, StepSink& sink) {
  const auto message = get_member(event, "message");
  if (!message) return;
  std::string id = json_.plain_text(get_string_or_empty(*message, "id"));
  if (message_id_) {
    // Gateways may repeat the event. An event with another id means that two responses were spliced together.
    if (*message_id_ != id) {
      fail(upstream_fault("bad_event", "another message began before the first one ended", true), sink);
    }
    return;
  }
  message_id_ = std::move(id);
  add_usage(*message, UsageAccuracy::last_seen, sink);
  read_content(*message, sink);
}

void StreamDecoder::on_message_delta(const JsonElement& event, StepSink& sink) {
  if (const auto delta = get_member(event, "delta")) read_end(*delta, sink);
  read_edits(event);
  add_usage(event, UsageAccuracy::exact, sink);
}

void Decoder::read_content(const JsonElement& message, StepSink& sink) {
  constexpr std::int64_t kWhole = -1;  // no block of a stream has this number
  const auto content = get_array(message, "content");
  if (!content) return;
  for (const auto block : *content) {
    blocks_.start(kWhole, block, sink);
    blocks_.stop(kWhole, sink);
  }
}

void Decoder::read_end(const JsonElement& object, StepSink& sink) {
  const auto reason = get_string_or_empty(object, "stop_reason");
  if (stop_reason_.empty() && !is_missing_reason(reason)) stop_reason_ = json_.plain_text(reason);
  // Code execution continues in the same container only if the next request names it.
  const auto container = get_member(object, "container");
  if (container && !get_string_or_empty(*container, "id").empty()) {
    container_.clear();
    JsonWriter(container_).key("container").copy(json_.json_text(*container));
  }
  const auto details = get_member(object, "stop_details");
  const auto why = details ? get_string_or_empty(*details, "explanation") : std::string_view();
  if (!why.empty()) sink.warning("stop_explained", bounded_message(json_.plain_text(why)));
  if (details && says_more(*details)) add_detail("stop_details", *details);
}

// Reports edits by the API's own context management, which cleared parts of this request.
void Decoder::read_edits(const JsonElement& message) {
  const auto management = get_member(message, "context_management");
  const auto edits = management ? get_array(*management, "applied_edits") : std::nullopt;
  if (edits && edits->size() > 0) add_detail("context_management", *management);
}

// Adds data for the parent, as state that no request reads.
void Decoder::add_detail(std::string_view name, const JsonElement& value) {
  constexpr std::size_t kMaxDetails = std::size_t{64} << 10;
  const std::string json = json_.json_text(value);
  if (details_.contains("\"" + std::string(name) + "\":") || details_.size() + json.size() > kMaxDetails) return;
  JsonWriter(details_, !details_.empty()).key(name).copy(json);
}

// Some servers stream although one body was requested.
void UnaryDecoder::feed(std::string_view bytes, StepSink& sink) {
  if (events_) return events_->feed(bytes, sink);
  if (done_) return;
  if (bytes.size() > kMaxEventBytes - body_.size()) {
    return fail(upstream_fault("response_too_large", "the answer exceeds the limit", false), sink);
  }
  body_ += bytes;
  if (form_known_) return;
  const auto has_events = begins_events(body_);
  form_known_ = has_events.has_value();
  if (!has_events.value_or(false)) return;
  events_ = std::make_unique<StreamDecoder>();
  events_->feed(body_, sink);
}

void UnaryDecoder::end(StepSink& sink) {
  if (events_) return events_->end(sink);
  if (done_) return;
  auto message = parse_body(json_, body_);
  if (!message) return fail(std::move(message).error(), sink);
  if (get_string(*message, "type") == "error" || get_error(*message)) return fail_reported(*message, sink);
  if (!get_array(*message, "content")) {
    return fail(upstream_fault("bad_response", "the answer has no content", true), sink);
  }
  add_usage(*message, UsageAccuracy::exact, sink);
  read_content(*message, sink);
  read_end(*message, sink);
  read_edits(*message);
  finish(sink);
}

std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format) {
  if (format == BodyFormat::stream) return std::make_unique<StreamDecoder>();
  return std::make_unique<UnaryDecoder>();
}

}  // namespace aiw::anthropic_messages
