// Feeds any bytes as a response of the legacy Completions API.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/wire_apis.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  aiw::fuzz::check_api(aiw::openai_completions::kApi, aiw::fuzz::read_input(bytes, size));
  return 0;
}
