// Whole chats as golden transcripts: "seq type data", in order.
#include "worker/agent/chat_run.hpp"

#include <doctest/doctest.h>

#include "tests/agent/chat_run_fixture.hpp"

using namespace aiw;

namespace {

const std::string kNoUsage =
    R"({"inputTokens":null,"outputTokens":null,"totalTokens":null,"cachedInputTokens":null,"cacheWriteTokens":null,"reasoningTokens":null,"accuracy":"exact"})";

}  // namespace

TEST_CASE("a text: start, deltas, usage, done") {
  ChatRunFixture f;
  f.start(R"({"metadata": {"k": [1, "\u00e9"]}})");
  f.advance(40);
  f.http.last().stream();
  f.advance(60);
  f.http.last().body(sse::text("Hel") + sse::text("lo"));
  f.advance(100);
  f.http.last().body(sse::finish("stop") + sse::usage(3, 2) + sse::done());
  CHECK(
      f.transcript() ==
      R"(0 start {"step":0,"provider":"p","model":"m","attempt":1,"metadata":{"k":[1,"é"]}})"
      "\n"
      R"(1 delta {"step":0,"part":0,"kind":"text","text":"Hel"})"
      "\n"
      R"(2 delta {"step":0,"part":0,"kind":"text","text":"lo"})"
      "\n"
      R"(3 usage {"step":0,)" +
          counts(3, 2) +
          "}\n"
          R"(4 done {"finishReason":"stop","finishRaw":"stop","messages":[{"role":"assistant","content":[{"type":"text","text":"Hello"}]}],"usage":{)" +
          counts(3, 2) +
          R"(},"steps":1,"timing":{"queuedMs":0,"firstByteMs":40,"firstDeltaMs":100,"totalMs":200}})"
          "\n");
  CHECK(f.ended == "done");
}

TEST_CASE("the request is what the chat says") {
  ChatRunFixture f;
  f.start();
  const auto& request = f.http.last().request();
  CHECK(request.method == "POST");
  CHECK(request.url == "https://p.example/v1/chat/completions");
  CHECK(f.body(0)["model"] == "m");
  CHECK(f.body(0)["messages"].size() == 1);
}

TEST_CASE("reasoning comes before its text, and goes back with its state") {
  ChatRunFixture f;
  f.start();
  f.answer(sse::reasoning("hm") + sse::answer("ok"));
  CHECK(
      f.transcript() ==
      start_line(0, 0) +
          R"(1 delta {"step":0,"part":0,"kind":"reasoning","text":"hm"})"
          "\n"
          R"(2 delta {"step":0,"part":1,"kind":"text","text":"ok"})"
          "\n"
          R"(3 done {"finishReason":"stop","finishRaw":"stop","messages":[{"role":"assistant","content":[{"type":"reasoning","text":"hm","providerState":"openai-chat:{\"field\":\"reasoning_content\"}@p.example:443/v1"},{"type":"text","text":"ok"}]}],"usage":)" +
          kNoUsage +
          R"(,"steps":1,"timing":{"queuedMs":0,"firstByteMs":0,"firstDeltaMs":0,"totalMs":0}})"
          "\n");
}

TEST_CASE("a chat that is cancelled before its turn never asks anybody") {
  ChatRunFixture f;
  f.make();
  f.advance(30);
  f.session->cancel();
  CHECK(f.http.count() == 0);
  CHECK(f.transcript() ==
        R"(0 done {"finishReason":"cancelled","finishRaw":null,"messages":[],"usage":)" + kNoUsage +
            R"(,"steps":0,"timing":{"queuedMs":0,"firstByteMs":null,"firstDeltaMs":null,"totalMs":30}})"
            "\n");
}

