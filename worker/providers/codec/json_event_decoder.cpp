#include "worker/providers/codec/json_event_decoder.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/base/sse_parser.hpp"
#include "worker/base/white_space.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/ndjson_parser.hpp"

namespace aiw {
namespace {

constexpr std::string_view kBadEvent = "an event of the answer is not one JSON object";

Error bad_body() { return upstream_fault(error_code::bad_response, "the response body is not a JSON object", false); }

// Makes the decoder of a stream that is known to be server-sent events.
std::unique_ptr<ResponseDecoder> make_events_decoder(std::unique_ptr<JsonEventDecoder> answer);

// Decoder of one body that holds the whole response. Some servers stream although one body was requested.
class BodyDecoder final : public ResponseDecoder {
 public:
  explicit BodyDecoder(std::unique_ptr<JsonEventDecoder> answer) : answer_(std::move(answer)) {}

  void feed(std::string_view bytes, StepSink& sink) override {
    if (events_) return events_->feed(bytes, sink);
    if (answer_->ended()) return;
    if (body_.size() + bytes.size() > kMaxEventBytes) {
      std::string().swap(body_);
      return answer_->fail_large_body(sink);
    }
    body_ += bytes;
    if (format_known_) return;
    const auto has_events = begins_events(body_);
    format_known_ = has_events.has_value();
    if (!has_events.value_or(false)) return;
    events_ = make_events_decoder(std::move(answer_));
    events_->feed(body_, sink);
  }

  void end(StepSink& sink) override {
    if (events_) return events_->end(sink);
    if (answer_->ended()) return;
    EventJson json;
    auto root = parse_body(json, body_);
    if (!root) return answer_->fail(std::move(root).error(), sink);
    answer_->add_body(json, *root, sink);
  }

 private:
  std::unique_ptr<JsonEventDecoder> answer_;
  std::string body_;
  std::unique_ptr<ResponseDecoder> events_;  // set if the body is a stream; it then owns the handler
  bool format_known_ = false;
};

class SseDecoder final : public ResponseDecoder {
 public:
  explicit SseDecoder(std::unique_ptr<JsonEventDecoder> answer) : answer_(std::move(answer)) {}

  void feed(std::string_view bytes, StepSink& sink) override {
    if (body_) return body_->feed(bytes, sink);
    if (answer_->ended() || (!format_known_ && !recognise(bytes, sink))) return;
    parser_.feed(bytes);
    SseEvent event;
    while (!answer_->ended() && parser_.next(event)) on_event(event, false, sink);
    if (parser_.too_large() && !answer_->ended()) answer_->fail_too_large(sink);
  }

  void end(StepSink& sink) override {
    if (body_) return body_->end(sink);
    if (answer_->ended()) return;
    SseEvent event;
    while (!answer_->ended() && parser_.finish(event)) on_event(event, true, sink);
    if (!answer_->ended()) answer_->end_of_stream(sink);
  }

 private:
  // Returns true if `bytes` must be parsed as events.
  bool recognise(std::string_view bytes, StepSink& sink) {
    const auto is_body = begins_body(bytes);
    format_known_ = is_body.has_value();
    if (!is_body.value_or(false)) return true;
    body_ = std::make_unique<BodyDecoder>(std::move(answer_));
    body_->feed(bytes, sink);
    return false;
  }

  // `unfinished` means that the stream ended within the event, so invalid JSON was cut short.
  void on_event(const SseEvent& event, bool unfinished, StepSink& sink) {
    auto data = event.data;
    if (!data.starts_with('{')) {
      data = trim(data);
      if (data == "[DONE]") return answer_->done(sink);
      if (data.empty() || data.starts_with(':')) return;  // a comment that a gateway wrapped as data
    }
    const auto root = json_.parse(data);
    if (!root || !root->is_array() || elements_of(*root).empty()) return add(event, root, unfinished, sink);
    // A proxy may wrap events in an array.
    for (const JsonElement element : elements_of(*root)) {
      if (!answer_->ended()) add(event, element, unfinished, sink);
    }
  }

