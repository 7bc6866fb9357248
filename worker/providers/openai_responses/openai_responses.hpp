// OpenAI's Responses API (platform.openai.com/docs/api-reference/responses), which Azure and several others speak too.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

// Also for Azure, whose addresses differ (openai_url).
const WireApi& openai_responses_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_openai_responses(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_openai_responses_decoder(BodyFormat format);

}  // namespace aiw
