// Feeds any bytes as a response of Cohere's chat API.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/wire_apis.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  aiw::fuzz::check_api(aiw::cohere_chat::kApi, aiw::fuzz::read_input(bytes, size));
  return 0;
}