TEST_CASE("cancel while streaming closes the connection and gives what came") {
  ChatRunFixture f;
  f.start();
  f.http.last().stream();
  f.http.last().body(sse::text("Hel"));
  f.session->cancel();
  CHECK(!f.http.last().open());
  CHECK(f.types() == "start delta done");
  CHECK(f.last()["finishReason"] == "cancelled");
  CHECK(f.last()["messages"][0]["content"][0]["text"] == "Hel");
  f.session->cancel();
  f.session->abort({.code = "late"});
  f.session->close_input();
  f.advance(10'000'000);
  CHECK(f.types() == "start delta done");
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("cancel while backing off ends the wait") {
  ChatRunFixture f;
  f.start();
  f.http.last().fail(network_error("connect_error"));
  f.session->cancel();
  CHECK(f.types() == "start retry done");
  CHECK(f.clock.pending() == 0);
  f.advance(100'000);
  CHECK(f.http.count() == 1);
}

TEST_CASE("cancel while tools are awaited cancels them") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", "{}") + sse::call(1, "b", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  f.session->cancel();
  CHECK(f.types() == "start delta delta tool_call tool_call tool_cancel done");
  CHECK(f.output.frames()[5]["data"].dump() == R"({"toolCallId":"b","reason":"cancelled"})");
  CHECK(!f.session->awaits("b"));
  CHECK(f.last()["messages"].size() == 2);  // a's result is kept
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("a chat whose parent can answer no more ends when it waits for it") {
  ChatRunFixture waiting;
  waiting.start(std::string(kParentTool));
  waiting.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  waiting.session->close_input();
  CHECK(waiting.types() == "start delta tool_call tool_cancel error");
  CHECK(waiting.last()["code"] == "input_closed");
  CHECK(waiting.last()["category"] == "cancelled");
  CHECK(waiting.last()["messages"].size() == 1);

  ChatRunFixture streaming;
  streaming.start(std::string(kParentTool));
  streaming.session->close_input();
  CHECK(streaming.types() == "start");
  streaming.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(streaming.types() == "start delta tool_call tool_cancel error");
  CHECK(streaming.last()["code"] == "input_closed");
}

TEST_CASE("a chat that needs nothing from its parent ends well after the input did") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.session->close_input();
  f.answer(sse::call(0, "a", "unknown", "{}") + sse::finish("tool_calls") + sse::done());
  f.answer(sse::answer("fine"));
  CHECK(f.last()["finishReason"] == "stop");
}

TEST_CASE("the total time counts from the acceptance, in any phase") {
  ChatRunFixture f;
  f.make(R"({"timeouts": {"totalMs": 1000}})");
  f.advance(400);
  f.session->start();
  f.http.last().stream();
  f.http.last().body(sse::text("a"));
  f.advance(599);
  CHECK(f.types() == "start delta");
  f.advance(1);
  CHECK(f.types() == "start delta error");
  CHECK(f.last()["code"] == "timeout_total");
  CHECK(f.last()["category"] == "timeout");
  CHECK(!f.http.last().open());
  CHECK(f.clock.pending() == 0);

  ChatRunFixture tools;
  tools.start(R"({"tools": [{"name": "add"}], "timeouts": {"totalMs": 1000}})");
  tools.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  tools.advance(1'000);
  CHECK(tools.types() == "start delta tool_call tool_cancel error");
}

TEST_CASE("a heartbeat comes only if asked for, until the end") {
  ChatRunFixture f;
  f.start(R"({"heartbeatMs": 100})");
  f.advance(350);
  CHECK(f.types() == "start heartbeat heartbeat heartbeat");
  f.answer(sse::answer("a"));
  f.advance(1'000);
  CHECK(f.types() == "start heartbeat heartbeat heartbeat delta done");
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("what decoding and building changed is said once") {
  ChatRunFixture f;
  f.start(R"({"reasoning": {"budgetTokens": 5}, "retry": {"max": 1}})");
  CHECK(f.types() == "start warning");
  CHECK(f.output.frames()[1]["data"]["code"] == "parameter_dropped");
  f.http.last().fail(network_error("connect_error"));
  f.advance(500);
  f.answer(sse::answer("a"));
  CHECK(f.types() == "start warning retry delta done");
}

TEST_CASE("a dry run shows the request without its secrets and asks nobody") {
  ChatRunFixture f;
  f.start(R"({"dryRun": true, "config": {"providers": [{"id": "p", "baseUrl": "https://p.example/v1", "apiKey": "k3y",
              "headers": {"X-Own": "s3cret", "accept": "s3cret"}, "models": [{"id": "m"}]}]}})");
  CHECK(f.http.count() == 0);
  CHECK(f.types() == "done");
  CHECK(f.last()["finishReason"] == "other");
  CHECK(f.last()["finishRaw"] == "dry_run");
  CHECK(f.last()["steps"] == 0);
  const Json request = f.last()["request"];
  CHECK(request["method"] == "POST");
  CHECK(request["url"] == "https://p.example/v1/chat/completions");
  CHECK(
      request["headers"].dump() ==
      R"({"Content-Type":"application/json","Authorization":"[redacted]","X-Own":"[redacted]","accept":"[redacted]"})");
  CHECK(request["body"]["messages"].size() == 1);
  CHECK(f.output.text().find("k3y") == std::string::npos);
  CHECK(f.output.text().find("s3cret") == std::string::npos);
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("the mock provider answers without a network") {
  ChatRunFixture f;
  f.start(R"({"config": {"providers": [{"id": "mock"}]}, "modelId": "echo",
              "messages": [{"role": "user", "content": "one two"}]})");
  f.advance(0);
  CHECK(f.types() == "start delta delta usage done");
  CHECK(f.last()["messages"].dump() == R"([{"role":"assistant","content":[{"type":"text","text":"one two"}]}])");
  CHECK(f.http.count() == 0);
}

