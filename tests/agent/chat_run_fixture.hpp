// A session with everything around it played by a test.
#pragma once

#include <doctest/doctest.h>

#include "protocol/decode.hpp"
#include "tests/agent/openai_sse.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_http.hpp"
#include "tests/support/fake_output.hpp"
#include "worker/agent/chat_run.hpp"
#include "worker/agent/http_attempt.hpp"
#include "worker/agent/target.hpp"

namespace aiw {

inline std::unique_ptr<ChatRequest> decode_chat(const Json& line) {
  Request request = decode_line({line.dump()});
  if (const auto* rejected = std::get_if<RejectedLine>(&request)) FAIL(rejected->error.message);
  return std::get<std::unique_ptr<ChatRequest>>(std::move(request));
}

// A chat line of id `c` to the model `m` of the provider `p`, with more or other fields in `payload`.
inline Json chat_line(Json payload = Json::object(), std::string_view id = "c") {
  const Json defaults = Json::parse(R"({"config": {"providers": [{"id": "p", "baseUrl": "https://p.example/v1",
      "apiKey": "k3y", "models": [{"id": "m"}]}]}, "messages": [{"role": "user", "content": "hi"}]})");
  for (const auto& [key, value] : defaults.items()) {
    if (!payload.contains(key)) payload[key] = value;
  }
  return {{"id", id}, {"type", "chat"}, {"payload", std::move(payload)}};
}

struct ChatRunFixture {
  // A limit counts what the test's own operators new say, which count nothing.
  MemoryAccounts memory{{}};
  FakeClock clock{};
  FakeHttp http{};
  FakeOutput output{};
  std::unique_ptr<FrameEncoder> encoder = make_encoder(Dialect::v1);
  Backlog backlog{output};
  RetryBudget budget{};
  FinishedExchanges finished{clock};
  TokenCache tokens{clock, http, {}};
  double random = 0;
  std::vector<ToolSource*> sources{};
  int max_parallel_tools = 16;
  std::string ended{};  // "done" or "error", once for each time the reply was given
  const Error unanswered{.code = "internal"};
  std::unique_ptr<ChatRun> session{};

  // A session that has not started.
  void make(const std::string& payload = "{}", const OutboxLimits& limits = {}) {
    auto chat = decode_chat(chat_line(Json::parse(payload)));
    auto route = resolve_route(*chat, *chat->config, KeyPolicy{});
    REQUIRE(route);
    const int max_steps = chat->max_steps.value_or(20);
    Reply reply(std::make_unique<Outbox>("c", encoder->chat("c", false), output, backlog, clock, limits), unanswered,
                [this](bool ok) { ended += ok ? "done" : "error"; });
    const ChatRunServices services{
        {clock, http, finished, memory}, budget, tokens, [this] { return random; }, {}, sources, max_parallel_tools};
    session = std::make_unique<ChatRun>(std::move(chat), *std::move(route), max_steps, services, std::move(reply),
                                        clock.now());
  }
  void start(const std::string& payload = "{}", const OutboxLimits& limits = {}) {
    make(payload, limits);
    session->start();
  }
  // The last request is answered by a stream of `body`, which HTTP ends too.
  void answer(const std::string& body) {
    FakeExchange& exchange = http.last();  // the answer may lead to the next request
    exchange.stream();
    exchange.body(body);
    exchange.end();
  }
  void advance(int ms) { clock.advance(std::chrono::milliseconds(ms)); }
  void tool_result(const std::string& call, const std::string& output_json) {
    REQUIRE(session->awaits(call));
    session->tool_result({"r", "c", call, output_json});
  }
  [[nodiscard]] std::string transcript() const { return output.transcript("c"); }
  [[nodiscard]] std::string types() const { return output.types("c"); }
  [[nodiscard]] Json last() const { return output.last()["data"]; }
  [[nodiscard]] Json body(std::size_t request) { return Json::parse(http.at(request).request().body.str()); }
};

inline constexpr std::string_view kParentTool =
    R"({"tools": [{"name": "add", "inputSchema": {"type": "object"}}], "maxSteps": 5})";

// The counts of a `usage` or `done` as they are written.
inline std::string counts(int input, int output) {
  return R"("inputTokens":)" + std::to_string(input) + R"(,"outputTokens":)" + std::to_string(output) +
         R"(,"totalTokens":)" + std::to_string(input + output) +
         R"(,"cachedInputTokens":null,"cacheWriteTokens":null,"reasoningTokens":null,"accuracy":"exact")";
}

// The golden `start` of a step.
inline std::string start_line(int seq, int step) {
  return std::to_string(seq) + R"( start {"step":)" + std::to_string(step) +
         R"(,"provider":"p","model":"m","attempt":1})"
         "\n";
}

}  // namespace aiw
