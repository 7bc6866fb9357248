// Amazon Bedrock's Converse and ConverseStream (docs.aws.amazon.com/bedrock/latest/APIReference).
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::bedrock {

const WireApi& converse_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_converse(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_converse_decoder(BodyFormat format);

}  // namespace aiw::bedrock