  void add(const SseEvent& event, const std::optional<JsonElement>& root, bool unfinished, StepSink& sink) {
    if (!root || !root->is_object()) return on_odd_event(event, root, unfinished, sink);
    const bool bare_error = event.unframed && is_error_event(event, *root);
    answer_->add_event(json_, *root, bare_error ? std::string_view("error") : event.type, sink);
  }

  // Handles an event whose data is not an object.
  void on_odd_event(const SseEvent& event, const std::optional<JsonElement>& root, bool unfinished, StepSink& sink) {
    if (root ? root->is_null() : unfinished || event.unframed) return;
    if (event.type != "error") return answer_->fail(error_code::bad_event, kBadEvent, true, sink);
    answer_->fail(root ? in_stream_error(json_, *root) : in_stream_error({}, event.data), sink);
  }

  std::unique_ptr<JsonEventDecoder> answer_;
  std::unique_ptr<BodyDecoder> body_;
  SseParser parser_{kMaxEventBytes, SseSyntax::with_errors};
  EventJson json_;
  bool format_known_ = false;
};

class NdjsonDecoder final : public ResponseDecoder {
 public:
  NdjsonDecoder(std::unique_ptr<JsonEventDecoder> answer, BodyFormat format)
      : answer_(std::move(answer)), format_(format) {}

  void feed(std::string_view bytes, StepSink& sink) override {
    if (answer_->ended()) return;
    parser_.feed(bytes);
    std::string_view line;
    while (!answer_->ended() && parser_.next(line)) on_line(line, sink);
    if (parser_.too_large() && !answer_->ended()) answer_->fail_too_large(sink);
  }

  void end(StepSink& sink) override {
    if (answer_->ended()) return;
    std::string_view line;
    const bool has_rest = parser_.finish(line);
    if (has_rest && !body_.empty()) collect(line, sink);
    if (answer_->ended()) return;
    line = without_byte_order_mark(line);
    if (!body_.empty()) line = body_;
    if (has_rest || !body_.empty()) add(line, true, sink);
    if (answer_->ended()) return;
    if (format_ == BodyFormat::unary && !has_event_) return answer_->fail(bad_body(), sink);
    answer_->end_of_stream(sink);
  }

 private:
  // If a body is written over several lines, its first line is not a JSON text. Then all lines are one body.
  void on_line(std::string_view line, StepSink& sink) {
    if (!line.starts_with('{')) line = without_byte_order_mark(line);
    if (is_blank(line)) return;
    if (!body_.empty()) return collect(line, sink);
    if (add(line, false, sink) || answer_->ended()) return;
    const char first = line[line.find_first_not_of(kWhiteSpace)];
    if (has_event_ || (first != '{' && first != '<'))
      return answer_->fail(error_code::bad_event, kBadEvent, true, sink);
    collect(line, sink);
  }

  // Returns false if the text is not a JSON object. `last` means that nothing follows.
  bool add(std::string_view text, bool last, StepSink& sink) {
    const auto root = json_.parse(text);
    if (!root || !root->is_object()) {
      if (last && trim(text).starts_with('<')) answer_->fail(page_fault(error_code::bad_response, text), sink);
      return false;
    }
    has_event_ = true;
    answer_->add_event(json_, *root, {}, sink);
    return true;
  }

  void collect(std::string_view line, StepSink& sink) {
    if (body_.size() + line.size() + 1 > kMaxEventBytes) {
      std::string().swap(body_);
      return answer_->fail_too_large(sink);
    }
    body_ += line;
    body_ += '\n';
  }

