// Feeds any bytes as a response of Converse: unchanged, and line by line as payloads of events with valid checksums.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "tests/providers/bedrock/event_stream.hpp"
#include "worker/providers/bedrock/state.hpp"
#include "worker/providers/wire_apis.hpp"

namespace {

using namespace aiw;

// Builds events from lines. A line holds an event type, a space and a payload; a line that starts with '!' is an
// exception.
std::string as_events(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const bool exception = line.starts_with('!');
    if (exception) line.remove_prefix(1);
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string type(line.substr(0, std::min<std::size_t>(space, 200)));
    const auto payload = line.substr(std::min(space + 1, line.size()));
    out += exception ? testing::bedrock_exception(type, payload) : testing::bedrock_event(type, payload);
  }
  return out;
}

// Checks that the request builder can read every state that the decoder returns.
void check_state(const std::string& state) {
  if (fuzz::has_odd_number(state)) return;
  std::string escaped;
  append_json_escaped(escaped, state);
  StateReader reader;
  const bool reads_back =
      !bedrock::read_block(reader, {escaped}).empty() || !bedrock::read_signature(reader, {escaped}).empty();
  fuzz::require(reads_back, "a state reads back: " + state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = fuzz::read_input(bytes, size);
  fuzz::check_api(bedrock::kConverseApi, input);
  const std::string events = as_events(input.data);
  const auto got = fuzz::check_decoder(bedrock::kConverseApi, BodyFormat::stream, fuzz::recut(input, events));
  for (const auto& [part, state] : got.states) check_state(state);
  return 0;
}
