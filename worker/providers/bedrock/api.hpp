// Amazon Bedrock's two APIs (docs.aws.amazon.com/bedrock/latest/APIReference): Converse and ConverseStream for all
// models; InvokeModel and InvokeModelWithResponseStream for Claude, with Messages requests and, inside an event stream,
// Messages events.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::bedrock {

const WireApi& converse_api();
const WireApi& invoke_api();

// The parts of them, for tests.
std::expected<BuiltRequest, Error> build_converse(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_converse_decoder(BodyFormat format);
std::expected<BuiltRequest, Error> build_invoke(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_invoke_decoder(BodyFormat format);

}  // namespace aiw::bedrock
