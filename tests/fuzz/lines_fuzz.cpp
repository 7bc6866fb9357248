// Feeds any bytes to stdin: framed, decoded and, for chats, built into upstream requests.
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <variant>

#include "protocol/decode.hpp"
#include "protocol/line_framer.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "worker/providers/mock.hpp"
#include "worker/providers/wire_apis.hpp"

namespace {

using namespace aiw;

constexpr std::size_t kMaxLine = 4096;

std::vector<FramedLine> frame(const std::vector<std::string>& pieces) {
  LineFramer framer(kMaxLine);
  std::vector<FramedLine> lines;
  for (const auto& piece : pieces) {
    const auto room = framer.prepare(piece.size() + 1);
    fuzz::require(room.size() > piece.size(), "there is room");
    std::memcpy(room.data(), piece.data(), piece.size());
    framer.commit(piece.size());
    while (auto line = framer.next()) lines.push_back(*std::move(line));
  }
  if (auto line = framer.finish()) lines.push_back(*std::move(line));
  return lines;
}

bool same(const FramedLine& a, const FramedLine& b) { return a.text == b.text && a.too_large == b.too_large; }

void check_request(const StepInput& step, std::expected<BuiltRequest, Error> (*build)(const StepInput&)) {
  const auto built = build(step);
  if (!built) return fuzz::require(!built.error().message.empty(), "an error says something");
  const std::string body = built->http.body.str();
  fuzz::require(body.size() == built->http.body.size(), "a body's size");
  fuzz::require(nlohmann::json::accept(body), "a body is JSON: " + body);
  fuzz::require(!find_invalid_utf8(body), "a body is UTF-8");
  for (const auto& header : built->http.headers) fuzz::require(!header.name.empty(), "a header has a name");
}

// Returns the script of the first model in the config, as if the chat had requested that model.
std::string script_of(const ChatRequest& chat) {
  if (!chat.config || chat.config->providers.empty()) return {};
  const auto& models = chat.config->providers.front().models;
  return models.empty() ? std::string() : models.front().script;
}

void check_chat(const ChatRequest& chat) {
  Target target;
  target.model = chat.model_id.empty() ? "echo" : chat.model_id;
  target.api_key = "key";
  target.script = script_of(chat);
  for (const bool offer_tools : {true, false}) {
    const StepInput step{.chat = chat, .messages = chat.messages, .target = target, .offer_tools = offer_tools};
    check_request(step, anthropic_messages::kApi.build);
    check_request(step, openai_chat::kApi.build);
    const auto actions = mock_actions(step);
    fuzz::require(actions ? !actions->empty() : !actions.error().message.empty(), "a mock acts or says why not");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = fuzz::read_input(bytes, size);
  auto lines = frame({std::string(input.data)});
  fuzz::require(std::ranges::equal(lines, frame(input.pieces()), same), "a cut changed the lines");
  for (auto& line : lines) {
    fuzz::require(line.text.size() <= kMaxLine, "a line keeps to its limit");
    const auto request = decode_line(std::move(line));
    if (const auto* rejected = std::get_if<RejectedLine>(&request)) {
      fuzz::require(!rejected->error.code.empty() && !find_invalid_utf8(rejected->error.message), "a refusal's words");
    } else if (const auto* chat = std::get_if<std::unique_ptr<ChatRequest>>(&request)) {
      check_chat(**chat);
    }
  }
  return 0;
}
