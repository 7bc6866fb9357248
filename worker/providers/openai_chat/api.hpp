// OpenAI's Chat Completions API, which most other providers and local servers also support.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::openai_chat {

// Also used for Azure, whose URLs differ (openai_url).
const WireApi& api();

// Functions of the API, for tests.
std::expected<BuiltRequest, Error> build(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::openai_chat
