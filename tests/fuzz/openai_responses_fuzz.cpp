// Feeds any bytes as a response of the Responses API, and sends back the parts that a parent would.
#include <deque>

#include "tests/fuzz/decoder_fuzz.hpp"
#include "worker/providers/wire_apis.hpp"

namespace {

// Checks that every state of a decoder becomes valid JSON in a request body.
void check_replay(const aiw::testing::RecordingSink& got) {
  using namespace aiw;
  ChatRequest chat;
  Target target;
  target.base_url = "https://h/v1";
  std::deque<std::string> escaped;
  Message message{Role::assistant, {}};
  for (const auto& [part, state] : got.states) {
    append_json_escaped(escaped.emplace_back(), state);
    const RawString raw{escaped.back()};
    message.parts.emplace_back(ReasoningPart{{"r"}, raw});
    message.parts.emplace_back(TextPart{{"t"}, raw});
    message.parts.emplace_back(ToolCallPart{{"c"}, {"f"}, {"{}"}, {}, raw});
    message.parts.emplace_back(MediaPart{.data = {"QQ=="}, .provider_state = raw});
    message.parts.emplace_back(ProviderPart{raw});
  }
  const std::vector<Message> messages = {message};
  const auto built = openai_responses::kApi.build({chat, messages, target});
  fuzz::require(built.has_value(), "a request was built");
  fuzz::require(nlohmann::json::accept(built->http.body.str()), "the body is JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  aiw::fuzz::check_api(aiw::openai_responses::kApi, aiw::fuzz::read_input(bytes, size), check_replay);
  return 0;
}
