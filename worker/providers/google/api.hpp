// Google's Gemini API (ai.google.dev/api/generate-content), and Vertex AI: the same messages and, for Claude's models,
// Anthropic's, at URLs that name a project and a location.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::google {

const WireApi& gemini_api();
const WireApi& vertex_api();
// Claude's models on Vertex AI.
const WireApi& vertex_anthropic_api();

// The API that serves a model of Vertex AI: vertex or vertex_anthropic.
Api vertex_api_of(std::string_view model);

// The parts of them, for tests.
std::expected<BuiltRequest, Error> build_gemini(const StepInput& input);
std::expected<BuiltRequest, Error> build_vertex(const StepInput& input);
std::expected<BuiltRequest, Error> build_vertex_anthropic(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::google
