// Ollama's own API: /api/chat, and /api/generate for one prompt.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::ollama {

const WireApi& chat_api();
const WireApi& generate_api();

// Functions of the APIs, for tests.
std::expected<BuiltRequest, Error> build_chat(const StepInput& input);
std::expected<BuiltRequest, Error> build_generate(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::ollama
