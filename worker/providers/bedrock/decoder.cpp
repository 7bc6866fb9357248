#include <string>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/bedrock/blocks.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/bedrock/events.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace aiw::bedrock {
namespace {

// inputTokens counts neither cache reads nor cache writes.
Usage read_usage(const JsonElement& usage) {
  Usage counts;
  counts.cached_input_tokens = get_count(usage, "cacheReadInputTokens");
  counts.cache_write_tokens = get_count(usage, "cacheWriteInputTokens");
  counts.input_tokens = add_counts(add_counts(get_count(usage, "inputTokens"), counts.cached_input_tokens.value_or(0)),
                                   counts.cache_write_tokens.value_or(0));
  counts.output_tokens = get_count(usage, "outputTokens");
  counts.total_tokens = add_counts(counts.input_tokens, counts.output_tokens);
  return counts;
}

class ConverseDecoder final : public JsonEventDecoder {
 public:
  void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) override {
    use_parser(json);
    answered_ = answered_ || type == "messageStart" || type.starts_with("contentBlock");
    if (type == "contentBlockDelta") {
      if (const auto delta = get_member(root, "delta")) blocks_.add_delta(index_of(root), *delta, sink);
    } else if (type == "contentBlockStart") {
      if (const auto start = get_member(root, "start")) blocks_.start(index_of(root), *start, sink);
    } else if (type == "contentBlockStop") {
      blocks_.stop(index_of(root), sink);
    } else if (type == "messageStop") {
      if (!answered_) return fail(error_code::bad_response, "the answer ended without a message", false, sink);
      read_stop_reason(root);
      stopped_ = true;
    } else if (type == "metadata") {
      read_metadata(root, sink);
      described_ = true;
    }
    if (stopped_ && described_) finish(sink);
  }

  void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) override {
    use_parser(json);
    const auto message = get_path(root, {"output", "message"});
    const auto content = message ? get_array(*message, "content") : std::nullopt;
    if (!content) return fail(without_content(root), sink);
    for (const JsonElement block : *content) blocks_.add_whole(block, sink);
    read_metadata(root, sink);
    read_stop_reason(root);
    finish(sink);
  }

  // messageStop ends the response; the usage after it may be missing.
  void end_of_stream(StepSink& sink) override { stopped_ ? finish(sink) : fail_truncated(sink); }
  void fail_large_body(StepSink& sink) override {
    fail(error_code::response_too_large, "the answer exceeds the limit", false, sink);
  }

 private:
  void flush(StepSink&) override {}

  void use_parser(const EventJson& json) {
    json_ = &json;
    blocks_.use_parser(json);
  }

  static std::int64_t index_of(const JsonElement& event) { return get_count(event, "contentBlockIndex").value_or(0); }

  // Returns the error for a body without content. A gateway may pass on AWS's error with status 200.
  [[nodiscard]] Error without_content(const JsonElement& root) const {
    const std::string message = json_->text(root, "message"), type = json_->text(root, "__type");
    if (message.empty() && type.empty())
      return upstream_fault(error_code::bad_response, "the answer has no content", true);
    return stream_error(type, message);
  }

  // Reads usage and guardrail findings. `metrics` and the invocation's details are for AWS's own tools.
  void read_metadata(const JsonElement& metadata, StepSink& sink) {
    if (const auto usage = get_member(metadata, "usage")) usage_.add(read_usage(*usage), sink);
    if (const auto trace = get_path(metadata, {"trace", "guardrail"})) {
      sink.warning(warning_code::guardrail_trace, bounded_message(json_->json_text(*trace)));
    }
  }

  void read_stop_reason(const JsonElement& object) {
    const auto reason = get_string_or_empty(object, "stopReason");
    if (stop_reason_.empty() && !is_missing_reason(reason)) stop_reason_ = json_->plain_text(reason);
  }

  void finish(StepSink& sink) {
    const bool all_calls_ended = blocks_.all_calls_ended();
    blocks_.stop_all(sink);
    if (auto error = finish_reason_error(stop_reason_)) return fail(*std::move(error), sink);
    if (stop_reason_.empty() && blocks_.empty()) {
      return fail(error_code::bad_response, "the answer ended with neither content nor a stop reason", false, sink);
    }
    // The stream announced its end, so a complete call is valid.
    const bool calls = stop_reason_.empty() && blocks_.has_calls() && all_calls_ended;
    report_finish(calls ? FinishReason::tool_calls : shared_finish_reason(stop_reason_), stop_reason_, sink);
  }

  const EventJson* json_ = nullptr;  // parser of the current event
  Blocks blocks_;
  UsageTally usage_;
  std::string stop_reason_;
  bool answered_ = false;   // a message or a block came
  bool stopped_ = false;    // messageStop came
  bool described_ = false;  // metadata came, possibly before messageStop
};

}  // namespace

std::unique_ptr<ResponseDecoder> make_converse_decoder(BodyFormat format) {
  auto answer = std::make_unique<ConverseDecoder>();
  if (format == BodyFormat::unary) return make_sse_decoder(std::move(answer), format);
  return make_event_stream_decoder(std::move(answer), Payload::event);
}

}  // namespace aiw::bedrock
