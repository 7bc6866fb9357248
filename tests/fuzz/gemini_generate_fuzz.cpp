// Feeds any bytes as a response of Gemini, and sends its state back.
#include <nlohmann/json.hpp>

#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/google/state.hpp"
#include "worker/providers/wire_apis.hpp"

namespace {

using namespace aiw;

// Checks that the request builder can read every state that the decoder returns.
void check_state(const std::string& state) {
  if (fuzz::has_odd_number(state)) return;
  std::string escaped;
  append_json_escaped(escaped, state);
  StateReader reader;
  const auto read = google::read_state(reader, {escaped});
  fuzz::require(read.ours, "a state reads back: " + state);
  const bool informs = state.contains(R"({"groundingMetadata":)");  // only for the parent; not sent back
  fuzz::require(!read.part.empty() || !read.signature.empty() || read.thought || informs,
                "a state says something: " + state);
  fuzz::require(read.part.empty() || nlohmann::json::accept(read.part), "a part is JSON");
}

void check_calls(const testing::RecordingSink& got) {
  for (const auto& [part, call] : got.calls) {
    const bool streamed = got.parts.contains(part);
    fuzz::require(!streamed || got.parts.at(part).text == call.input_text, "deltas are the input");
    fuzz::require(!streamed || nlohmann::json::accept(call.input_text), "streamed arguments are JSON");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::check_api(google::kGeminiApi, fuzz::read_input(bytes, size), [](const testing::RecordingSink& got) {
    for (const auto& [part, state] : got.states) check_state(state);
    check_calls(got);
  });
  return 0;
}
