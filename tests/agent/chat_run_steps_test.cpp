// Tools that the worker runs itself: sources, runs side by side, approvals, time limits, and who gives up what.
#include <doctest/doctest.h>

#include "tests/agent/chat_run_fixture.hpp"
#include "tests/support/fake_tools.hpp"

using namespace aiw;

namespace {

struct RunFixture : ChatRunFixture {
  FakeSource source;
  std::shared_ptr<FakeRunner> runner = std::make_shared<FakeRunner>();

  void start_with_tool(const std::string& payload = "{}", Approval approval = Approval::always) {
    sources = {&source};
    start(payload);
    source.offer("look", runner, "mcp", approval);
  }
  // The model calls `look` so many times in one step.
  void call(int times, const std::string& arguments = R"({"q":1})") {
    std::string body;
    for (int i = 0; i < times; ++i) body += sse::call(i, "c" + std::to_string(i), "look", arguments);
    answer(body + sse::finish("tool_calls") + sse::done());
  }
  void approve(const std::string& call, bool approved, const std::string& reason = {}) {
    REQUIRE(session->awaits_approval(call));
    session->tool_approval({"r", "c", call, approved, reason});
  }
  [[nodiscard]] std::vector<Json> frames(std::string_view type) const {
    std::vector<Json> found;
    for (const auto& frame : output.frames()) {
      if (frame["type"] == type) found.push_back(frame["data"]);
    }
    return found;
  }
};

std::string call_text(const Json& message) { return message["content"].dump(); }

}  // namespace

TEST_CASE("the model is asked once every source has brought its tools, and is offered them") {
  RunFixture f;
  FakeSource second;
  FakeSource none;
  none.silent = true;
  f.sources = {&f.source, &second, &none};
  f.start(std::string(kParentTool));
  CHECK(f.http.count() == 0);
  second.offer("other", f.runner);
  CHECK(f.http.count() == 0);
  f.source.offer("look", f.runner);
  REQUIRE(f.http.count() == 1);
  const Json tools = f.body(0)["tools"];
  REQUIRE(tools.size() == 3);  // in the order of the sources, whoever was first
  CHECK(tools[0]["function"]["name"] == "add");
  CHECK(tools[1]["function"]["name"] == "look");
  CHECK(tools[1]["function"]["description"] == "does \"it\"");
  CHECK(tools[1]["function"]["parameters"]["required"][0] == "q");
  CHECK(tools[2]["function"]["name"] == "other");
}

TEST_CASE("a source that fails ends the chat, and the others are given up") {
  RunFixture f;
  FakeSource second;
  f.sources = {&f.source, &second};
  f.start();
  f.source.give(std::unexpected(Error{.code = "mcp_unavailable", .category = Category::tool, .message = "gone"}));
  CHECK(f.types() == "error");
  CHECK(f.last()["code"] == "mcp_unavailable");
  CHECK(!second.opening);
  CHECK(f.http.count() == 0);
}

TEST_CASE("a chat that is cancelled while its tools are fetched ends at once") {
  RunFixture f;
  f.sources = {&f.source};
  f.start();
  CHECK(f.source.opening);
  f.session->cancel();
  CHECK(!f.source.opening);
  CHECK(f.last()["finishReason"] == "cancelled");
  CHECK(f.last()["steps"] == 0);
}

TEST_CASE("tools whose name is taken or whose schema is broken are left out with a warning") {
  RunFixture f;
  f.sources = {&f.source};
  f.start(std::string(kParentTool));
  OfferedTools offered;
  offered.tools.push_back({.name = "add", .input_schema = "{}", .executor = "mcp", .runner = f.runner});
  offered.tools.push_back({.name = "bad", .input_schema = R"({"type":)", .executor = "mcp", .runner = f.runner});
  offered.tools.push_back({.name = "list", .input_schema = "[]", .executor = "mcp", .runner = f.runner});
  offered.notes.push_back({"mcp_unavailable", "a server is not there"});
  f.source.give(std::move(offered));
  CHECK(f.types() == "start warning warning warning warning");
  CHECK(f.body(0)["tools"].size() == 1);
}

TEST_CASE("mcpOnly offers MCP tools and no others") {
  RunFixture f;
  FakeSource second;
  f.sources = {&f.source, &second};
  f.make(std::string(kParentTool));
  auto chat = decode_chat(chat_line(Json::parse(kParentTool)));
  chat->mcp_only = true;
  Toolbox box(*chat);
  CHECK(box.open(f.sources, [](const auto& result) { CHECK(result.has_value()); }));
  f.source.offer("look", f.runner, "mcp");
  second.offer("read_spec", f.runner, "builtin");
  REQUIRE(chat->tools.size() == 1);
  CHECK(chat->tools[0].name.text() == "look");
  CHECK(box.find("add") == nullptr);
  CHECK(box.find("read_spec") == nullptr);
}

