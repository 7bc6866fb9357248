// Tools in sessions: who carries a call out, who is told, and how the steps end.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <set>

#include "tests/agent/chat_run_fixture.hpp"

using namespace aiw;

TEST_CASE("a tool that the parent carries out: its result leads to the next step") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::text("let me") + sse::call(0, "call_a", "add", R"({"x":1,)") + sse::call(0, "", "", R"("y":2})") +
           sse::finish("tool_calls") + sse::usage(10, 5) + sse::done());
  CHECK(
      f.transcript() ==
      start_line(0, 0) +
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
      start_line(6, 1) +
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
  ChatRunFixture f;
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

TEST_CASE("a chat whose steps bring more than 64 MiB ends, with all of it") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  const std::string output = R"({"type":"text","value":")" + std::string(33 << 20, 'x') + "\"}";
  for (const char* id : {"a", "b"}) {
    f.answer(sse::call(0, id, "add", "{}") + sse::finish("tool_calls") + sse::done());
    f.tool_result(id, output);
  }
  CHECK(f.http.count() == 2);
  const Json last = f.output.last();
  CHECK(last["type"] == "error");
  CHECK(last["data"]["code"] == "response_too_large");
  CHECK(last["data"]["messages"].size() == 4);
}

TEST_CASE("returned tools end the chat for the parent to bring their results") {
  ChatRunFixture f;
  f.start(R"({"tools": [{"name": "add", "executor": "return"}]})");
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.types() == "start delta tool_call done");
  CHECK(f.output.frames()[2]["data"]["executor"] == "return");
  CHECK(f.last()["finishReason"] == "tool_calls");
  CHECK(f.last()["messages"].size() == 1);
  CHECK(f.ended == "done");
}

TEST_CASE("a mixed batch runs what the parent runs, then returns the rest") {
  ChatRunFixture f;
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

TEST_CASE("fault 77: a tool that was not offered is answered for the model to see") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "format_disk", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.transcript().starts_with(
      start_line(0, 0) +
      R"(1 delta {"step":0,"part":0,"kind":"tool_input","toolCallId":"a","text":"{}"})"
      "\n"
      R"(2 tool_call {"step":0,"toolCallId":"a","toolName":"format_disk","input":{},"inputText":"{}","executor":"none"})"
      "\n"
      R"(3 tool_result {"step":0,"toolCallId":"a","toolName":"format_disk","output":{"type":"error-text","value":"there is no tool of that name"}})"
      "\n" +
      start_line(4, 1)));
  REQUIRE(f.http.count() == 2);
  CHECK(f.body(1)["messages"][2]["role"] == "tool");
}

TEST_CASE("fault 76: arguments that are no JSON are answered for the model to see") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", R"({"x":)") + sse::finish("tool_calls") + sse::done());
  const auto frames = f.output.frames();
  REQUIRE(frames.size() == 5);
  CHECK(frames[2]["type"] == "tool_call");
  CHECK(frames[2]["data"]["input"].is_null());
  CHECK(frames[2]["data"]["inputText"] == R"({"x":)");
  CHECK(!frames[2]["data"]["parseError"].get<std::string>().empty());
  CHECK(frames[2]["data"]["executor"] == "none");
  CHECK(frames[3]["type"] == "tool_result");
  CHECK(frames[3]["data"]["output"]["type"] == "error-text");
  CHECK(frames[4]["type"] == "start");
  f.answer(sse::answer("sorry"));
  CHECK(f.last()["finishReason"] == "stop");
  CHECK(f.last()["messages"].size() == 3);
}

TEST_CASE("calls of an answer that was cut short are shown, and nobody carries them out") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "add", "{}") + sse::call(1, "b", "add", "{\"x") + sse::finish("length") + sse::done());
  CHECK(f.types() == "start delta delta tool_call done");
  CHECK(f.last()["finishReason"] == "length");
  CHECK(f.http.count() == 1);
}

TEST_CASE("fault 73: a tool that does not answer in time is cancelled, and the model is told") {
  ChatRunFixture f;
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
      start_line(7, 1)));
  REQUIRE(f.http.count() == 2);
  CHECK(f.body(1)["messages"].size() == 4);
}

