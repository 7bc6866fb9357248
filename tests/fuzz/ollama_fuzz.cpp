// Any bytes as an answer of Ollama's own API; both endpoints' answers have one decoder.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/wire_apis.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  aiw::fuzz::check_api(aiw::ollama::kChatApi, aiw::fuzz::read_input(bytes, size));
  return 0;
}