TEST_CASE("a mock script plays tools, delays and failures like any provider") {
  ChatRunFixture f;
  f.start(R"({"tools": [{"name": "add"}], "retry": {"max": 0}, "config": {"providers": [{"id": "mock", "models":
              [{"id": "s", "script": [[{"toolCall": {"toolName": "add", "toolCallId": "a", "input": {"x": 1}}}],
                                      [{"text": "a"}, {"delayMs": 50}, {"text": "b"}, {"truncate": true}]]}]}]}})");
  f.advance(0);
  CHECK(f.types() == "start delta tool_call usage");
  f.tool_result("a", R"({"type":"text","value":"1"})");
  f.advance(49);
  CHECK(f.types() == "start delta tool_call usage start delta");
  f.advance(1);
  CHECK(f.types() == "start delta tool_call usage start delta delta error");
  CHECK(f.last()["code"] == "truncated_stream");
}

TEST_CASE("a mock without a script says so, at the start and after a retry") {
  ChatRunFixture f;
  f.start(R"({"config": {"providers": [{"id": "mock"}]}, "modelId": "nothing"})");
  CHECK(f.types() == "start error");
  CHECK(f.last()["code"] == "not_found");
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("a mock that is cancelled or paused while it plays") {
  const std::string script = R"({"config": {"providers": [{"id": "mock", "models": [{"id": "s",
      "script": [[{"text": "0123456789", "repeat": 200}]]}]}]}})";
  ChatRunFixture cancelled;
  cancelled.start(script);
  cancelled.session->cancel();
  CHECK(cancelled.types() == "start done");
  CHECK(cancelled.clock.pending() == 0);

  ChatRunFixture paused;
  paused.start(script, {.max_held = 100});
  paused.output.is_congested = true;
  paused.advance(1'000);
  CHECK(paused.types() == "start");
  CHECK(paused.backlog.total() <= 110);
  paused.output.is_congested = false;
  paused.backlog.relieve();
  paused.advance(0);
  CHECK(paused.last()["finishReason"] == "stop");
  CHECK(paused.last()["messages"][0]["content"][0]["text"].get<std::string>().size() == 2'000);
}

TEST_CASE("a parent that lags pauses its provider, and loses nothing") {
  ChatRunFixture f;
  f.start("{}", {.max_held = 100});
  f.http.last().stream();
  f.output.is_congested = true;
  std::string said;
  for (int i = 0; i < 20; ++i) {
    f.http.last().body(sse::text("0123456789"));
    said += "0123456789";
    CHECK(f.http.last().paused() == (said.size() >= 100));
  }
  CHECK(f.types() == "start");
  f.advance(3'000'000);
  CHECK(f.types() == "start");
  f.output.is_congested = false;
  f.backlog.relieve();
  CHECK(!f.http.last().paused());
  f.http.last().body(sse::finish("stop") + sse::done());
  CHECK(f.types() == "start delta done");
  CHECK(f.last()["messages"][0]["content"][0]["text"] == said);
}

TEST_CASE("a session that is destroyed while it runs still answers") {
  ChatRunFixture f;
  f.start();
  f.http.last().stream();
  f.session.reset();
  CHECK(f.types() == "start error");
  CHECK(f.last()["code"] == "internal");
  CHECK(!f.http.last().open());
  CHECK(f.ended == "error");
}
