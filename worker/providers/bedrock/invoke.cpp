#include <utility>

#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/anthropic_messages/decoder.hpp"
#include "worker/providers/bedrock/api.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/bedrock/events.hpp"
#include "worker/providers/bedrock/operation.hpp"

namespace aiw::bedrock {
std::unique_ptr<ResponseDecoder> make_invoke_decoder(BodyFormat format) {
  auto answer = std::make_unique<anthropic_messages::Decoder>();
  if (format == BodyFormat::unary) return make_sse_decoder(std::move(answer), format);
  return make_event_stream_decoder(std::move(answer), Payload::bytes);
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
