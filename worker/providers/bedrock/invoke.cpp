#include <string>
#include <utility>

#include "worker/base/base64.hpp"
#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/anthropic_messages/decoder.hpp"
#include "worker/providers/bedrock/api.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/bedrock/events.hpp"
#include "worker/providers/bedrock/operation.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace aiw::bedrock {
namespace {

// Every `chunk` event holds one event of the Messages API in base64: {"bytes": "…"}.
class StreamDecoder final : public anthropic_messages::StreamDecoder {
 public:
  void feed(std::string_view bytes, StepSink& sink) override {
    // As the first byte of a length, the first byte of a body would mean a gigabyte.
    if (auto* const body = body_instead(bytes)) return body->feed(bytes, sink);
    if (done_) return;
    events_.feed(bytes);
    Event event;
    while (!done_ && events_.next(event)) on_chunk(event, sink);
    if (!done_ && events_.error()) fail(*events_.error(), sink);
  }

  void end(StepSink& sink) override {
    if (auto* const body = body_instead({})) return body->end(sink);
    if (!done_) fail(events_.cut_short(), sink);
  }

 private:
  void on_chunk(const Event& event, StepSink& sink) {
    const auto root = wrapper_.parse(event.payload);
    const auto bytes = root ? get_string(*root, "bytes") : std::nullopt;
    if (root && root->is_object() && event.type.ends_with("Exception")) {
      return fail(stream_error(event.type, wrapper_.plain_text(get_string_or_empty(*root, "message"))), sink);
    }
    if (event.type != "chunk") return;
    if (!bytes || !base64_decode(*bytes, data_)) {
      return fail(upstream_fault("bad_event", "a chunk of the stream is not base64", true), sink);
    }
    on_event({.type = {}, .data = data_, .id = {}}, false, sink);
  }

  Events events_{kMaxEventBytes};
  EventJson wrapper_;
  std::string data_;
};

}  // namespace

std::unique_ptr<ResponseDecoder> make_invoke_decoder(BodyFormat format) {
  if (format == BodyFormat::stream) return std::make_unique<StreamDecoder>();
  return anthropic_messages::make_decoder(BodyFormat::unary);
}

std::expected<BuiltRequest, Error> build_invoke(const StepInput& input) {
  auto request = start_operation(input.chat.stream.upstream ? "invoke-with-response-stream" : "invoke", input);
  if (!request) return std::unexpected(std::move(request).error());
  auto built = anthropic_messages::build_body(input, anthropic_messages::Host::bedrock);
  if (!built) return std::unexpected(std::move(built).error());
  request->body = std::move(built->body);
  return finish_operation(*std::move(request), std::move(built->notes), input);
}

const WireApi& invoke_api() {
  static constexpr WireApi kApi = {
      build_invoke, make_invoke_decoder, aws_http_error, nullptr, nullptr, anthropic_messages::kPauseReason};
  return kApi;
}

}  // namespace aiw::bedrock
