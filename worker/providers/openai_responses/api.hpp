// OpenAI's Responses API (platform.openai.com/docs/api-reference/responses), which Azure and several others also
// support.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::openai_responses {

// Also used for Azure, whose URLs differ (openai_chat::openai_url).
const WireApi& api();

// Functions of the API, for tests.
std::expected<BuiltRequest, Error> build(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::openai_responses
