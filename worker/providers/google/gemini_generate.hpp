// Google's Gemini API (ai.google.dev/api/generate-content); Vertex AI serves the same messages at other URLs.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

const WireApi& gemini_generate_api();

// The parts of it, for tests and for Vertex.
std::expected<BuiltRequest, Error> build_gemini_generate(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_gemini_decoder(BodyFormat format);

}  // namespace aiw
