// Any bytes as an answer of Chat Completions.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/openai_chat/openai_chat.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace aiw;
  const auto input = fuzz::read_input(bytes, size);
  fuzz::check_decoder(openai_chat_api(), BodyFormat::stream, input);
  fuzz::check_decoder(openai_chat_api(), BodyFormat::unary, input);
  fuzz::check_http_error(openai_chat_api(), input);
  return 0;
}
