// Feeds any bytes as a response of Cohere's chat API.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/cohere_chat/api.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  aiw::fuzz::check_api(aiw::cohere_chat::api(), aiw::fuzz::read_input(bytes, size));
  return 0;
}