TEST_CASE("the worker runs a call, tells its result, and goes on with it") {
  RunFixture f;
  f.start_with_tool();
  f.call(1);
  REQUIRE(f.runner->runs.size() == 1);
  CHECK(f.runner->runs[0].id == "c0");
  CHECK(f.runner->runs[0].arguments == R"({"q":1})");
  CHECK(f.frames("tool_call")[0]["executor"] == "mcp");
  CHECK(!f.session->awaits("c0"));  // it is not the parent's to answer
  f.runner->answer(0, "seen");
  CHECK(f.frames("tool_result")[0]["output"] == Json::parse(R"({"type":"text","value":"seen"})"));
  REQUIRE(f.http.count() == 2);
  CHECK(f.body(1)["messages"][2]["tool_call_id"] == "c0");
  CHECK(call_text(f.body(1)["messages"][2]).find("seen") != std::string::npos);
  CHECK(f.types().ends_with("tool_call tool_result start"));
  CHECK(f.runner->under_way == 0);
}

TEST_CASE("calls run side by side up to the limit, and their results go back in call order") {
  RunFixture f;
  f.max_parallel_tools = 2;
  f.start_with_tool();
  f.call(4);
  CHECK(f.runner->runs.size() == 2);
  f.runner->answer(1, "r1");
  REQUIRE(f.runner->runs.size() == 3);
  f.runner->answer(2, "r2");
  f.runner->answer(3, "r3");
  CHECK(f.http.count() == 1);
  f.runner->answer(0, "r0");
  REQUIRE(f.http.count() == 2);
  const Json messages = f.body(1)["messages"];
  REQUIRE(messages.size() == 6);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(messages[i + 2]["tool_call_id"] == "c" + std::to_string(i));
    CHECK(call_text(messages[i + 2]).find("r" + std::to_string(i)) != std::string::npos);
  }
}

TEST_CASE("a run that takes too long is given up; its time begins when it runs") {
  RunFixture f;
  f.max_parallel_tools = 1;
  f.start_with_tool(R"({"timeouts": {"toolMs": 1000}})");
  f.call(2);
  f.advance(999);
  CHECK(f.runner->runs.size() == 1);
  f.advance(1);
  CHECK(f.runner->runs[0].given_up);
  REQUIRE(f.runner->runs.size() == 2);
  CHECK(f.frames("tool_result")[0]["output"]["value"] == "the tool did not answer in time");
  CHECK(f.frames("tool_cancel").empty());  // no call of the parent's
  f.advance(999);
  f.runner->answer(1, "late enough");
  CHECK(f.http.count() == 2);
}

TEST_CASE("arguments that do not fit the schema never reach the tool") {
  RunFixture f;
  f.start_with_tool();
  f.answer(sse::call(0, "a", "look", "{}") + sse::call(1, "b", "look", "[1]") + sse::finish("tool_calls") +
           sse::done());
  CHECK(f.runner->runs.empty());
  const auto results = f.frames("tool_result");
  REQUIRE(results.size() == 2);
  CHECK(results[0]["output"]["type"] == "error-text");
  CHECK(results[0]["output"]["value"] == R"(the arguments do not fit the schema: "q" is missing)");
  CHECK(results[1]["output"]["value"] == "the arguments are not a JSON object");
  CHECK(f.frames("tool_call")[0]["executor"] == "none");
  CHECK(f.http.count() == 2);  // the model may try again
}

TEST_CASE("a call that the parent approves runs, one that it refuses is told to the model") {
  RunFixture f;
  f.start_with_tool("{}", Approval::parent);
  f.call(2);
  CHECK(f.runner->runs.empty());
  CHECK(f.frames("tool_call")[0]["needsApproval"] == true);
  CHECK(!f.session->awaits("c0"));
  f.approve("c0", true);
  CHECK(!f.session->awaits_approval("c0"));
  CHECK(f.runner->runs.size() == 1);
  f.approve("c1", false, "not today");
  CHECK(f.frames("tool_result")[0]["output"]["value"] == "the call was not approved: not today");
  CHECK(f.http.count() == 1);
  f.runner->answer(0, "seen");
  CHECK(f.http.count() == 2);
}

