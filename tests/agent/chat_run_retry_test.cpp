// Retries in sessions: when there is one, after how long, and when there is none.
#include <doctest/doctest.h>

#include "tests/agent/chat_run_fixture.hpp"

using namespace aiw;

TEST_CASE("fault 54: failures before the first delta are retried after exact delays") {
  ChatRunFixture f;
  f.start(R"({"retry": {"max": 3}})");
  f.http.last().fail(network_error("connect_error"));
  CHECK(f.transcript() == start_line(0, 0) + R"(1 retry {"step":0,"attempt":2,"reason":"connect_error","delayMs":500})"
                                             "\n");
  f.advance(499);
  CHECK(f.http.count() == 1);
  f.advance(1);
  REQUIRE(f.http.count() == 2);
  f.http.last().head(503, {{"retry-after", "7"}});
  f.http.last().end();
  f.advance(6'999);
  CHECK(f.http.count() == 2);
  f.advance(1);
  REQUIRE(f.http.count() == 3);
  f.random = 1;
  f.http.last().stream();
  f.http.last().end();
  f.advance(1'499);
  CHECK(f.http.count() == 3);
  f.advance(1);
  REQUIRE(f.http.count() == 4);
  CHECK(f.http.at(3).request().body.str() == f.http.at(0).request().body.str());
  f.answer(sse::answer("at last"));
  CHECK(f.types() == "start retry retry retry delta done");
  CHECK(f.output.frames()[2]["data"]["delayMs"] == 7'000);
  CHECK(f.output.frames()[3]["data"]["delayMs"] == 1'500);
  CHECK(f.output.frames()[3]["data"]["attempt"] == 4);
  CHECK(f.output.frames()[3]["data"]["reason"] == "truncated_stream");
  CHECK(f.ended == "done");
}

TEST_CASE("the retries of a step are counted, and a new step has new ones") {
  ChatRunFixture f;
  f.start(R"({"retry": {"max": 1}, "tools": [{"name": "add"}]})");
  f.http.last().fail(network_error("connect_error"));
  f.advance(500);
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  f.http.last().fail(network_error("connect_error"));
  f.advance(500);
  CHECK(f.http.count() == 4);
  f.http.last().fail(network_error("dns_error"));
  CHECK(f.types() == "start retry delta tool_call start retry error");
  CHECK(f.last()["code"] == "dns_error");
  CHECK(f.last()["provider"] == "p");
  CHECK(f.last()["partial"] == true);
  CHECK(f.last()["messages"].size() == 2);
  CHECK(f.ended == "error");
}

TEST_CASE("what a retry cannot mend is not retried") {
  ChatRunFixture f;
  f.start();
  f.http.last().head(401, {});
  f.http.last().body(R"({"error":{"message":"bad key","code":"invalid_api_key"}})");
  f.http.last().end();
  CHECK(
      f.transcript() ==
      start_line(0, 0) +
          R"(1 error {"code":"upstream_http","category":"auth","message":"bad key","retryable":false,"provider":"p","status":401,"providerCode":"invalid_api_key","url":"https://p.example/v1/chat/completions"})"
          "\n");
}

TEST_CASE("nothing is retried after a delta, and what came is kept") {
  ChatRunFixture f;
  f.start();
  f.http.last().stream();
  f.http.last().body(sse::text("Hel"));
  f.http.last().fail(network_error("upstream_reset"));
  CHECK(f.types() == "start delta error");
  CHECK(f.last()["code"] == "upstream_reset");
  CHECK(f.last()["partial"] == true);
  CHECK(f.last()["messages"][0]["content"][0]["text"] == "Hel");
  f.advance(100'000);
  CHECK(f.http.count() == 1);
}

TEST_CASE("with retry.restart a step begins anew after a delta") {
  ChatRunFixture f;
  f.start(R"({"retry": {"restart": true}})");
  f.http.last().stream();
  f.http.last().body(sse::text("Hel"));
  f.http.last().fail(network_error("upstream_reset"));
  CHECK(f.types() == "start delta retry");
  f.advance(500);
  f.answer(sse::answer("Hello"));
  CHECK(f.types() == "start delta retry delta done");
  CHECK(f.last()["messages"].dump() == R"([{"role":"assistant","content":[{"type":"text","text":"Hello"}]}])");
}

TEST_CASE("what a retry takes back is not the chat's, however that ends") {
  ChatRunFixture f;
  f.start(R"({"retry": {"restart": true}})");
  f.http.last().stream();
  f.http.last().body(sse::text("Hel"));
  f.http.last().fail(network_error("upstream_reset"));
  f.session->cancel();
  CHECK(f.types() == "start delta retry done");
  CHECK(f.last()["messages"].empty());
}

TEST_CASE("logprobs are output: nothing is retried after them") {
  ChatRunFixture f;
  f.start(R"({"logprobs": true})");
  f.http.last().stream();
  f.http.last().body(sse::event(
      R"({"choices":[{"index":0,"delta":{},"logprobs":{"content":[{"token":"a","logprob":-1,"top_logprobs":[]}]}}]})"));
  f.http.last().fail(network_error("upstream_reset"));
  CHECK(f.types() == "start logprobs error");
}

TEST_CASE("without a place in the retry budget a failure is final") {
  ChatRunFixture f;
  for (int i = 0; i < 3; ++i) REQUIRE(f.budget.claim("https://p.example/v1"));
  f.start();
  f.http.last().fail(network_error("connect_error"));
  CHECK(f.types() == "start error");
}

TEST_CASE("a retry's place in the budget is given back, however the chat ends") {
  ChatRunFixture f;
  const auto free_places = [&] {
    int places = 0;
    while (f.budget.claim("https://p.example/v1")) ++places;
    for (int i = 0; i < places; ++i) f.budget.release("https://p.example/v1");
    return places;
  };
  f.budget.chat_began("https://p.example/v1");  // another chat, so that the count is not forgotten
  f.start();
  f.http.last().fail(network_error("connect_error"));
  CHECK(free_places() == 2);
  f.session->cancel();
  CHECK(free_places() == 3);

  f.start();
  f.http.last().fail(network_error("connect_error"));
  f.advance(500);
  CHECK(free_places() == 2);
  f.http.last().fail(network_error("connect_error"));
  CHECK(free_places() == 2);
  f.session.reset();
  CHECK(free_places() == 3);
}

TEST_CASE("a provider's timeout is retried like other failures before the first delta") {
  ChatRunFixture f;
  f.start(R"({"timeouts": {"firstByteMs": 1000}, "retry": {"max": 1}})");
  f.advance(1'000);
  CHECK(f.types() == "start retry");
  f.advance(500);
  f.advance(1'000);
  CHECK(f.types() == "start retry error");
  CHECK(f.last()["code"] == "timeout_first_byte");
}
