// Whole chats as golden transcripts: "seq type data", in order.
#include "worker/agent/session.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/agent/session_fixture.hpp"

using namespace aiw;

namespace {

const std::string kNoUsage =
    R"({"inputTokens":null,"outputTokens":null,"totalTokens":null,"cachedInputTokens":null,"cacheWriteTokens":null,"reasoningTokens":null,"accuracy":"exact"})";

std::string counts(int input, int output) {
  return R"("inputTokens":)" + std::to_string(input) + R"(,"outputTokens":)" + std::to_string(output) +
         R"(,"totalTokens":)" + std::to_string(input + output) +
         R"(,"cachedInputTokens":null,"cacheWriteTokens":null,"reasoningTokens":null,"accuracy":"exact")";
}

std::string start(int seq, int step) {
  return std::to_string(seq) + R"( start {"step":)" + std::to_string(step) +
         R"(,"provider":"p","model":"m","attempt":1})"
         "\n";
}

}  // namespace

TEST_CASE("a text: start, deltas, usage, done") {
  SessionFixture f;
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
  f.check_ended();
}

TEST_CASE("the request is what the chat says") {
  SessionFixture f;
  f.start();
  const auto& request = f.http.last().request();
  CHECK(request.method == "POST");
  CHECK(request.url == "https://p.example/v1/chat/completions");
  CHECK(f.body(0)["model"] == "m");
  CHECK(f.body(0)["messages"].size() == 1);
}

TEST_CASE("reasoning comes before its text, and goes back with its state") {
  SessionFixture f;
  f.start();
  f.answer(sse::reasoning("hm") + sse::answer("ok"));
  CHECK(
      f.transcript() ==
      start(0, 0) +
          R"(1 delta {"step":0,"part":0,"kind":"reasoning","text":"hm"})"
          "\n"
          R"(2 delta {"step":0,"part":1,"kind":"text","text":"ok"})"
          "\n"
          R"(3 done {"finishReason":"stop","finishRaw":"stop","messages":[{"role":"assistant","content":[{"type":"reasoning","text":"hm","providerState":"openai-chat:{\"field\":\"reasoning_content\"}"},{"type":"text","text":"ok"}]}],"usage":)" +
          kNoUsage +
          R"(,"steps":1,"timing":{"queuedMs":0,"firstByteMs":0,"firstDeltaMs":0,"totalMs":0}})"
          "\n");
}

TEST_CASE("a tool that the parent carries out: its result leads to the next step") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::text("let me") + sse::call(0, "call_a", "add", R"({"x":1,)") + sse::call(0, "", "", R"("y":2})") +
           sse::finish("tool_calls") + sse::usage(10, 5) + sse::done());
  CHECK(
      f.transcript() ==
      start(0, 0) +
          R"(1 delta {"step":0,"part":0,"kind":"text","text":"let me"})"
          "\n"
          R"(2 delta {"step":0,"part":1,"kind":"tool_input","toolCallId":"call_a","text":"{\"x\":1,"})"
          "\n"
          R"(3 delta {"step":0,"part":1,"kind":"tool_input","toolCallId":"call_a","text":"\"y\":2}"})"
          "\n"
          R"(4 tool_call {"step":0,"toolCallId":"call_a","toolName":"add","input":{"x":1,"y":2},"inputText":"{\"x\":1,\"y\":2}","executor":"parent"})"
          "\n"
          R"(5 usage {"step":0,)" +
          counts(10, 5) + "}\n");
  CHECK(f.http.count() == 1);
  CHECK(f.session->awaits("call_a"));
  CHECK(!f.session->awaits("call_b"));
  f.tool_result("call_a", R"({"type":"json","value":{"sum":3}})");
  CHECK(!f.session->awaits("call_a"));
  REQUIRE(f.http.count() == 2);
  const Json messages = f.body(1)["messages"];
  REQUIRE(messages.size() == 3);
  CHECK(messages[1]["tool_calls"][0]["function"]["arguments"] == R"({"x":1,"y":2})");
  CHECK(messages[2]["role"] == "tool");
  CHECK(messages[2]["tool_call_id"] == "call_a");
  f.answer(sse::text("3") + sse::finish("stop") + sse::usage(20, 1) + sse::done());
  const std::string tail = f.transcript().substr(f.transcript().find("\n6 ") + 1);
  CHECK(
      tail ==
      start(6, 1) +
          R"(7 delta {"step":1,"part":0,"kind":"text","text":"3"})"
          "\n"
          R"(8 usage {"step":1,)" +
          counts(20, 1) +
          "}\n"
          R"(9 done {"finishReason":"stop","finishRaw":"stop","messages":[)"
          R"({"role":"assistant","content":[{"type":"text","text":"let me"},{"type":"tool-call","toolCallId":"call_a","toolName":"add","input":{"x":1,"y":2},"inputText":"{\"x\":1,\"y\":2}"}]},)"
          R"({"role":"tool","content":[{"type":"tool-result","toolCallId":"call_a","toolName":"add","output":{"type":"json","value":{"sum":3}}}]},)"
          R"({"role":"assistant","content":[{"type":"text","text":"3"}]}],"usage":{)" +
          counts(30, 6) +
          R"(},"steps":2,"timing":{"queuedMs":0,"firstByteMs":0,"firstDeltaMs":0,"totalMs":0}})"
          "\n");
}

