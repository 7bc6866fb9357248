// Feeds any bytes as a response of Chat Completions.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/wire_apis.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  aiw::fuzz::check_api(aiw::openai_chat::kApi, aiw::fuzz::read_input(bytes, size));
  return 0;
}
