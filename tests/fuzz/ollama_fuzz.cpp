// Any bytes as an answer of Ollama's own API; both endpoints' answers have one decoder.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/ollama/ollama.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace aiw;
  const auto input = fuzz::read_input(bytes, size);
  fuzz::check_decoder(ollama_chat_api(), BodyFormat::stream, input);
  fuzz::check_decoder(ollama_chat_api(), BodyFormat::unary, input);
  return 0;
}