TEST_CASE("parallel calls wait for the last result, whatever the order") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", "{}") + sse::call(1, "b", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("b", R"({"type":"text","value":"B"})");
  CHECK(f.http.count() == 1);
  CHECK(f.session->awaits("a"));
  CHECK(!f.session->awaits("b"));
  f.tool_result("a", R"({"type":"text","value":"A"})");
  REQUIRE(f.http.count() == 2);
  const Json messages = f.body(1)["messages"];
  REQUIRE(messages.size() == 4);
  CHECK(messages[2]["tool_call_id"] == "a");
  CHECK(messages[3]["tool_call_id"] == "b");
}

TEST_CASE("returned tools end the chat for the parent to bring their results") {
  SessionFixture f;
  f.start(R"({"tools": [{"name": "add", "executor": "return"}]})");
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.types() == "start delta tool_call done");
  CHECK(f.output.frames()[2]["data"]["executor"] == "return");
  CHECK(f.last()["finishReason"] == "tool_calls");
  CHECK(f.last()["messages"].size() == 1);
  CHECK(f.ended == "done");
}

TEST_CASE("a mixed batch runs what the parent runs, then returns the rest") {
  SessionFixture f;
  f.start(R"({"tools": [{"name": "mine"}, {"name": "back", "executor": "return"}]})");
  f.answer(sse::call(0, "a", "back", "{}") + sse::call(1, "b", "mine", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.types() == "start delta delta tool_call tool_call");
  CHECK(!f.session->awaits("a"));
  f.tool_result("b", R"({"type":"text","value":"B"})");
  CHECK(f.http.count() == 1);
  CHECK(f.last()["finishReason"] == "tool_calls");
  const Json messages = f.last()["messages"];
  REQUIRE(messages.size() == 2);
  REQUIRE(messages[1]["content"].size() == 1);
  CHECK(messages[1]["content"][0]["toolCallId"] == "b");
}

TEST_CASE("a tool that was not offered is answered for the model to see") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "format_disk", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.transcript().starts_with(
      start(0, 0) +
      R"(1 delta {"step":0,"part":0,"kind":"tool_input","toolCallId":"a","text":"{}"})"
      "\n"
      R"(2 tool_call {"step":0,"toolCallId":"a","toolName":"format_disk","input":{},"inputText":"{}","executor":"return"})"
      "\n"
      R"(3 tool_result {"step":0,"toolCallId":"a","toolName":"format_disk","output":{"type":"error-text","value":"there is no tool of that name"}})"
      "\n" +
      start(4, 1)));
  REQUIRE(f.http.count() == 2);
  CHECK(f.body(1)["messages"][2]["role"] == "tool");
}

TEST_CASE("arguments that are no JSON are answered for the model to see") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", R"({"x":)") + sse::finish("tool_calls") + sse::done());
  const auto frames = f.output.frames();
  REQUIRE(frames.size() == 5);
  CHECK(frames[2]["type"] == "tool_call");
  CHECK(frames[2]["data"]["input"].is_null());
  CHECK(frames[2]["data"]["inputText"] == R"({"x":)");
  CHECK(!frames[2]["data"]["parseError"].get<std::string>().empty());
  CHECK(frames[2]["data"]["executor"] == "return");
  CHECK(frames[3]["type"] == "tool_result");
  CHECK(frames[3]["data"]["output"]["type"] == "error-text");
  CHECK(frames[4]["type"] == "start");
  f.answer(sse::answer("sorry"));
  CHECK(f.last()["finishReason"] == "stop");
  CHECK(f.last()["messages"].size() == 3);
}

TEST_CASE("calls of an answer that was cut short are shown, and nobody carries them out") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", "{}") + sse::call(1, "b", "add", "{\"x") + sse::finish("length") + sse::done());
  CHECK(f.types() == "start delta delta tool_call done");
  CHECK(f.last()["finishReason"] == "length");
  CHECK(f.http.count() == 1);
}

