#include "worker/providers/anthropic_messages/decoder.hpp"
#include "worker/providers/anthropic_messages/request.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/bedrock/events.hpp"
#include "worker/providers/bedrock/operation.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::bedrock {
namespace {

std::unique_ptr<ResponseDecoder> make_invoke_decoder(BodyFormat format) {
  auto answer = std::make_unique<anthropic_messages::Decoder>();
  if (format == BodyFormat::unary) return make_sse_decoder(std::move(answer), format);
  return make_event_stream_decoder(std::move(answer), Payload::bytes);
}

std::expected<BuiltRequest, Error> build_invoke(const StepInput& input) {
  auto request = start_operation(input.chat.stream.upstream ? "invoke-with-response-stream" : "invoke", input);
  auto built = anthropic_messages::build_for(anthropic_messages::Host::bedrock, std::move(request), input);
  if (!built) return built;
  return finish_operation(std::move(built->http), std::move(built->notes), input);
}

}  // namespace

const WireApi kInvokeApi = {
    build_invoke, make_invoke_decoder, aws_http_error, nullptr, nullptr, anthropic_messages::kPauseReason};

}  // namespace aiw::bedrock
