// Other models: fallbacks after a failure, and hedges beside a slow first try.
#include <doctest/doctest.h>

#include "tests/agent/chat_run_fixture.hpp"

using namespace aiw;

namespace {

// Providers of several wire APIs; the chat's own model is p's.
std::string payload(Json more) {
  more["config"] = Json::parse(R"({"providers": [
      {"id": "p", "baseUrl": "https://p.example/v1", "apiKey": "k-p", "models": [{"id": "m", "price": {"input": 1, "output": 1}}]},
      {"id": "q", "baseUrl": "https://q.example/v1", "apiKey": "k-q", "models": [{"id": "n", "price": {"input": 2, "output": 2}}]},
      {"id": "a", "type": "anthropic-messages", "baseUrl": "https://a.example", "apiKey": "k-a", "models": [{"id": "c"}]},
      {"id": "o", "type": "ollama-chat", "baseUrl": "http://localhost:11434", "models": [{"id": "l"}]}
  ]})");
  return more.dump();
}

Json names(const std::vector<std::string>& names) { return names; }

std::string anthropic_start(int input_tokens) {
  return R"(event: message_start
data: {"type":"message_start","message":{"id":"x","type":"message","role":"assistant","content":[],"model":"c","usage":{"input_tokens":)" +
         std::to_string(input_tokens) + R"(,"output_tokens":1}}}

)";
}

void refuse(FakeExchange& exchange, int status) {
  exchange.head(status, {});
  exchange.body(R"({"error":{"message":"no"}})");
  exchange.end();
}

bool asks(FakeExchange& exchange, std::string_view host) {
  return exchange.request().url.starts_with("https://" + std::string(host) + ".example/");
}

}  // namespace

