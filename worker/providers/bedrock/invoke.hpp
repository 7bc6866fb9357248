// Claude by Amazon Bedrock's InvokeModel and InvokeModelWithResponseStream: Messages requests, and Messages events
// inside an event stream.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::bedrock {

const WireApi& invoke_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_invoke(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_invoke_decoder(BodyFormat format);

}  // namespace aiw::bedrock