TEST_CASE("fault 78: after the last allowed step one without tools asks for an answer") {
  ChatRunFixture f;
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

TEST_CASE("fault 78: a model that calls tools all the same after the last step gets no further") {
  ChatRunFixture f;
  f.start(R"({"tools": [{"name": "add"}], "maxSteps": 1})");
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  f.answer(sse::call(0, "b", "add", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.http.count() == 2);
  CHECK(f.last()["finishReason"] == "max_steps");
  CHECK(!f.session->awaits("b"));
}

TEST_CASE("a call id that an earlier call of the conversation had becomes another") {
  ChatRunFixture f;
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

TEST_CASE("open calls of one step never share an id, whatever ids the provider chooses") {
  ChatRunFixture f;
  f.start(R"({"tools": [{"name": "harmless"}, {"name": "danger", "approval": "parent"}]})");
  f.answer(sse::call(0, "a", "harmless", "{}") + sse::finish("tool_calls") + sse::done());
  f.tool_result("a", R"({"type":"text","value":"A"})");
  // The history has three messages, so the first call gets the id a_3.
  f.answer(sse::call(0, "a", "danger", "{}") + sse::call(1, "a_3", "harmless", "{}") + sse::finish("tool_calls") +
           sse::done());
  std::map<std::string, std::string> ids;
  for (const auto& frame : f.output.frames()) {
    if (frame["type"] == "tool_call") ids[frame["data"]["toolName"]] = frame["data"]["toolCallId"];
  }
  CHECK(ids["danger"] != ids["harmless"]);
  CHECK(f.session->awaits_approval(ids["danger"]));
  CHECK(!f.session->awaits_approval(ids["harmless"]));
  CHECK(f.session->awaits(ids["harmless"]));
}

TEST_CASE("a tool choice that forces a call is for the first step, unless the chat wants it in every one") {
  struct Row {
    const char* choice;
    const char* scope;
    Json first, second;
  };
  const Json named = {{"type", "function"}, {"function", {{"name", "add"}}}};
  for (const Row& row : {Row{R"("required")", "", "required", nullptr},
                         Row{R"("required")", R"(,"toolChoiceScope":"first")", "required", nullptr},
                         Row{R"("required")", R"(,"toolChoiceScope":"every")", "required", "required"},
                         Row{R"({"type":"tool","toolName":"add"})", "", named, nullptr},
                         Row{R"({"type":"tool","toolName":"add"})", R"(,"toolChoiceScope":"every")", named, named},
                         Row{R"("auto")", "", "auto", "auto"}, Row{R"("none")", "", "none", "none"}}) {
    CAPTURE(row.choice);
    CAPTURE(row.scope);
    ChatRunFixture f;
    f.start(R"({"tools":[{"name":"add"}],"toolChoice":)" + std::string(row.choice) + row.scope + "}");
    f.http.last().head(503, {});  // a retry is the same step
    f.http.last().end();
    f.advance(500);
    CHECK(f.body(1).value("tool_choice", Json()) == row.first);
    f.answer(sse::call(0, "t", "add", "{}") + sse::finish("tool_calls") + sse::done());
    f.tool_result("t", R"({"type":"text","value":"A"})");
    REQUIRE(f.http.count() == 3);
    CHECK(f.body(2).value("tool_choice", Json()) == row.second);
  }
}

TEST_CASE("null for an optional argument of a strict tool counts as absent") {
  const std::string tool = R"({"tools":[{"name":"find","strict":)";
  const std::string schema = R"(,"inputSchema":{"type":"object","properties":{"q":{"type":"string"},
      "limit":{"type":"integer"},"note":{"type":["string","null"]},"o":{"type":"object","properties":{"deep":{"type":"boolean"}}}},
      "required":["q"]}}]})";
  const std::string arguments = R"({"q":"x","limit":null,"note":null,"o":{"deep":null},"n":12345678901234567890})";
  ChatRunFixture strict;
  strict.start(tool + "true" + schema);
  strict.answer(sse::call(0, "t", "find", arguments) + sse::finish("tool_calls") + sse::done());
  REQUIRE(strict.session->awaits("t"));
  const Json call = strict.output.frames().back()["data"];
  CHECK(call["executor"] == "parent");
  CHECK(call["input"].dump() == R"({"q":"x","note":null,"o":{},"n":12345678901234567890})");
  CHECK(call["inputText"] == arguments);
  strict.tool_result("t", R"({"type":"text","value":"A"})");
  CHECK(strict.body(1)["messages"][1]["tool_calls"][0]["function"]["arguments"] == arguments);

  ChatRunFixture plain;
  plain.start(tool + "false" + schema);
  plain.answer(sse::call(0, "t", "find", arguments) + sse::finish("tool_calls") + sse::done());
  CHECK_FALSE(plain.session->awaits("t"));

  ChatRunFixture missing;  // what is required may not be null
  missing.start(tool + "true" + schema);
  missing.answer(sse::call(0, "t", "find", R"({"q":null})") + sse::finish("tool_calls") + sse::done());
  CHECK_FALSE(missing.session->awaits("t"));
}

