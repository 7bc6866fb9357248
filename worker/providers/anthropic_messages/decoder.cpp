#include "worker/providers/anthropic_messages/decoder.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_writer.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"

namespace aiw::anthropic_messages {
namespace {

// True if a stop's details hold more than the explanation: a category, another model, a credit token.
bool says_more(const JsonElement& details) {
  for (const auto [key, value] : members_of(details)) {
    if (key != "type" && key != "explanation" && !value.is_null()) return true;
  }
  return false;
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

void Decoder::fail_reported(const JsonElement& body, StepSink& sink) {
  Error error = in_stream_error(*json_, get_error(body).value_or(body));
  error.request_id = json_->text(body, "request_id");
  fail(std::move(error), sink);
}

void Decoder::finish(StepSink& sink) {
  if (blocks_.lost_input() && stop_reason_ == "tool_use") {
    return fail(error_code::bad_event, "the input of a call came without the call", true, sink);
  }
  const bool all_calls_ended = blocks_.all_calls_ended();
  blocks_.stop_all(sink);
  if (auto error = finish_reason_error(stop_reason_)) return fail(*std::move(error), sink);
  if (stop_reason_.empty() && blocks_.empty()) {
    return fail(error_code::bad_response, "the answer ended with neither content nor a stop reason", false, sink);
  }
  blocks_.add_state(container_, sink);
  blocks_.add_state(details_, sink);
  // The stream announced its end, so a complete call is valid.
  const bool calls = stop_reason_.empty() && blocks_.has_calls() && all_calls_ended;
  report_finish(calls ? FinishReason::tool_calls : shared_finish_reason(stop_reason_), stop_reason_, sink);
}

void Decoder::use_parser(const EventJson& json) {
  json_ = &json;
  blocks_.use_parser(json);
}

void Decoder::add_event(const EventJson& json, const JsonElement& root, std::string_view name, StepSink& sink) {
  use_parser(json);
  const auto type = get_string_or_empty(root, "type");
  const bool is_error = name == "error" || type == "error" || (type.empty() && get_error(root));
  if (is_error) return fail_reported(root, sink);
  const auto index = get_count(root, "index").value_or(0);
  if (type == "content_block_delta") {
    if (const auto delta = get_member(root, "delta")) blocks_.add_delta(index, *delta, sink);
  } else if (type == "content_block_start") {
    if (const auto block = get_member(root, "content_block")) blocks_.start(index, *block, sink);
  } else if (type == "content_block_stop") {
    blocks_.stop(index, sink);
  } else if (type == "message_start") {
    begin_message(root, sink);
  } else if (type == "message_delta") {
    if (const auto delta = get_member(root, "delta")) read_end(*delta, sink);
    read_edits(root);
    add_usage(root, UsageAccuracy::exact, sink);
  } else if (type == "message_stop") {
    if (message_id_ || !blocks_.empty()) return finish(sink);
    fail(error_code::bad_response, "the answer ended without a message", false, sink);
  }
}

void Decoder::begin_message(const JsonElement& event, StepSink& sink) {
  const auto message = get_member(event, "message");
  if (!message) return;
  std::string id = json_->text(*message, "id");
  if (message_id_) {
    // Gateways may repeat the event. An event with another id means that two responses were spliced together.
    if (*message_id_ != id) {
      fail(error_code::bad_event, "another message began before the first one ended", true, sink);
    }
    return;
  }
  message_id_ = std::move(id);
  add_usage(*message, UsageAccuracy::last_seen, sink);
  read_content(*message, sink);
}

void Decoder::read_content(const JsonElement& message, StepSink& sink) {
  constexpr std::int64_t kWhole = -1;  // no block of a stream has this number
  for (const JsonElement block : elements_of(message, "content")) {
    blocks_.start(kWhole, block, sink);
    blocks_.stop(kWhole, sink);
  }
}

void Decoder::read_end(const JsonElement& object, StepSink& sink) {
  const auto reason = get_string_or_empty(object, "stop_reason");
  if (stop_reason_.empty() && !is_missing_reason(reason)) stop_reason_ = json_->plain_text(reason);
  // Code execution continues in the same container only if the next request names it.
  const auto container = get_member(object, "container");
  if (container && !get_string_or_empty(*container, "id").empty()) {
    container_.clear();
    JsonWriter(container_).key("container").copy(json_->json_text(*container));
  }
  const auto details = get_member(object, "stop_details");
  const auto why = details ? get_string_or_empty(*details, "explanation") : std::string_view();
  if (!why.empty()) sink.warning(warning_code::stop_explained, bounded_message(json_->plain_text(why)));
  if (details && says_more(*details)) add_detail("stop_details", *details);
}

// Reports edits by the API's own context management, which cleared parts of this request.
void Decoder::read_edits(const JsonElement& message) {
  const auto management = get_member(message, "context_management");
  if (management && !elements_of(*management, "applied_edits").empty()) add_detail("context_management", *management);
}

// Adds data for the parent, as state that no request reads.
void Decoder::add_detail(std::string_view name, const JsonElement& value) {
  constexpr std::size_t kMaxDetails = std::size_t{64} << 10;
  const std::string json = json_->json_text(value);
  if (details_.contains("\"" + std::string(name) + "\":") || details_.size() + json.size() > kMaxDetails) return;
  JsonWriter(details_, !details_.empty()).key(name).copy(json);
}

void Decoder::add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
  use_parser(json);
  if (get_string(root, "type") == "error" || get_error(root)) return fail_reported(root, sink);
  if (!get_array(root, "content")) return fail(error_code::bad_response, "the answer has no content", true, sink);
  add_usage(root, UsageAccuracy::exact, sink);
  read_content(root, sink);
  read_end(root, sink);
  read_edits(root);
  finish(sink);
}

}  // namespace aiw::anthropic_messages
