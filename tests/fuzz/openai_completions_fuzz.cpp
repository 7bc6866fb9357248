// Feeds any bytes as a response of the legacy Completions API.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/openai_completions/api.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  aiw::fuzz::check_api(aiw::openai_completions::api(), aiw::fuzz::read_input(bytes, size));
  return 0;
}
