// Google's Gemini API (ai.google.dev/api/generate-content); Vertex AI serves the same messages at other URLs.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::google {

const WireApi& gemini_api();

// The parts of it, for tests and for Vertex.
std::expected<BuiltRequest, Error> build_gemini(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::google
