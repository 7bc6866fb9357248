// Cohere's chat API, version 2.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::cohere_chat {

const WireApi& api();

// Functions of the API, for tests.
std::expected<BuiltRequest, Error> build(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::cohere_chat
