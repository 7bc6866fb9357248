// OpenAI's legacy completions API, which continues a text.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

const WireApi& openai_completions_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_openai_completions(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_openai_completions_decoder(BodyFormat format);

}  // namespace aiw
