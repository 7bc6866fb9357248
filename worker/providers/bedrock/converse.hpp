// Amazon Bedrock's Converse and ConverseStream (docs.aws.amazon.com/bedrock/latest/APIReference).
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

const WireApi& bedrock_converse_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_bedrock_converse(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_bedrock_converse_decoder(BodyFormat format);

}  // namespace aiw
