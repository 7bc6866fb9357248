// Feeds any bytes as server-sent events.
#include "tests/fuzz/fuzz_input.hpp"
#include "worker/base/sse_parser.hpp"

namespace {

using namespace aiw;

constexpr std::size_t kMaxEvent = 64;  // small, so that inputs often reach the limit

std::string parse(const std::vector<std::string>& pieces) {
  SseParser parser(kMaxEvent);
  SseEvent event;
  std::string events;
  const auto note = [&] {
    fuzz::require(event.data.size() <= kMaxEvent, "an event keeps to its limit");
    events.append(event.type).append("\n").append(event.id).append("\n").append(event.data).append("\n\n");
  };
  for (const auto& piece : pieces) {
    parser.feed(piece);
    while (parser.next(event)) note();
  }
  if (parser.finish(event)) note();
  return events + (parser.too_large() ? "too large" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = fuzz::read_input(bytes, size);
  const std::string whole = parse({std::string(input.data)});
  fuzz::require(parse(input.pieces()) == whole, "a cut changed the events");
  std::vector<std::string> single;
  for (const char byte : input.data) single.emplace_back(1, byte);
  fuzz::require(parse(single) == whole, "single bytes changed the events");
  return 0;
}
