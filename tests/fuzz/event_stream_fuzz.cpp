// Feeds any bytes as an AWS event stream. Also checks that every well-formed message is returned unchanged.
#include "tests/fuzz/fuzz_input.hpp"
#include "tests/providers/bedrock/event_stream.hpp"
#include "worker/providers/bedrock/event_stream_parser.hpp"

namespace {

using namespace aiw;

constexpr std::size_t kLimit = 4096;

// Returns all messages, the fault and the final state in one string.
std::string parse(const std::vector<std::string>& pieces) {
  bedrock::EventStreamParser parser(kLimit);
  bedrock::EventStreamMessage message;
  std::string out;
  for (const auto& piece : pieces) {
    parser.feed(piece);
    while (parser.next(message)) {
      fuzz::require(message.headers.size() + message.payload.size() + 16 <= kLimit, "a message keeps to the limit");
      out.append(message.headers).append("|").append(message.payload).append("\n");
    }
  }
  return out + std::to_string(static_cast<int>(parser.fault())) + (parser.inside_message() ? " inside" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = fuzz::read_input(bytes, size);
  fuzz::require(parse({std::string(input.data)}) == parse(input.pieces()), "a cut changed the result");

  // The input as the payload of a message with valid checksums.
  const std::string message = testing::bedrock_event("e", input.data.substr(0, kLimit / 2));
  const std::string got = parse(fuzz::recut(input, message).pieces());
  fuzz::require(got == parse({message}) && got.ends_with("\n0"), "a good message comes out");
  return 0;
}