TEST_CASE("a tool that does not answer in time is cancelled, and the model is told") {
  SessionFixture f;
  f.start(R"({"tools": [{"name": "add"}], "timeouts": {"toolMs": 1000}})");
  f.answer(sse::call(0, "a", "add", "{}") + sse::call(1, "b", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  f.advance(999);
  CHECK(f.session->awaits("b"));
  f.advance(1);
  CHECK(!f.session->awaits("b"));
  CHECK(f.transcript().ends_with(
      R"(5 tool_cancel {"toolCallId":"b","reason":"tool_timeout"})"
      "\n"
      R"(6 tool_result {"step":0,"toolCallId":"b","toolName":"add","output":{"type":"error-text","value":"the tool did not answer in time"}})"
      "\n" +
      start(7, 1)));
  REQUIRE(f.http.count() == 2);
  CHECK(f.body(1)["messages"].size() == 4);
}

TEST_CASE("after the last allowed step one without tools asks for an answer") {
  SessionFixture f;
  f.start(R"({"tools": [{"name": "add"}], "maxSteps": 2})");
  for (int step = 0; step < 2; ++step) {
    CHECK(f.body(static_cast<std::size_t>(step)).contains("tools"));
    const std::string id = "call_" + std::to_string(step);
    f.answer(sse::call(0, id, "add", "{}") + sse::finish("tool_calls") + sse::done());
    f.tool_result(id, R"({"type":"text","value":"A"})");
  }
  REQUIRE(f.http.count() == 3);
  CHECK(!f.body(2).contains("tools"));
  f.answer(sse::answer("enough"));
  CHECK(f.last()["finishReason"] == "max_steps");
  CHECK(f.last()["finishRaw"] == "stop");
  CHECK(f.last()["steps"] == 3);
  CHECK(f.last()["messages"].size() == 5);
}

TEST_CASE("a model that calls tools all the same after the last step gets no further") {
  SessionFixture f;
  f.start(R"({"tools": [{"name": "add"}], "maxSteps": 1})");
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  f.answer(sse::call(0, "b", "add", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.http.count() == 2);
  CHECK(f.last()["finishReason"] == "max_steps");
  CHECK(!f.session->awaits("b"));
}

TEST_CASE("a call id that an earlier call of the conversation had becomes another") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  f.answer(sse::call(0, "a", "add", "{") + sse::call(0, "", "", "}") + sse::finish("tool_calls") + sse::done());
  CHECK(!f.session->awaits("a"));
  std::set<std::string> ids;
  for (const auto& frame : f.output.frames()) {
    if (frame["data"]["step"] == 1 && frame["data"].contains("toolCallId")) ids.insert(frame["data"]["toolCallId"]);
  }
  REQUIRE(ids.size() == 1);
  f.tool_result(*ids.begin(), R"({"type":"text","value":"B"})");
  const Json messages = f.body(2)["messages"];
  REQUIRE(messages.size() == 5);
  CHECK(messages[4]["tool_call_id"] == *ids.begin());
  CHECK(messages[3]["tool_calls"][0]["id"] == *ids.begin());
}

TEST_CASE("failures before the first delta are retried after exact delays") {
  SessionFixture f;
  f.start(R"({"retry": {"max": 3}})");
  f.http.last().fail(network_error("connect_error"));
  CHECK(f.transcript() == start(0, 0) + R"(1 retry {"step":0,"attempt":2,"reason":"connect_error","delayMs":500})"
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
  SessionFixture f;
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
  SessionFixture f;
  f.start();
  f.http.last().head(401, {});
  f.http.last().body(R"({"error":{"message":"bad key","code":"invalid_api_key"}})");
  f.http.last().end();
  CHECK(
      f.transcript() ==
      start(0, 0) +
          R"(1 error {"code":"upstream_http","category":"auth","message":"bad key","retryable":false,"provider":"p","status":401,"providerCode":"invalid_api_key"})"
          "\n");
}

TEST_CASE("nothing is retried after a delta, and what came is kept") {
  SessionFixture f;
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
  SessionFixture f;
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

TEST_CASE("without a place in the retry budget a failure is final") {
  SessionFixture f;
  for (int i = 0; i < 3; ++i) REQUIRE(f.budget.claim("https://p.example/v1"));
  f.start();
  f.http.last().fail(network_error("connect_error"));
  CHECK(f.types() == "start error");
}

TEST_CASE("a retry's place in the budget is given back, however the chat ends") {
  SessionFixture f;
  const auto free_places = [&] {
    int places = 0;
    while (f.budget.claim("https://p.example/v1")) ++places;
    for (int i = 0; i < places; ++i) f.budget.release("https://p.example/v1");
    return places;
  };
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

TEST_CASE("a chat that is cancelled before its turn never asks anybody") {
  SessionFixture f;
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
  SessionFixture f;
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
  SessionFixture f;
  f.start();
  f.http.last().fail(network_error("connect_error"));
  f.session->cancel();
  CHECK(f.types() == "start retry done");
  CHECK(f.clock.pending() == 0);
  f.advance(100'000);
  CHECK(f.http.count() == 1);
}

TEST_CASE("cancel while tools are awaited cancels them") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", "{}") + sse::call(1, "b", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  f.session->cancel();
  CHECK(f.types() == "start delta delta tool_call tool_call tool_cancel done");
  CHECK(f.output.frames()[5]["data"].dump() == R"({"toolCallId":"b","reason":"cancelled"})");
  CHECK(!f.session->awaits("b"));
  CHECK(f.last()["messages"].size() == 1);
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("a chat whose parent can answer no more ends when it waits for it") {
  SessionFixture waiting;
  waiting.start(std::string(kParentTool));
  waiting.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  waiting.session->close_input();
  CHECK(waiting.types() == "start delta tool_call tool_cancel error");
  CHECK(waiting.last()["code"] == "input_closed");
  CHECK(waiting.last()["category"] == "cancelled");
  CHECK(waiting.last()["messages"].size() == 1);

  SessionFixture streaming;
  streaming.start(std::string(kParentTool));
  streaming.session->close_input();
  CHECK(streaming.types() == "start");
  streaming.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(streaming.types() == "start delta tool_call tool_cancel error");
  CHECK(streaming.last()["code"] == "input_closed");
}

TEST_CASE("a chat that needs nothing from its parent ends well after the input did") {
  SessionFixture f;
  f.start(std::string(kParentTool));
  f.session->close_input();
  f.answer(sse::call(0, "a", "unknown", "{}") + sse::finish("tool_calls") + sse::done());
  f.answer(sse::answer("fine"));
  CHECK(f.last()["finishReason"] == "stop");
}

TEST_CASE("the total time counts from the acceptance, in any phase") {
  SessionFixture f;
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

  SessionFixture tools;
  tools.start(R"({"tools": [{"name": "add"}], "timeouts": {"totalMs": 1000}})");
  tools.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  tools.advance(1'000);
  CHECK(tools.types() == "start delta tool_call tool_cancel error");
}

TEST_CASE("a provider's timeout is retried like other failures before the first delta") {
  SessionFixture f;
  f.start(R"({"timeouts": {"firstByteMs": 1000}, "retry": {"max": 1}})");
  f.advance(1'000);
  CHECK(f.types() == "start retry");
  f.advance(500);
  f.advance(1'000);
  CHECK(f.types() == "start retry error");
  CHECK(f.last()["code"] == "timeout_first_byte");
}

TEST_CASE("a heartbeat comes only if asked for, until the end") {
  SessionFixture f;
  f.start(R"({"heartbeatMs": 100})");
  f.advance(350);
  CHECK(f.types() == "start heartbeat heartbeat heartbeat");
  f.answer(sse::answer("a"));
  f.advance(1'000);
  CHECK(f.types() == "start heartbeat heartbeat heartbeat delta done");
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("what decoding and building changed is said once") {
  SessionFixture f;
  f.start(R"({"reasoning": {"budgetTokens": 5}, "retry": {"max": 1}})");
  CHECK(f.types() == "start warning");
  CHECK(f.output.frames()[1]["data"]["code"] == "parameter_dropped");
  f.http.last().fail(network_error("connect_error"));
  f.advance(500);
  f.answer(sse::answer("a"));
  CHECK(f.types() == "start warning retry delta done");
}

TEST_CASE("a dry run shows the request without its secrets and asks nobody") {
  SessionFixture f;
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
  SessionFixture f;
  f.start(R"({"config": {"providers": [{"id": "mock"}]}, "modelId": "echo",
              "messages": [{"role": "user", "content": "one two"}]})");
  f.advance(0);
  CHECK(f.types() == "start delta delta usage done");
  CHECK(f.last()["messages"].dump() == R"([{"role":"assistant","content":[{"type":"text","text":"one two"}]}])");
  CHECK(f.http.count() == 0);
}

TEST_CASE("a mock script plays tools, delays and failures like any provider") {
  SessionFixture f;
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
  SessionFixture f;
  f.start(R"({"config": {"providers": [{"id": "mock"}]}, "modelId": "nothing"})");
  CHECK(f.types() == "start error");
  CHECK(f.last()["code"] == "not_found");
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("a mock that is cancelled or paused while it plays") {
  const std::string script = R"({"config": {"providers": [{"id": "mock", "models": [{"id": "s",
      "script": [[{"text": "0123456789", "repeat": 200}]]}]}]}})";
  SessionFixture cancelled;
  cancelled.start(script);
  cancelled.session->cancel();
  CHECK(cancelled.types() == "start done");
  CHECK(cancelled.clock.pending() == 0);

  SessionFixture paused;
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
  SessionFixture f;
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
  SessionFixture f;
  f.start();
  f.http.last().stream();
  f.session.reset();
  CHECK(f.types() == "start error");
  CHECK(f.last()["code"] == "internal");
  CHECK(!f.http.last().open());
  CHECK(f.ended == "error");
}
