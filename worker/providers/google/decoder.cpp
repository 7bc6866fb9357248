#include <algorithm>
#include <utility>

#include "worker/base/sse_parser.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/google/api.hpp"
#include "worker/providers/google/json_array.hpp"
#include "worker/providers/google/response.hpp"

namespace aiw::google {
namespace {

// White space and the bytes of a byte order mark, which may come in pieces.
constexpr std::string_view kBeforeText = " \t\r\n\xEF\xBB\xBF";

// Detects the form of the response by its first bytes, because the content type is unreliable. The form is server-sent
// events, a JSON array of responses (from streaming without alt=sse), or one response.
class GeminiDecoder final : public ResponseDecoder {
 public:
  explicit GeminiDecoder(BodyFormat format) : asked_(format) {}

  void feed(std::string_view bytes, StepSink& sink) override {
    if (response_.ended() || bytes.empty()) return;
    if (form_ == Form::unknown && !recognise(bytes)) return;
    switch (form_) {
      case Form::events: return feed_events(bytes, sink);
      case Form::array: return feed_array(bytes, sink);
      case Form::object:
      case Form::unknown: return feed_object(bytes, sink);
    }
  }

  void end(StepSink& sink) override {
    if (response_.ended()) return;
    if (form_ == Form::events) {
      SseEvent event;
      while (!response_.ended() && events_.finish(event)) on_event(event, true, sink);
    } else if (form_ == Form::object) {
      end_object(sink);
    }
    if (!response_.ended()) end_response(sink);
  }

 private:
  enum class Form { unknown, events, array, object };

  // Removes the bytes before the response. False: no byte of it came yet.
  bool recognise(std::string_view& bytes) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of(kBeforeText), bytes.size()));
    if (bytes.empty()) return false;
    const bool whole = bytes.front() == '{' || bytes.front() == '<';  // '<' begins a web page
    form_ = bytes.front() == '[' ? Form::array : whole ? Form::object : Form::events;
    return true;
  }

  void feed_events(std::string_view bytes, StepSink& sink) {
    events_.feed(bytes);
    SseEvent event;
    while (!response_.ended() && events_.next(event)) on_event(event, false, sink);
    if (events_.too_large()) too_large(sink);
  }

  // `unfinished` means that the stream ended within the event, so invalid JSON was cut short.
  void on_event(const SseEvent& event, bool unfinished, StepSink& sink) {
    if (event.data.empty() || event.data == "[DONE]" || event.data.starts_with(':')) return;
    const auto root = json_.parse(event.data);
    if (!root && (unfinished || event.unframed)) return;
    if (!root && event.type == "error") return response_.fail(in_stream_error({}, event.data), sink);
    if (root && is_error_event(event, *root)) {
      return response_.fail(in_stream_error(json_, get_error(*root).value_or(*root)), sink);
    }
    if (!root) return response_.fail(upstream_fault("bad_event", "an event's data is not one JSON value", true), sink);
    add(*root, sink);
  }

  void feed_array(std::string_view bytes, StepSink& sink) {
    elements_.feed(bytes);
    std::string_view element;
    while (!response_.ended() && elements_.next(element)) {
      const auto root = json_.parse(element);
      if (!root) {
        return response_.fail(upstream_fault("bad_event", "an element of the response's array is not JSON", true),
                              sink);
      }
      add(*root, sink);
    }
    if (response_.ended()) return;
    if (elements_.too_large()) return too_large(sink);
    if (elements_.broken()) {
      return response_.fail(upstream_fault("bad_response", "the response is not a JSON array of objects", true), sink);
    }
    if (elements_.closed()) end_response(sink);
  }

  void feed_object(std::string_view bytes, StepSink& sink) {
    if (body_.size() + bytes.size() > kMaxEventBytes) {
      std::string().swap(body_);
      return too_large(sink);
    }
    body_ += bytes;
  }

  void end_object(StepSink& sink) {
    if (body_.starts_with('<')) return response_.fail(page_fault("bad_response", body_), sink);
    const auto root = json_.parse(body_);
    if (!root)
      return response_.fail(upstream_fault("bad_response", "the response body is not a JSON object", true), sink);
    add(*root, sink);
  }

  // A proxy may wrap even one response, or an error, in an array.
  void add(const JsonElement& root, StepSink& sink) {
    simdjson::dom::array list;
    if (root.get(list) != simdjson::SUCCESS) return response_.add(json_, root, sink);
    for (const JsonElement element : list) {
      if (!response_.ended()) response_.add(json_, element, sink);
    }
  }

  // The API has no terminator: a response is complete once it has a finish reason.
  void end_response(StepSink& sink) {
    const bool whole = form_ == Form::object && asked_ == BodyFormat::unary && response_.has_content();
    const bool closed = form_ != Form::array || elements_.closed();
    if (closed && (response_.has_finish_reason() || whole)) return response_.finish(sink);
    if (form_ == Form::object && !response_.has_content()) {
      return response_.fail(upstream_fault("bad_response", "the answer has neither candidates nor an error", true),
                            sink);
    }
    response_.fail(upstream_fault("truncated_stream", "the answer stopped before it said why it ends", true), sink);
  }

  void too_large(StepSink& sink) {
    response_.fail(upstream_fault("event_too_large", "an event of the answer is too large", false), sink);
  }

  const BodyFormat asked_;
  Form form_ = Form::unknown;
  SseParser events_{kMaxEventBytes, SseSyntax::with_errors};
  JsonArraySplitter elements_{kMaxEventBytes};
  std::string body_;
  EventJson json_;
  Response response_;
};

}  // namespace

std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format) { return std::make_unique<GeminiDecoder>(format); }

}  // namespace aiw::google