TEST_CASE("a fallback is asked when a failure is final, and stays for later steps") {
  ChatRunFixture f;
  f.start(payload({{"fallbacks", names({"q/n"})}, {"tools", Json::array({{{"name", "add"}}})}}));
  refuse(f.http.last(), 401);
  REQUIRE(f.http.count() == 2);
  CHECK(asks(f.http.last(), "q"));
  CHECK(f.body(1)["model"] == "n");
  CHECK(f.output.frames()[1]["data"].dump() ==
        R"({"step":0,"attempt":2,"reason":"upstream_http","delayMs":0,"provider":"q","model":"n"})");
  f.answer(sse::call(0, "t", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("t", R"({"type":"text","value":"A"})");
  REQUIRE(f.http.count() == 3);
  CHECK(asks(f.http.last(), "q"));
  f.answer(sse::answer("yes"));
  CHECK(f.types() == "start retry delta tool_call start delta done");
  CHECK(f.output.frames()[4]["data"]["provider"] == "q");
  CHECK(f.last()["provider"] == "q");
  CHECK(f.last()["model"] == "n");
}

TEST_CASE("fallbacks are asked in turn, each after its own retries, and the last failure is the chat's") {
  ChatRunFixture f;
  f.start(payload({{"fallbacks", names({"q/n", "a/c"})}, {"retry", {{"max", 1}}}}));
  refuse(f.http.last(), 503);
  f.advance(500);
  refuse(f.http.last(), 503);
  REQUIRE(f.http.count() == 3);
  CHECK(asks(f.http.last(), "q"));
  refuse(f.http.last(), 503);
  f.advance(500);
  refuse(f.http.last(), 400);
  REQUIRE(f.http.count() == 5);
  CHECK(asks(f.http.last(), "a"));
  refuse(f.http.last(), 404);
  CHECK(f.types() == "start retry retry retry retry error");
  CHECK(f.last()["provider"] == "a");
  CHECK(f.last()["status"] == 404);
  CHECK(f.ended == "error");
}

TEST_CASE("no fallback is asked once output was forwarded, unless the chat begins steps anew") {
  for (const bool restart : {false, true}) {
    ChatRunFixture f;
    f.start(payload({{"fallbacks", names({"q/n"})}, {"retry", {{"max", 0}, {"restart", restart}}}}));
    f.http.last().stream();
    f.http.last().body(sse::text("Hel"));
    f.http.last().fail(network_error("upstream_reset"));
    CHECK(f.http.count() == (restart ? 2 : 1));
    if (!restart) CHECK(f.types() == "start delta error");
    if (restart) f.answer(sse::answer("Hello"));
    if (restart) CHECK(f.last()["messages"][0]["content"][0]["text"] == "Hello");
  }
}

TEST_CASE("a fallback that has no words for the chat gives way to the next") {
  ChatRunFixture f;
  // Ollama fetches no images.
  const Json image = {{"type", "image"}, {"mediaType", "image/png"}, {"url", "https://i.example/i.png"}};
  f.start(payload({{"messages", Json::array({{{"role", "user"}, {"content", Json::array({image})}}})},
                   {"fallbacks", names({"o/l", "q/n"})},
                   {"retry", {{"max", 0}}}}));
  f.http.last().fail(network_error("connect_error"));
  REQUIRE(f.http.count() == 2);
  CHECK(asks(f.http.last(), "q"));
  CHECK(f.types() == "start retry retry");
  CHECK(f.output.frames()[2]["data"]["reason"] == "invalid_request");
}

TEST_CASE("a fallback that is for some errors only is passed over for others, and kept") {
  const auto fallback = [](const char* model, const std::vector<std::string>& codes) {
    return Json{{"model", model}, {"codes", codes}};
  };
  const auto overflow = [](FakeExchange& exchange) {
    exchange.head(400, {});
    exchange.body(R"({"error":{"message":"m","code":"context_length_exceeded"}})");
    exchange.end();
  };
  ChatRunFixture f;
  f.start(payload({{"fallbacks", Json::array({fallback("q/n", {"context_overflow"}), fallback("a/c", {"auth"})})},
                   {"retry", {{"max", 0}}}}));
  refuse(f.http.last(), 401);  // by its category
  REQUIRE(f.http.count() == 2);
  CHECK(asks(f.http.last(), "a"));
  overflow(f.http.last());  // by its code: the one that was passed over
  REQUIRE(f.http.count() == 3);
  CHECK(asks(f.http.last(), "q"));
  refuse(f.http.last(), 401);  // nobody is left
  CHECK(f.types() == "start retry retry error");

  ChatRunFixture none;
  none.start(payload({{"fallbacks", Json::array({fallback("q/n", {"context_overflow"})})}, {"retry", {{"max", 0}}}}));
  refuse(none.http.last(), 503);
  CHECK(none.http.count() == 1);
  CHECK(none.last()["status"] == 503);
}

TEST_CASE("a fallback that nobody knows refuses the chat, and the pointer names it") {
  const auto chat = decode_chat(chat_line(Json::parse(payload({{"fallbacks", names({"q/n", "q/unknown"})}}))));
  const auto route = resolve_route(*chat, *chat->config, KeyPolicy{});
  REQUIRE(!route);
  CHECK(route.error().code == "model_not_found");
  CHECK(route.error().pointer == "/payload/fallbacks/1");
  const auto hedged =
      decode_chat(chat_line(Json::parse(payload({{"hedge", {{"afterMs", 5}, {"model", "nobody/n"}}}}))));
  const auto other = resolve_route(*hedged, *hedged->config, KeyPolicy{});
  REQUIRE(!other);
  CHECK(other.error().pointer == "/payload/hedge/model");
}

TEST_CASE("a try that had used tokens when it failed is told, and counted") {
  ChatRunFixture f;
  f.start(payload({{"model", "a/c"}, {"retry", {{"max", 0}}}, {"fallbacks", names({"q/n"})}}));
  f.http.last().stream();
  f.http.last().body(anthropic_start(7));
  f.http.last().fail(network_error("upstream_reset"));
  f.answer(sse::text("yes") + sse::finish("stop") + sse::usage(2, 3) + sse::done());
  CHECK(f.types() == "start usage retry delta usage done");
  CHECK(f.output.frames()[1]["data"]["discarded"] == true);
  CHECK(f.output.frames()[1]["data"]["inputTokens"] == 7);
  CHECK(f.output.frames()[1]["data"]["model"] == "c");
  CHECK(f.output.frames()[4]["data"]["model"] == "n");
  CHECK(f.last()["usage"]["inputTokens"] == 9);
}

TEST_CASE("a hedge begins after its time, and the first output wins") {
  for (const bool second_wins : {false, true}) {
    ChatRunFixture f;
    f.start(payload({{"hedge", {{"afterMs", 1000}, {"model", "q/n"}}}}));
    f.advance(999);
    CHECK(f.http.count() == 1);
    f.advance(1);
    REQUIRE(f.http.count() == 2);
    FakeExchange& winner = f.http.at(second_wins ? 1 : 0);
    FakeExchange& loser = f.http.at(second_wins ? 0 : 1);
    CHECK(asks(f.http.at(1), "q"));
    CHECK(f.types() == "start retry");
    CHECK(f.output.frames()[1]["data"].dump() ==
          R"({"step":0,"attempt":2,"reason":"hedge","delayMs":0,"provider":"q","model":"n"})");
    loser.stream();
    winner.stream();
    CHECK(loser.open());
    winner.body(sse::text("won"));
    CHECK(!loser.open());
    CHECK(winner.open());
    winner.body(sse::finish("stop") + sse::usage(10, 10) + sse::done());
    CHECK(f.types() == "start retry delta usage done");
    CHECK(f.last()["usage"]["cost"] == doctest::Approx((second_wins ? 40 : 20) / 1e6));
    CHECK(f.last()["model"] == (second_wins ? "n" : "m"));
    CHECK(f.ended == "done");
  }
}

TEST_CASE("an answer in time begins no hedge, nor does a failure") {
  ChatRunFixture f;
  f.start(payload({{"hedge", {{"afterMs", 1000}}}, {"retry", {{"max", 0}}}}));
  f.http.last().stream();
  f.http.last().body(sse::text("soon"));
  f.advance(5'000);
  CHECK(f.http.count() == 1);
  f.session->cancel();

  f.start(payload({{"hedge", {{"afterMs", 1000}}}, {"retry", {{"max", 0}}}}));
  f.http.last().fail(network_error("connect_error"));
  f.advance(5'000);
  CHECK(f.http.count() == 2);
}

TEST_CASE("what the loser of a hedge had used is told, and counted") {
  ChatRunFixture f;
  f.start(payload({{"model", "a/c"}, {"hedge", {{"afterMs", 100}, {"model", "q/n"}}}}));
  f.http.at(0).stream();
  f.http.at(0).body(anthropic_start(7));
  f.advance(100);
  f.answer(sse::text("won") + sse::finish("stop") + sse::usage(2, 3) + sse::done());
  CHECK(f.types() == "start retry usage delta usage done");
  const Json lost = f.output.frames()[2]["data"];
  CHECK(lost["discarded"] == true);
  CHECK(lost["inputTokens"] == 7);
  CHECK(lost["accuracy"] == "last_seen");
  CHECK(f.last()["usage"]["inputTokens"] == 9);
}

TEST_CASE("one try of a hedge may fail, then the other is the step's; if both do, the first one's failure counts") {
  for (const std::size_t first_to_fail : {0u, 1u}) {
    ChatRunFixture f;
    f.start(payload({{"hedge", {{"afterMs", 100}, {"model", "q/n"}}}, {"retry", {{"max", 0}}}}));
    f.advance(100);
    refuse(f.http.at(first_to_fail), first_to_fail == 0 ? 503 : 401);
    CHECK(f.types() == "start retry");
    CHECK(f.http.at(1 - first_to_fail).open());
    SUBCASE("the other answers") {
      f.http.at(1 - first_to_fail).stream();
      f.http.at(1 - first_to_fail).body(sse::answer("mine"));
      CHECK(f.types() == "start retry delta done");
    }
    SUBCASE("the other fails too") {
      refuse(f.http.at(1 - first_to_fail), first_to_fail == 0 ? 401 : 503);
      CHECK(f.types() == "start retry error");
      CHECK(f.last()["provider"] == "p");
      CHECK(f.last()["status"] == 503);
    }
  }
}

TEST_CASE("usage, however often it is said, is no output that would win") {
  ChatRunFixture f;
  f.start(payload({{"hedge", {{"afterMs", 100}, {"model", "q/n"}}}, {"retry", {{"max", 0}}}}));
  f.http.at(0).stream();
  for (int i = 0; i < 200; ++i) f.http.at(0).body(sse::usage(1, 1));
  f.advance(100);
  REQUIRE(f.http.count() == 2);
  f.answer(sse::answer("mine"));
  CHECK(f.types() == "start retry usage delta done");
}

TEST_CASE("a hedge of the same model is asked the same, once a step, within the retry budget") {
  ChatRunFixture f;
  f.start(payload({{"hedge", {{"afterMs", 100}}}, {"retry", {{"max", 1}}}}));
  f.advance(100);
  REQUIRE(f.http.count() == 2);
  CHECK(f.body(0) == f.body(1));
  f.http.at(0).fail(network_error("upstream_reset"));
  f.http.at(1).fail(network_error("upstream_reset"));
  f.advance(500);
  REQUIRE(f.http.count() == 3);
  f.advance(1'000);
  CHECK(f.http.count() == 3);
  CHECK(f.output.frames()[2]["data"]["attempt"] == 3);
  f.session->cancel();
  CHECK(!f.http.at(2).open());

  for (int i = 0; i < 3; ++i) REQUIRE(f.budget.claim("https://p.example/v1"));
  f.start(payload({{"hedge", {{"afterMs", 100}}}}));
  f.advance(1'000);
  CHECK(f.http.count() == 4);
}

TEST_CASE("a chat that is cancelled while two tries run closes both") {
  ChatRunFixture f;
  f.start(payload({{"hedge", {{"afterMs", 100}, {"model", "q/n"}}}}));
  f.advance(100);
  f.session->cancel();
  CHECK(!f.http.at(0).open());
  CHECK(!f.http.at(1).open());
  CHECK(f.last()["finishReason"] == "cancelled");
  int places = 0;
  while (f.budget.claim("https://q.example/v1")) ++places;
  CHECK(places == 3);
}
