// Feeds any bytes as a response of InvokeModel: unchanged, and line by line as Messages events in chunks with valid
// checksums.
#include "tests/fuzz/decoder_fuzz.hpp"
#include "tests/providers/bedrock/event_stream.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/wire_apis.hpp"

namespace {

std::string as_chunks(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    out += aiw::testing::bedrock_event("chunk", R"({"bytes":")" + aiw::base64_encode(line) + "\"}");
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace aiw;
  const auto input = fuzz::read_input(bytes, size);
  fuzz::check_api(bedrock::kInvokeApi, input);
  const std::string chunks = as_chunks(input.data);
  fuzz::check_decoder(bedrock::kInvokeApi, BodyFormat::stream, fuzz::recut(input, chunks));
  return 0;
}
