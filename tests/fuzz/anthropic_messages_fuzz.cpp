// Any bytes as an answer of the Messages API, and its state sent back.
#include <nlohmann/json.hpp>

#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/anthropic_messages/anthropic_messages.hpp"
#include "worker/providers/anthropic_messages/state.hpp"

namespace {

using namespace aiw;

// What the decoder gives out as state, a builder must be able to read.
void check_state(const std::string& state) {
  std::string escaped;
  append_json_escaped(escaped, state);
  EventJson parser;
  const auto read = read_anthropic_state({escaped}, parser);
  const bool reads_back = !read.block.empty() || !read.signature.empty() || !read.caller.empty() ||
                          !read.citations.empty() || !read.container_id.empty();
  fuzz::require(reads_back, "a state reads back: " + state);
  fuzz::require(read.block.empty() || nlohmann::json::accept(read.block), "a block is JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = fuzz::read_input(bytes, size);
  for (const auto format : {BodyFormat::stream, BodyFormat::unary}) {
    const auto got = fuzz::check_decoder(anthropic_messages_api(), format, input);
    for (const auto& [part, state] : got.states) check_state(state);
  }
  fuzz::check_http_error(anthropic_messages_api(), input);
  return 0;
}