  std::unique_ptr<JsonEventDecoder> answer_;
  const BodyFormat format_;
  NdjsonParser parser_{kMaxEventBytes};
  EventJson json_;
  std::string body_;
  bool has_event_ = false;
};

std::unique_ptr<ResponseDecoder> make_events_decoder(std::unique_ptr<JsonEventDecoder> answer) {
  return std::make_unique<SseDecoder>(std::move(answer));
}

}  // namespace

void TextChannel::add(std::string_view text, bool repaired, int& next_part, StepSink& sink) {
  const auto whole = joiner.add(text, repaired);
  if (whole.empty()) return;
  if (part < 0) part = next_part++;
  sink.delta(part, kind, whole, {});
}

void TextChannel::add_value(const EventJson& json, const JsonElement& value, int& next_part, StepSink& sink) {
  if (value.is_string()) {
    add(as_string(value), json.repaired(), next_part, sink);
  } else if (value.is_object()) {
    add(json.json_text(value), false, next_part, sink);
  }
}

void TextChannel::flush(int& next_part, StepSink& sink) {
  const auto rest = joiner.flush();
  if (rest.empty()) return;
  if (part < 0) part = next_part++;
  sink.delta(part, kind, rest, {});
}

std::string complete_arguments(std::string arguments) {
  const auto words = trim(arguments);
  return words.empty() || words == "null" ? "{}" : std::move(arguments);
}

void JsonEventDecoder::fail(Error error, StepSink& sink) {
  if (std::exchange(ended_, true)) return;
  flush(sink);
  sink.fail(std::move(error));
}

void JsonEventDecoder::fail(std::string_view code, std::string_view message, bool retryable, StepSink& sink) {
  fail(upstream_fault(code, message, retryable), sink);
}

void JsonEventDecoder::fail_too_large(StepSink& sink) {
  fail(error_code::event_too_large, "an event of the answer is too large", false, sink);
}

void JsonEventDecoder::fail_truncated(StepSink& sink) {
  fail(error_code::truncated_stream, "the answer stopped before its end was announced", true, sink);
}

void JsonEventDecoder::report_finish(FinishReason reason, std::string_view raw, StepSink& sink) {
  ended_ = true;
  if (raw.empty()) sink.warning(warning_code::missing_finish_reason, "the answer ended without a finish reason");
  sink.finish(reason, raw);
}

std::string read_finish_reason(const EventJson& json, std::string_view raw) {
  constexpr std::size_t kMaxBytes = 256;
  return is_missing_reason(raw) ? std::string() : bounded_message(json.plain_text(raw), kMaxBytes);
}

std::optional<bool> begins_body(std::string_view bytes) {
  const std::size_t first = bytes.find_first_not_of(kBeforeText);
  if (first == std::string_view::npos) return std::nullopt;
  return bytes[first] == '{' || bytes[first] == '[' || bytes[first] == '<';
}

std::string_view without_byte_order_mark(std::string_view body) {
  for (const std::string_view mark : {"\xEF\xBB\xBF", "\xBB\xBF", "\xBF"}) {
    if (body.starts_with(mark)) return body.substr(mark.size());
  }
  return body;
}

bool is_error_event(const SseEvent& event, const JsonElement& root) {
  if (event.type == "error") return true;
  return event.unframed && (get_error(root) || get_string(root, "message") || get_string(root, "detail"));
}

std::optional<bool> begins_events(std::string_view beginning) {
  constexpr std::array<std::string_view, 6> kFields = {"data:", "event:", "id:", "retry:", "error:", ":"};
  beginning.remove_prefix(std::min(beginning.find_first_not_of(kBeforeText), beginning.size()));
  const auto begins = [&](std::string_view field) { return beginning.starts_with(field); };
  const auto may_begin = [&](std::string_view field) { return field.starts_with(beginning); };
  if (std::ranges::any_of(kFields, begins)) return true;
  return std::ranges::any_of(kFields, may_begin) ? std::nullopt : std::optional(false);
}

std::expected<JsonElement, Error> parse_body(EventJson& json, std::string_view body) {
  body = without_byte_order_mark(body);
  if (trim(body).starts_with('<')) return std::unexpected(page_fault(error_code::bad_response, body));
  auto root = json.parse(body);
  JsonElement first;
  if (root && root->is_array() && root->at(0).get(first) == simdjson::SUCCESS) root = first;
  if (!root || !root->is_object()) return std::unexpected(bad_body());
  return *root;
}

std::unique_ptr<ResponseDecoder> make_sse_decoder(std::unique_ptr<JsonEventDecoder> answer, BodyFormat format) {
  if (format == BodyFormat::unary) return std::make_unique<BodyDecoder>(std::move(answer));
  return make_events_decoder(std::move(answer));
}

std::unique_ptr<ResponseDecoder> make_ndjson_decoder(std::unique_ptr<JsonEventDecoder> answer, BodyFormat format) {
  return std::make_unique<NdjsonDecoder>(std::move(answer), format);
}

}  // namespace aiw
