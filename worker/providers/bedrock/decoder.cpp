#include <string>
#include <utility>

#include "worker/providers/bedrock/api.hpp"
#include "worker/providers/bedrock/blocks.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/bedrock/events.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"

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

// Base of the decoders of a stream and of one body.
class ConverseDecoder : public ResponseDecoder {
 protected:
  void fail(Error error, StepSink& sink) {
    done_ = true;
    sink.fail(std::move(error));
  }

  void finish(StepSink& sink) {
    const bool all_calls_ended = blocks_.all_calls_ended();
    blocks_.stop_all(sink);
    if (auto error = finish_reason_error(stop_reason_)) return fail(*std::move(error), sink);
    if (stop_reason_.empty() && blocks_.empty()) {
      return fail(upstream_fault("bad_response", "the answer ended with neither content nor a stop reason", false),
                  sink);
    }
    done_ = true;
    if (stop_reason_.empty()) sink.warning("missing_finish_reason", "the answer ended without a finish reason");
    // The stream announced its end, so a complete call is valid.
    const bool calls = stop_reason_.empty() && blocks_.has_calls() && all_calls_ended;
    sink.finish(calls ? FinishReason::tool_calls : shared_finish_reason(stop_reason_), stop_reason_);
  }

  // Reads usage and guardrail findings. `metrics` and the invocation's details are for AWS's own tools.
  void read_metadata(const JsonElement& metadata, StepSink& sink) {
    if (const auto usage = get_member(metadata, "usage")) usage_.add(read_usage(*usage), sink);
    if (const auto trace = get_path(metadata, {"trace", "guardrail"})) {
      sink.warning("guardrail_trace", bounded_message(json_.json_text(*trace)));
    }
  }

  void read_stop_reason(const JsonElement& object) {
    const auto reason = get_string_or_empty(object, "stopReason");
    if (stop_reason_.empty() && !is_missing_reason(reason)) stop_reason_ = json_.plain_text(reason);
  }

  EventJson json_;
  Blocks blocks_{json_};
  bool done_ = false;

 private:
  UsageTally usage_;
  std::string stop_reason_;
};

class UnaryDecoder final : public ConverseDecoder {
 public:
  void feed(std::string_view bytes, StepSink& sink) override {
    if (done_) return;
    if (bytes.size() > kMaxEventBytes - body_.size()) {
      return fail(upstream_fault("response_too_large", "the answer exceeds the limit", false), sink);
    }
    body_ += bytes;
  }

  void end(StepSink& sink) override {
    if (done_) return;
    auto root = parse_body(json_, body_);
    if (!root) return fail(std::move(root).error(), sink);
    const auto message = get_path(*root, {"output", "message"});
    const auto content = message ? get_array(*message, "content") : std::nullopt;
    if (!content) return fail(without_content(*root), sink);
    for (const auto block : *content) blocks_.add_whole(block, sink);
    read_metadata(*root, sink);
    read_stop_reason(*root);
    finish(sink);
  }

 private:
  // Returns the error for a body without content. A gateway may pass on AWS's error with status 200.
  Error without_content(const JsonElement& root) const {
    const auto message = get_string_or_empty(root, "message");
    const auto type = get_string_or_empty(root, "__type");
    if (message.empty() && type.empty()) return upstream_fault("bad_response", "the answer has no content", true);
    return stream_error(json_.plain_text(type), json_.plain_text(message));
  }

  std::string body_;
};

class StreamDecoder final : public ConverseDecoder {
 public:
  void feed(std::string_view bytes, StepSink& sink) override {
    if (body_) return body_->feed(bytes, sink);
    if (done_ || bytes.empty()) return;
    // Detects one body in place of a stream, perhaps after white space or a byte order mark. As the first byte of a
    // length, such a byte would mean more than an event may have.
    constexpr std::string_view kBodyBegins = "{[< \t\r\n\xEF";
    const bool is_body = !std::exchange(begun_, true) && kBodyBegins.contains(bytes.front());
    if (is_body) return body_.emplace().feed(bytes, sink);
    events_.feed(bytes);
    Event event;
    while (!done_ && events_.next(event)) on_event(event, sink);
    if (!done_ && events_.error()) fail(*events_.error(), sink);
  }

  // messageStop ends the response; the usage after it may be missing.
  void end(StepSink& sink) override {
    if (body_) return body_->end(sink);
    if (done_) return;
    if (!stopped_) return fail(events_.cut_short(), sink);
    finish(sink);
  }

 private:
  void on_event(const Event& event, StepSink& sink) {
    const auto root = json_.parse(event.payload);
    if (!root || !root->is_object()) {
      return fail(upstream_fault("bad_event", "an event of the stream is not a JSON object", true), sink);
    }
    answered_ = answered_ || event.type == "messageStart" || event.type.starts_with("contentBlock");
    if (event.type == "contentBlockDelta") {
      if (const auto delta = get_member(*root, "delta")) blocks_.add_delta(index_of(*root), *delta, sink);
    } else if (event.type == "contentBlockStart") {
      if (const auto start = get_member(*root, "start")) blocks_.start(index_of(*root), *start, sink);
    } else if (event.type == "contentBlockStop") {
      blocks_.stop(index_of(*root), sink);
    } else if (event.type == "messageStop") {
      if (!answered_) return fail(upstream_fault("bad_response", "the answer ended without a message", false), sink);
      read_stop_reason(*root);
      stopped_ = true;
    } else if (event.type == "metadata") {
      read_metadata(*root, sink);
      described_ = true;
    } else if (event.type.ends_with("Exception")) {
      return fail(stream_error(event.type, json_.plain_text(get_string_or_empty(*root, "message"))), sink);
    }
    if (stopped_ && described_) finish(sink);
  }

  static std::int64_t index_of(const JsonElement& event) { return get_count(event, "contentBlockIndex").value_or(0); }

  Events events_{kMaxEventBytes};
  std::optional<UnaryDecoder> body_;
  bool begun_ = false;
  bool answered_ = false;   // a message or a block came
  bool stopped_ = false;    // messageStop came
  bool described_ = false;  // metadata came, possibly before messageStop
};

}  // namespace

std::unique_ptr<ResponseDecoder> make_converse_decoder(BodyFormat format) {
  if (format == BodyFormat::stream) return std::make_unique<StreamDecoder>();
  return std::make_unique<UnaryDecoder>();
}

}  // namespace aiw::bedrock
