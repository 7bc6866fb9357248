// Cohere's chat API, version 2.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

const WireApi& cohere_chat_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_cohere_chat(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_cohere_chat_decoder(BodyFormat format);

}  // namespace aiw
