// Feeds any bytes as a response of the Messages API, and sends its state back.
#include <nlohmann/json.hpp>

#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/anthropic_messages/state.hpp"
#include "worker/providers/wire_apis.hpp"

namespace {

using namespace aiw;

// Checks that the request builder can read every state that the decoder returns.
void check_state(const std::string& state) {
  if (fuzz::has_odd_number(state)) return;
  std::string escaped;
  append_json_escaped(escaped, state);
  StateReader reader;
  const auto read = anthropic_messages::read_state({escaped}, reader);
  const bool reads_back = !read.block.empty() || !read.signature.empty() || !read.caller.empty() ||
                          !read.citations.empty() || !read.container_id.empty() || read.informs;
  fuzz::require(reads_back, "a state reads back: " + state);
  fuzz::require(read.block.empty() || nlohmann::json::accept(read.block), "a block is JSON");
}

void check_states(const testing::RecordingSink& got) {
  for (const auto& [part, state] : got.states) check_state(state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::check_api(anthropic_messages::kApi, fuzz::read_input(bytes, size), check_states);
  return 0;
}
