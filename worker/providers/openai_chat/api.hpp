// OpenAI's Chat Completions API, which most other providers and local servers speak too.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::openai_chat {

// Also for Azure, whose addresses differ (openai_url).
const WireApi& api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::openai_chat
