// OpenAI's Chat Completions API, which most other providers and local servers speak too.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

// Also for Azure, whose addresses differ (openai_url).
const WireApi& openai_chat_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_openai_chat(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_openai_chat_decoder(BodyFormat format);

}  // namespace aiw
