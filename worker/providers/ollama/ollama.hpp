// Ollama's own API: /api/chat, and /api/generate for one prompt.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

const WireApi& ollama_chat_api();
const WireApi& ollama_generate_api();

// The parts of them, for tests.
std::expected<BuiltRequest, Error> build_ollama_chat(const StepInput& input);
std::expected<BuiltRequest, Error> build_ollama_generate(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_ollama_decoder(BodyFormat format);

}  // namespace aiw
