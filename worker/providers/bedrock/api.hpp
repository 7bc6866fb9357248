// Amazon Bedrock's two APIs (docs.aws.amazon.com/bedrock/latest/APIReference). Converse and ConverseStream serve all
// models. InvokeModel and InvokeModelWithResponseStream serve Claude; they take Messages requests and return Messages
// events inside an event stream.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::bedrock {

const WireApi& converse_api();
const WireApi& invoke_api();

// Functions of the APIs, for tests.
std::expected<BuiltRequest, Error> build_converse(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_converse_decoder(BodyFormat format);
std::expected<BuiltRequest, Error> build_invoke(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_invoke_decoder(BodyFormat format);

}  // namespace aiw::bedrock
