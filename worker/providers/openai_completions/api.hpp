// OpenAI's legacy completions API, which continues a text.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::openai_completions {

const WireApi& api();

// Functions of the API, for tests.
std::expected<BuiltRequest, Error> build(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::openai_completions
