#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/google/json_array.hpp"
#include "worker/providers/google/request.hpp"
#include "worker/providers/google/response.hpp"

namespace aiw::google {
namespace {

// Detects a JSON array of responses (from streaming without alt=sse) by its first byte, because the content type is
// unreliable. A proxy may also wrap one response, or an error, in an array.
class GeminiDecoder final : public ResponseDecoder {
 public:
  explicit GeminiDecoder(BodyFormat format) : asked_(format), response_(std::make_unique<Response>(format)) {}

  void feed(std::string_view bytes, StepSink& sink) override {
    if (!is_array_ && !other_) bytes = recognise(bytes);
    if (bytes.empty()) return;
    is_array_ ? feed_array(bytes, sink) : other_->feed(bytes, sink);
  }

  void end(StepSink& sink) override {
    if (other_) return other_->end(sink);
    if (!response_->ended()) response_->fail_truncated(sink);
  }

 private:
  // Returns the bytes of the response itself; empty: none came yet.
  std::string_view recognise(std::string_view bytes) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of(kBeforeText), bytes.size()));
    is_array_ = bytes.starts_with('[');
    if (!bytes.empty() && !is_array_) other_ = make_sse_decoder(std::move(response_), asked_);
    return bytes;
  }

  void feed_array(std::string_view bytes, StepSink& sink) {
    if (response_->ended()) return;
    elements_.feed(bytes);
    std::string_view element;
    while (!response_->ended() && elements_.next(element)) {
      const auto root = json_.parse(element);
      if (!root)
        return response_->fail(error_code::bad_event, "an element of the response's array is not JSON", true, sink);
      response_->add_event(json_, *root, {}, sink);
    }
    if (response_->ended()) return;
    if (elements_.too_large()) return response_->fail_too_large(sink);
    if (elements_.broken()) {
      return response_->fail(error_code::bad_response, "the response is not a JSON array of objects", true, sink);
    }
    if (elements_.closed()) response_->end_of_stream(sink);
  }

  const BodyFormat asked_;
  std::unique_ptr<Response> response_;
  std::unique_ptr<ResponseDecoder> other_;  // set unless the response is an array; it then owns the response
  bool is_array_ = false;
  JsonArraySplitter elements_{kMaxEventBytes};
  EventJson json_;
};

}  // namespace

std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format) { return std::make_unique<GeminiDecoder>(format); }

}  // namespace aiw::google