TEST_CASE("an approval may take its time: only the chat's own limit ends the wait") {
  RunFixture f;
  f.start_with_tool(R"({"timeouts": {"toolMs": 1000, "totalMs": 60000}})", Approval::parent);
  f.call(1);
  f.advance(59'999);
  CHECK(f.session->awaits_approval("c0"));
  f.advance(1);
  CHECK(f.last()["code"] == "timeout_total");
  CHECK(f.frames("tool_cancel")[0]["toolCallId"] == "c0");
}

TEST_CASE("calls of a tool that is never approved are refused without asking") {
  RunFixture f;
  f.start_with_tool("{}", Approval::never);
  f.call(1);
  CHECK(f.runner->runs.empty());
  CHECK(f.frames("tool_result")[0]["output"]["value"] == "calls of this tool are not allowed");
}

TEST_CASE("a parent's own tool may need its approval first, and its time begins with that") {
  RunFixture f;
  f.start(R"({"tools": [{"name": "add", "approval": "parent", "timeoutMs": 500}]})");
  f.answer(sse::call(0, "a", "add", "{}") + sse::finish("tool_calls") + sse::done());
  CHECK(f.frames("tool_call")[0]["executor"] == "parent");
  CHECK(f.frames("tool_call")[0]["needsApproval"] == true);
  f.advance(10'000);
  CHECK(!f.session->awaits("a"));
  f.approve("a", true);
  CHECK(f.session->awaits("a"));
  f.advance(499);
  f.tool_result("a", R"({"type":"text","value":"A"})");
  CHECK(f.http.count() == 2);
}

TEST_CASE("cancelling gives up every run and asks the parent for nothing more") {
  RunFixture f;
  f.start_with_tool(R"({"tools": [{"name": "add"}]})");
  f.answer(sse::call(0, "a", "look", R"({"q":1})") + sse::call(1, "b", "add", "{}") + sse::finish("tool_calls") +
           sse::done());
  CHECK(f.runner->under_way == 1);
  f.session->cancel();
  CHECK(f.runner->under_way == 0);
  const auto cancels = f.frames("tool_cancel");
  REQUIRE(cancels.size() == 1);
  CHECK(cancels[0]["toolCallId"] == "b");
  CHECK(f.last()["finishReason"] == "cancelled");
  CHECK(f.ended == "done");
}

TEST_CASE("results that came before a chat was cancelled are kept") {
  RunFixture f;
  f.start_with_tool(R"({"tools": [{"name": "add"}]})");
  f.answer(sse::call(0, "a", "look", R"({"q":1})") + sse::call(1, "b", "add", "{}") + sse::finish("tool_calls") +
           sse::done());
  f.runner->answer(0, "seen");
  f.session->cancel();
  const Json messages = f.last()["messages"];
  REQUIRE(messages.size() == 2);
  REQUIRE(messages[1]["content"].size() == 1);
  CHECK(messages[1]["content"][0]["toolCallId"] == "a");
  CHECK(messages[1]["content"][0]["output"]["value"] == "seen");
}

TEST_CASE("the parent's end of input ends a chat that waits for it, not one whose tools run here") {
  RunFixture f;
  f.start_with_tool();
  f.call(1);
  f.session->close_input();
  CHECK(f.ended.empty());
  f.runner->answer(0, "seen");
  f.answer(sse::answer("so"));
  CHECK(f.ended == "done");

  RunFixture g;
  g.start_with_tool("{}", Approval::parent);
  g.call(1);
  g.session->close_input();
  CHECK(g.last()["code"] == "input_closed");
}

TEST_CASE("a thousand calls in one step run within the bounds, and too many are refused") {
  RunFixture f;
  f.start_with_tool();
  f.call(1000);
  CHECK(f.runner->runs.size() == 16);
  for (std::size_t i = 0; i < 1000; ++i) f.runner->answer(i, "x");
  REQUIRE(f.http.count() == 2);
  CHECK(f.body(1)["messages"].size() == 1002);
  f.call(2'100);
  CHECK(f.runner->runs.size() == 1016);
  for (std::size_t i = 1000; i < 1000 + 2'048; ++i) f.runner->answer(i, "x");
  CHECK(f.http.count() == 3);
  CHECK(f.runner->runs.size() == 3'048);
  CHECK(f.frames("tool_result").size() == 3'100);
}

TEST_CASE("an answer that pauses is sent back to be continued, as often as steps are left") {
  ChatRunFixture f;
  const auto paused = [&] {
    f.answer(
        R"(data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}

data: {"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"q"}}}

data: {"type":"content_block_stop","index":0}

data: {"type":"message_delta","delta":{"stop_reason":"pause_turn"},"usage":{"output_tokens":2}}

data: {"type":"message_stop"}

)");
  };
  f.start(R"({"config": {"providers": [{"id": "p", "type": "anthropic-messages", "baseUrl": "https://p.example",
      "apiKey": "k", "models": [{"id": "m"}]}]}, "maxSteps": 2})");
  paused();
  INFO(f.transcript());
  REQUIRE(f.http.count() == 2);
  const Json messages = f.body(1)["messages"];
  REQUIRE(messages.size() == 2);
  CHECK(messages[1]["role"] == "assistant");
  CHECK(messages[1]["content"][0]["id"] == "s1");
  paused();
  paused();  // the last step
  CHECK(f.http.count() == 3);
  CHECK(f.last()["finishReason"] == "max_steps");
  CHECK(f.last()["finishRaw"] == "pause_turn");
}

TEST_CASE("a call without a name gets one, so that its history can be given back") {
  ChatRunFixture f;
  f.start(std::string(kParentTool));
  f.answer(sse::call(0, "a", "", "{}") + sse::finish("tool_calls") + sse::done());
  REQUIRE(f.http.count() == 2);
  f.answer(sse::answer("so"));
  CHECK(f.last()["messages"][0]["content"][0]["toolName"] == "unnamed");
  CHECK(decode_chat(chat_line({{"messages", f.last()["messages"]}})) != nullptr);
}
