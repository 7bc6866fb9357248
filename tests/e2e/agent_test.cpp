// Chats with several steps, both provider families, unary responses, and the parent's part in them.
#include <doctest/doctest.h>

#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

Json tool(const std::string& name, const std::string& executor = "parent") {
  return {{"name", name},
          {"description", "looks"},
          {"inputSchema", {{"type", "object"}, {"properties", {{"q", {{"type", "string"}}}}}}},
          {"executor", executor}};
}

std::string anthropic_tool_call(const std::string& id, const std::string& name, const std::string& input) {
  const Json block = {{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", Json::object()}};
  const Json delta = {{"type", "input_json_delta"}, {"partial_json", input}};
  return anthropic_head() + anthropic_event({{"type", "content_block_start"}, {"index", 0}, {"content_block", block}}) +
         anthropic_event({{"type", "content_block_delta"}, {"index", 0}, {"delta", delta}}) +
         anthropic_event({{"type", "content_block_stop"}, {"index", 0}}) +
         anthropic_event(
             {{"type", "message_delta"}, {"delta", {{"stop_reason", "tool_use"}}}, {"usage", {{"output_tokens", 5}}}}) +
         anthropic_event({{"type", "message_stop"}});
}

Json sent_body(const Upstream& upstream, const std::string& provider, std::size_t number) {
  return Json::parse(upstream.requests(provider).at(number).body);
}

TEST_CASE("the parent sends a tool result over its pipes, and the model continues with it") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  upstream.answer("p", {event_stream(openai_tool_call("call_1", "look", R"({"q":"é😀"})")),
                        event_stream(openai_answer({"found ", "it"}))});
  upstream.answer("anthropic", {event_stream(anthropic_tool_call("call_1", "look", R"({"q":"é😀"})")),
                                event_stream(anthropic_answer({"found ", "it"}))});
  for (const char* provider : {"p", "anthropic"}) {
    CAPTURE(provider);
    const std::string id = provider;
    worker.send(upstream.chat(id, provider, {{"tools", Json::array({tool("look")})}}));
    const Json call = worker.wait_for(id, "tool_call").at("data");
    CHECK(call.at("toolName") == "look");
    CHECK(call.at("executor") == "parent");
    CHECK(call.at("input") == Json{{"q", "é😀"}});
    CHECK(worker.ask(tool_result_line(id + " unknown", id, "call_9", {{"type", "text"}, {"value", ""}}))
              .at("data")
              .at("code") == "unknown_call_id");
    const Json result = {{"type", "json"}, {"value", {{"answer", 42}}}};
    CHECK(worker.ask(tool_result_line(id + " result", id, "call_1", result)).at("type") == "ack");
    const FrameLog& log = worker.end_of(id);
    CHECK(log.outcome() == "done");
    CHECK(log.text() == "found it");
    CHECK(log.text("tool_input") == R"({"q":"é😀"})");
    const Json& data = log.last().at("data");
    CHECK(data.at("steps") == 2);
    CHECK(data.at("finishReason") == "stop");
    CHECK(data.at("usage").at("inputTokens") == 14);
    REQUIRE(data.at("messages").size() == 3);
    CHECK(data.at("messages")[1].at("content")[0].at("output") == result);
    CHECK(log.count("start") == 2);
    CHECK(upstream.count(provider) == 2);
    CHECK(sent_body(upstream, provider, 1).at("messages").dump().find("42") != std::string::npos);
    // The messages of `done` are a valid history for the next chat.
    Json messages = Json::array({{{"role", "user"}, {"content", "Hi"}}});
    for (const Json& message : data.at("messages")) messages.push_back(message);
    messages.push_back({{"role", "user"}, {"content", "And?"}});
    worker.send(
        upstream.chat(id + " next", provider, {{"tools", Json::array({tool("look")})}, {"messages", messages}}));
    CHECK(worker.end_of(id + " next").outcome() == "done");
    const Json before = sent_body(upstream, provider, 1).at("messages");
    const Json after = sent_body(upstream, provider, 2).at("messages");
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == before[i]);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("a call of a tool with the return executor ends the chat with tool_calls") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {event_stream(openai_tool_call("call_1", "ask", R"({"q":"x"})"))});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({tool("ask", "return")})}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.last().at("data").at("finishReason") == "tool_calls");
  REQUIRE(log.count("tool_call") == 1);
  CHECK(log.all("tool_call").front().at("data").at("executor") == "return");
  CHECK(log.last().at("data").at("messages")[0].at("content")[0].at("toolCallId") == "call_1");
  CHECK(upstream.count("p") == 1);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("faults 76, 77: calls that cannot run become error results for the model, and count towards maxSteps") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer(
      "p", {event_stream(openai_tool_call("call_1", "nosuch", "{}")),
            event_stream(openai_tool_call("call_2", "look", R"({"q":)")), event_stream(openai_answer({"enough"}))});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({tool("look")})}, {"maxSteps", 2}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "enough");
  CHECK(log.last().at("data").at("finishReason") == "max_steps");
  CHECK(log.count("tool_result") == 2);
  const Json bad = log.all("tool_call")[1].at("data");
  CHECK(bad.at("input") == nullptr);
  CHECK(bad.at("inputText") == R"({"q":)");
  CHECK(bad.contains("parseError"));
  CHECK(upstream.count("p") == 3);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 73: a tool that does not respond in time gets a timeout result, and the chat continues") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  upstream.answer("p",
                  {event_stream(openai_tool_call("call_1", "look", "{}")), event_stream(openai_answer({"so be it"}))});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({tool("look")})}, {"timeouts", {{"toolMs", 100}}}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.text() == "so be it");
  REQUIRE(log.count("tool_cancel") == 1);
  CHECK(log.all("tool_cancel")[0].at("data").at("reason") == "tool_timeout");
  REQUIRE(log.count("tool_result") == 1);
  CHECK(log.all("tool_result")[0].at("data").at("output").at("type") == "error-text");
  const Json late = worker.ask(tool_result_line("late", "a", "call_1", {{"type", "text"}, {"value", "x"}}));
  CHECK(late.at("data").at("code") == "unknown_id");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("non-streaming responses of both API families give the same events as streams") {
  Upstream upstream;
  TestWorker worker;
  const Json anthropic = {{"id", "msg_1"},
                          {"type", "message"},
                          {"role", "assistant"},
                          {"model", "m"},
                          {"content", Json::array({{{"type", "text"}, {"text", "at once"}}})},
                          {"stop_reason", "end_turn"},
                          {"usage", {{"input_tokens", 7}, {"output_tokens", 5}}}};
  upstream.answer("p", {tools::json_script(200, openai_unary("at once"))});
  upstream.answer("anthropic", {tools::json_script(200, anthropic.dump())});
  for (const char* provider : {"p", "anthropic"}) {
    CAPTURE(provider);
    worker.send(upstream.chat(provider, provider, {{"stream", {{"upstream", false}}}}));
    const FrameLog& log = worker.end_of(provider);
    CHECK(log.types() == std::vector<std::string>{"start", "delta", "usage", "done"});
    CHECK(log.text() == "at once");
    CHECK(log.last().at("data").at("usage").at("totalTokens") == 12);
    CHECK(sent_body(upstream, provider, 0).value("stream", false) == false);
  }
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("two consecutive chats use one connection") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  for (int i = 0; i < 5; ++i) {
    worker.send(upstream.chat("c" + std::to_string(i), "p"));
    CHECK(worker.end_of("c" + std::to_string(i)).outcome() == "done");
  }
  const auto requests = upstream.requests("p");
  REQUIRE(requests.size() == 5);
  for (const auto& request : requests) CHECK(request.connection == requests[0].connection);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("reload_config applies to later chats without a config; running chats keep theirs") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("one", {event_stream(openai_answer({"one"}))});
  upstream.answer("two", {event_stream(openai_answer({"two"}))});
  const auto bare = [&](const std::string& id) {
    Json line = upstream.chat(id, "one");
    line["payload"].erase("config");
    return line;
  };
  const auto reload = [&](const std::string& id, const std::string& provider) {
    const Json config = upstream.chat("x", provider).at("payload").at("config");
    return worker.ask({{"id", id}, {"type", "reload_config"}, {"payload", config}});
  };
  CHECK(worker.ask(bare("none")).at("data").at("code") == "no_config");
  CHECK(reload("r1", "one").at("type") == "config_reloaded");
  worker.send(bare("first"));
  CHECK(reload("r2", "two").at("type") == "config_reloaded");
  worker.send(bare("second"));
  CHECK(worker.end_of("first").text() == "one");
  CHECK(worker.end_of("second").text() == "two");
  CHECK(worker.ask({{"id", "h"}, {"type", "health"}}).at("data").at("providers") == Json::array({"two"}));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("heartbeats, merged deltas and metadata are sent as requested") {
  Upstream upstream;
  TestWorker worker;
  std::vector<std::string> events(40, text_event("x"));
  events.push_back(openai_ending());
  upstream.answer("p", {paced(events, Milliseconds(5))});
  worker.send(upstream.chat("a", "p",
                            {{"heartbeatMs", 20},
                             {"metadata", {{"trace", "t-1"}}},
                             {"stream", {{"deltaIntervalMs", 60'000}, {"maxDeltaChars", 10}}}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.text() == std::string(40, 'x'));
  CHECK(log.count("delta") >= 4);
  for (const Json& delta : log.all("delta")) CHECK(delta.at("data").at("text").get<std::string>().size() <= 10);
  CHECK(log.count("heartbeat") >= 1);
  CHECK(log.all("start").front().at("data").at("metadata") == Json{{"trace", "t-1"}});
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("the mock provider responds without a network, as the README shows") {
  TestWorker worker;
  worker.send(
      chat_line("1", {{"id", "mock"}},
                {{"modelId", "echo"}, {"messages", Json::array({{{"role", "user"}, {"content", "Hello you"}}})}}));
  CHECK(worker.end_of("1").text() == "Hello you");
  worker.send(mock_chat("2", Json::array({{{"text", "half"}}, {{"truncate", true}}})));
  CHECK(worker.end_of("2").outcome() == "truncated_stream");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
