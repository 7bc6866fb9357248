#include <utility>

#include "worker/providers/http_error.hpp"
#include "worker/providers/openai_responses.hpp"
#include "worker/providers/openai_responses_answer.hpp"
#include "worker/providers/sse_parser.hpp"

namespace aiw {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// One body that holds the whole answer.
class UnaryDecoder final : public ResponseDecoder {
 public:
  void feed(std::string_view bytes, StepSink& sink) override {
    if (answer_.ended()) return;
    if (body_.size() + bytes.size() > kMaxEventBytes) {
      std::string().swap(body_);
      return answer_.fail(upstream_fault("event_too_large", "the answer's body is too large", false), sink);
    }
    body_ += bytes;
  }

  void end(StepSink& sink) override {
    if (answer_.ended()) return;
    const auto root = json_.parse(body_);
    if (!root || !root->is_object()) {
      return answer_.fail(upstream_fault("bad_response", "the answer's body is no JSON object", false), sink);
    }
    answer_.add_body(*root, sink);
  }

 private:
  std::string body_;
  EventJson json_;
  OpenAiResponsesAnswer answer_{json_};
};

// Server-sent events, ended by response.completed, response.incomplete, response.failed or error.
class StreamDecoder final : public ResponseDecoder {
 public:
  void feed(std::string_view bytes, StepSink& sink) override {
    if (unary_) return unary_->feed(bytes, sink);
    if (answer_.ended()) return;
    if (!format_known_ && !recognise(bytes, sink)) return;
    parser_.feed(bytes);
    SseEvent event;
    while (!answer_.ended() && parser_.next(event)) on_event(event, false, sink);
    if (parser_.too_large()) {
      answer_.fail(upstream_fault("event_too_large", "an event of the answer is too large", false), sink);
    }
  }

  void end(StepSink& sink) override {
    if (unary_) return unary_->end(sink);
    if (answer_.ended()) return;
    SseEvent event;
    if (parser_.finish(event)) on_event(event, true, sink);
    answer_.fail(upstream_fault("truncated_stream", "the answer stopped before its end was announced", true), sink);
  }

 private:
  // Some gateways answer a streaming request with one JSON body, and proxies with a page: neither begins as an event
  // stream can. True: `bytes` are to be parsed as events.
  bool recognise(std::string_view bytes, StepSink& sink) {
    const std::size_t first = bytes.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return true;
    format_known_ = true;
    if (bytes[first] == '<') {
      answer_.fail(upstream_fault("bad_response", "the answer is a page, not an event stream", false), sink);
      return false;
    }
    if (bytes[first] != '{') return true;
    unary_ = std::make_unique<UnaryDecoder>();
    unary_->feed(bytes, sink);
    return false;
  }

  // `unfinished`: the stream ended within the event, so what is no JSON was cut short.
  void on_event(const SseEvent& event, bool unfinished, StepSink& sink) {
    const auto data = trim(event.data);
    // A gateway's [DONE] is not this API's end, nor is a comment that one wrapped as data an event.
    if (data.empty() || data == "[DONE]" || data.starts_with(':')) return;
    const auto root = json_.parse(data);
    if (!root && unfinished) return;
    if (!root) return answer_.fail(upstream_fault("bad_event", "an event's data is not one JSON value", true), sink);
    answer_.add_event(*root, event.type, sink);
  }

  SseParser parser_{kMaxEventBytes};
  EventJson json_;
  OpenAiResponsesAnswer answer_{json_};
  std::unique_ptr<UnaryDecoder> unary_;
  bool format_known_ = false;
};

}  // namespace

std::unique_ptr<ResponseDecoder> make_openai_responses_decoder(BodyFormat format) {
  if (format == BodyFormat::unary) return std::make_unique<UnaryDecoder>();
  return std::make_unique<StreamDecoder>();
}

}  // namespace aiw
