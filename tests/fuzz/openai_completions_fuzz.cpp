// Any bytes as an answer of the legacy completions.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/openai_completions/openai_completions.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace aiw;
  const auto input = fuzz::read_input(bytes, size);
  fuzz::check_decoder(openai_completions_api(), BodyFormat::stream, input);
  fuzz::check_decoder(openai_completions_api(), BodyFormat::unary, input);
  fuzz::check_http_error(openai_completions_api(), input);
  return 0;
}