TEST_CASE("no more refusals follow once the outputs of a step are too long") {
  // One owner may hold 64 KiB, and a chat may add half of it. This program's operators new count nothing.
  ChatRunFixture f{.memory = MemoryAccounts({.limit = 256 << 10, .resident = [] { return 0; }, .post = [](auto) {}})};
  f.start(std::string(kParentTool));
  std::string body;
  for (int i = 0; i < 1'000; ++i) body += sse::call(i, "a" + std::to_string(i), "none", "{}");
  f.answer(body + sse::finish("tool_calls") + sse::done());
  CHECK(f.last()["code"] == "response_too_large");
  std::size_t results = 0;
  for (const auto& frame : f.output.frames()) results += frame["type"] == "tool_result" ? frame.dump().size() : 0;
  CHECK(results > 32 << 10);
  CHECK(results < 128 << 10);
}

TEST_CASE("a refusal quotes a bounded part of the tool's schema") {
  ChatRunFixture f;
  const Json schema = {{"type", "object"}, {"required", Json::array({std::string(100'000, 'k')})}};
  f.start(Json({{"tools", Json::array({{{"name", "add"}, {"inputSchema", schema}}})}}).dump());
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  for (const auto& frame : f.output.frames()) {
    if (frame["type"] == "tool_result") CHECK(frame.dump().size() < 1'500);
  }
  CHECK(f.types() == "start delta tool_call tool_result start");
}

TEST_CASE("a provider's long tool name is not repeated in every frame of its call") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", std::string(100'000, 'n'), "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.types() == "start delta tool_call tool_result start warning");  // of a name that the API does not take
  for (const auto& frame : f.output.frames()) CHECK(frame.dump().size() < 2'000);
}

TEST_CASE("fault 101: a chat that goes over its memory amid a response sends no more of it") {
  std::string text, calls;
  for (int i = 0; i < 20; ++i) {
    text += sse::text("a");
    calls += sse::call(i, "a" + std::to_string(i), "none", "{}");
  }
  const std::string end = sse::finish("tool_calls") + sse::done();
  for (const std::string& body : {text + end, calls + end}) {
    CAPTURE(body.substr(0, 200));
    std::vector<std::function<void()>> posted;
    ChatRunFixture f{.memory = MemoryAccounts({.limit = 64 << 20,
                                               .resident = [] { return 0; },
                                               .post = [&](auto action) { posted.push_back(std::move(action)); }})};
    MemoryAccount* account = nullptr;
    f.output.on_frame = [&] { account = MemoryAccount::current(); };
    f.start(std::string(kParentTool));
    f.output.on_frame = [] { thread_heap += 7 << 20; };  // 16 MiB are too much for one
    {
      const MemoryScope scope(account);  // as a real exchange does
      f.answer(body);
    }
    f.output.on_frame = {};
    for (const auto& action : posted) action();
    CHECK(f.output.frames().size() <= 1 + 4 + 1);  // between start and end, no more than the limit and one call's
    CHECK(f.last()["code"] == "resource_exhausted");
    CHECK(f.http.count() == 1);
  }
}
