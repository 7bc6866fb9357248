#include <doctest/doctest.h>

#include "tests/agent/server_fixture.hpp"

using namespace aiw;
using std::chrono::milliseconds;

namespace {

std::string call_tool(std::string_view id) {
  return sse::call(0, id, "add", "{}") + sse::finish("tool_calls") + sse::done();
}

const std::string kWithTool = R"({"tools": [{"name": "add"}]})";

std::string config_of(std::string_view host) {
  return R"({"providers": [{"id": "p", "baseUrl": "https://)" + std::string(host) + R"(", "models": [{"id": "m"}]}]})";
}

}  // namespace

TEST_CASE("the greeting says what the worker is and takes") {
  ServerFixture f({.version = "1.2.3", .admission = {.max_in_flight = 7, .max_queued = 8}});
  f.server->greet();
  const Json ready = f.last();
  CHECK(ready["id"].is_null());
  CHECK(ready["type"] == "ready");
  CHECK(ready["data"]["version"] == "1.2.3");
  CHECK(ready["data"]["limits"]["maxInFlight"] == 7);
  CHECK(ready["data"]["limits"]["maxQueued"] == 8);
}

TEST_CASE("chats run side by side") {
  ServerFixture f;
  f.chat("a");
  f.chat("b");
  CHECK(f.server->in_flight() == 2);
  f.answer(1, sse::answer("for b"));
  CHECK(f.types("a") == "start");
  CHECK(f.types("b") == "start delta done");
  f.answer(0, sse::answer("for a"));
  CHECK(f.types("a") == "start delta done");
  CHECK(f.server->in_flight() == 0);
  CHECK(f.server->stats().accepted == 2);
  CHECK(f.server->stats().done == 2);
}

TEST_CASE("a duplicate id is rejected, and the chat that has it is unharmed") {
  ServerFixture f({.admission = {.max_in_flight = 1}});
  f.chat("a");
  f.chat("a");
  CHECK(f.types("a") == "start rejected");
  CHECK(f.last()["data"]["code"] == "duplicate_id");
  CHECK(f.last()["data"]["pointer"] == "/id");
  f.chat("queued");
  f.chat("queued");
  CHECK(f.types("queued") == "rejected");
  f.answer(0);
  CHECK(f.types("a") == "start rejected delta done");
  f.answer(1);
  CHECK(f.types("queued") == "rejected start delta done");
  CHECK(f.server->stats().accepted == 2);
  CHECK(f.server->stats().rejected == 2);
}

TEST_CASE("an id is free again once its chat has ended, and its numbers begin anew") {
  ServerFixture f;
  f.chat("a");
  f.answer(0);
  f.chat("a");
  f.answer(1);
  CHECK(f.types("a") == "start delta done start delta done");
  CHECK(f.output.frames()[3]["seq"] == 0);
}

TEST_CASE("chats beyond the limit wait in order, and beyond the queue are told to come again") {
  ServerFixture f({.admission = {.max_in_flight = 1, .max_queued = 2}});
  f.chat("a");
  f.chat("b");
  f.chat("c");
  f.chat("d");
  CHECK(f.server->in_flight() == 1);
  CHECK(f.server->queued() == 2);
  CHECK(f.types("b").empty());
  CHECK(f.types("d") == "rejected");
  const Json error = f.last()["data"];
  CHECK(error["code"] == "overloaded");
  CHECK(error["category"] == "overloaded");
  CHECK(error["retryable"] == true);
  CHECK(error["retryAfterMs"] == 1'000);
  f.advance(30);
  f.answer(0);
  CHECK(f.types("b") == "start");
  CHECK(f.types("c").empty());
  f.answer(1);
  CHECK(f.last()["id"] == "c");
  f.answer(2);
  CHECK(f.last()["data"]["timing"]["queuedMs"] == 30);
  CHECK(f.server->stats().done == 3);
}

TEST_CASE("chats that wait are bounded in bytes, and those that leave the queue make room") {
  ServerFixture f({.admission = {.max_in_flight = 1, .max_queued_bytes = 1'000}});
  f.chat("a");
  f.chat("b");
  f.chat("large", Json{{"metadata", {{"x", std::string(1'000, 'x')}}}}.dump());
  CHECK(f.types("large") == "rejected");
  CHECK(f.last()["data"]["code"] == "overloaded");
  f.cancel("b");
  for (const char* id : {"c", "d"}) f.chat(id);
  CHECK(f.types("c").empty());  // it waits
  f.answer(0);
  CHECK(f.types("c") == "start");
}

TEST_CASE("a refused parent is told to wait until half of the queue has gone, at the pace of the last chats") {
  ServerFixture f({.admission = {.max_in_flight = 1, .max_queued = 4}});
  for (std::size_t i = 0; i < 20; ++i) {
    f.chat("a" + std::to_string(i));
    f.advance(2'000);
    f.answer(i);
  }
  for (const char* id : {"b", "c", "d", "e", "f", "refused"}) f.chat(id);
  CHECK(f.types("refused") == "rejected");
  const std::int64_t wait = f.last()["data"]["retryAfterMs"];
  CHECK(wait > 3 * 1'800);  // half of four, and its own
  CHECK(wait <= 3 * 2'000);
}

TEST_CASE("fault 89: while memory is short no chat is taken on beside others, nor begun") {
  ServerFixture f({.admission = {.max_in_flight = 2}});
  f.memory_short = true;
  f.chat("a");  // alone: what is in use is not a chat's
  CHECK(f.types("a") == "start");
  f.chat("b");
  CHECK(f.types("b") == "rejected");
  CHECK(f.last()["data"]["code"] == "overloaded");
  CHECK(f.last()["data"]["retryable"] == true);
  f.memory_short = false;
  f.chat("c");
  f.chat("d");
  CHECK(f.types("c") == "start");
  CHECK(f.types("d").empty());
  f.memory_short = true;
  f.answer(0);
  CHECK(f.types("d").empty());
  f.answer(1);
  CHECK(f.types("d") == "start");
}

TEST_CASE("a chat that comes the moment a place is free does not overtake those that wait") {
  ServerFixture f({.admission = {.max_in_flight = 1, .max_queued = 1}});
  f.chat("a");
  f.chat("b");
  FakeExchange& exchange = f.http.at(0);
  exchange.stream();
  exchange.body(sse::answer("ok"));
  CHECK(f.server->in_flight() == 0);
  f.server->handle(decode_line({chat_line(Json::object(), "c").dump()}));
  CHECK(f.types("c") == "rejected");
  f.settle();
  CHECK(f.types("b") == "start");
  CHECK(f.server->in_flight() == 1);
}

TEST_CASE("cancel is acknowledged before the end that it brings") {
  ServerFixture f({.admission = {.max_in_flight = 1}});
  f.chat("a");
  f.chat("queued");
  f.cancel("queued", "x1");
  CHECK(f.types("queued") == "done");
  CHECK(f.last()["data"]["finishReason"] == "cancelled");
  f.cancel("a", "x2");
  const auto frames = f.output.frames();
  CHECK(frames[frames.size() - 2]["id"] == "x2");
  CHECK(frames[frames.size() - 2]["data"].dump() == "{}");
  CHECK(frames.back()["type"] == "done");
  CHECK(!f.http.at(0).open());
  CHECK(f.server->in_flight() == 0);
  CHECK(f.http.count() == 1);
}

TEST_CASE("a cancel that comes too late is acknowledged as such, one for nothing is rejected") {
  ServerFixture f;
  f.chat("a");
  f.answer(0);
  f.cancel("a", "x1");
  CHECK(f.last()["type"] == "ack");
  CHECK(f.last()["data"]["late"] == true);
  f.cancel("never", "x2");
  CHECK(f.last()["id"] == "x2");
  CHECK(f.last()["type"] == "rejected");
  CHECK(f.last()["data"]["code"] == "unknown_id");
  CHECK(f.types("a") == "start delta done");
}

TEST_CASE("tool results find their call once") {
  ServerFixture f;
  const auto result = [&](std::string_view id, std::string_view chat, std::string_view call) {
    f.line("tool_result", id,
           Json{{"chatId", chat}, {"toolCallId", call}, {"output", {{"type", "text"}, {"value", "3"}}}}.dump());
    return f.output.transcript(id);
  };
  f.chat("a", kWithTool);
  CHECK(result("r0", "a", "t").find("unknown_call_id") != std::string::npos);
  f.answer(0, call_tool("t"));
  CHECK(result("r1", "a", "other").find("unknown_call_id") != std::string::npos);
  CHECK(result("r2", "nobody", "t").find("unknown_id") != std::string::npos);
  CHECK(result("r3", "a", "t") == "ack {}\n");
  CHECK(result("r4", "a", "t").find("unknown_call_id") != std::string::npos);
  const auto frames = f.output.frames();
  CHECK(frames[frames.size() - 3]["type"] == "ack");
  CHECK(frames[frames.size() - 2]["type"] == "start");
  f.answer(1);
  CHECK(f.types("a") == "start delta tool_call start delta done");
  CHECK(result("r5", "a", "t").find("unknown_id") != std::string::npos);
}

TEST_CASE("a chat without a config uses the one that was given last, as it was when the chat came") {
  ServerFixture f;
  const auto bare = [&](std::string_view id) { f.chat(id, R"({"config": null})"); };
  bare("none");
  CHECK(f.types("none") == "rejected");
  CHECK(f.last()["data"]["code"] == "no_config");
  f.line("reload_config", "r1", config_of("one.example"));
  CHECK(f.types("r1") == "config_reloaded");
  bare("a");
  f.line("reload_config", "r2", config_of("two.example"));
  bare("b");
  f.chat("own");
  f.http.at(0).fail(network_error("connect_error"));
  f.advance(500);
  CHECK(f.http.at(0).request().url.starts_with("https://one.example/"));
  CHECK(f.http.at(1).request().url.starts_with("https://two.example/"));
  CHECK(f.http.at(2).request().url.starts_with("https://p.example/"));
  CHECK(f.http.at(3).request().url.starts_with("https://one.example/"));
}

TEST_CASE("health is answered at once, however busy the worker is") {
  ServerFixture f({.version = "1.2.3", .admission = {.max_in_flight = 1}});
  f.line("reload_config", "r", config_of("one.example"));
  f.chat("a");
  f.chat("b");
  f.output.is_congested = true;
  f.advance(1'500);
  f.line("health", "h");
  CHECK(f.output.transcript("h") ==
        R"(health_ok {"ready":true,"providers":["p"],"inFlight":1,"queued":1,"version":"1.2.3","uptimeMs":1500})"
        "\n");
}

TEST_CASE("lines that are no requests are rejected on their id, if they have one") {
  ServerFixture f;
  f.line("nonsense", "n");
  CHECK(f.last()["data"]["code"] == "unknown_type");
  f.server->handle(decode_line({"{"}));
  CHECK(f.last()["id"].is_null());
  CHECK(f.last()["data"]["code"] == "invalid_json");
  f.line("models", "m", R"({"providerId":"p"})");
  CHECK(f.last()["data"]["code"] == "no_config");
  f.chat("a", R"({"providerId": "nobody"})");
  CHECK(f.last()["data"]["code"] == "provider_not_found");
  CHECK(f.server->stats().accepted == 0);
  CHECK(f.server->stats().rejected == 4);
  CHECK(f.server->stats().lines == 4);
}

TEST_CASE("fault 110: one provider that does not list its models leaves room for the others") {
  ServerFixture f;
  const auto ask = [&](const std::string& id, std::string_view host) {
    const auto before = f.http.count();
    f.line("models", id, R"({"providerId": "p", "config": )" + config_of(host) + "}");
    return f.http.count() - before;
  };
  std::size_t asked = 0;
  for (int i = 0; i < 100; ++i) asked += ask("a" + std::to_string(i), "hangs.example");
  CHECK(asked == 16);
  CHECK(f.last()["data"]["code"] == "overloaded");
  CHECK(f.last()["data"]["retryable"] == true);
  CHECK(ask("b", "other.example") == 1);
}

TEST_CASE("what a dialect cannot say to the parent goes to the log") {
  ServerFixture f({}, Dialect::leanspec);
  f.chat("a");
  f.chat("a");
  CHECK(f.unanswered == "duplicate_id ");
  f.cancel("a");
  CHECK(f.types("a") == "done");
}

TEST_CASE("after the input's end what runs and waits is finished, then the worker is idle") {
  ServerFixture f({.admission = {.max_in_flight = 1}});
  f.chat("a");
  f.chat("b");
  f.server->close_input();
  f.settle();
  CHECK(f.idle == 0);
  f.answer(0);
  f.answer(1);
  CHECK(f.types("b") == "start delta done");
  CHECK(f.idle == 1);
}

TEST_CASE("after the input's end a chat that waits for its parent ends, queued ones included") {
  ServerFixture f({.admission = {.max_in_flight = 1}});
  f.chat("a", kWithTool);
  f.chat("b", kWithTool);
  f.answer(0, call_tool("t"));
  f.server->close_input();
  f.settle();
  CHECK(f.types("a") == "start delta tool_call tool_cancel error");
  CHECK(f.idle == 0);
  f.answer(1, call_tool("t"));
  CHECK(f.types("b") == "start delta tool_call tool_cancel error");
  CHECK(f.last()["data"]["code"] == "input_closed");
  CHECK(f.idle == 1);
}

TEST_CASE("a worker without chats is idle as soon as its input ends") {
  ServerFixture f;
  f.server->close_input();
  f.settle();
  CHECK(f.idle == 1);
  f.server->close_input();
  f.settle();
  CHECK(f.idle == 1);
}

TEST_CASE("shutdown finishes what runs and refuses what comes") {
  ServerFixture f({.admission = {.max_in_flight = 1}});
  f.chat("a");
  f.chat("b");
  f.line("shutdown", "s");
  CHECK(f.types("s") == "ack");
  f.chat("c");
  CHECK(f.types("c") == "rejected");
  CHECK(f.last()["data"]["code"] == "shutting_down");
  CHECK(f.last()["data"]["retryable"] == true);
  f.line("health", "h");
  CHECK(f.last()["data"]["ready"] == false);
  f.answer(0);
  f.answer(1);
  CHECK(f.types("b") == "start delta done");
  CHECK(f.idle == 1);
  CHECK(f.server->cut_short() == 0);
}

TEST_CASE("what shutdown's time does not suffice for ends with shutting_down") {
  ServerFixture f({.admission = {.max_in_flight = 1}});
  f.chat("a", kWithTool);
  f.chat("b");
  f.answer(0, call_tool("t"));
  f.line("shutdown", "s", R"({"graceMs": 700})");
  f.advance(699);
  CHECK(f.idle == 0);
  f.advance(1);
  CHECK(f.types("a") == "start delta tool_call tool_cancel error");
  CHECK(f.types("b") == "error");
  CHECK(f.last()["data"]["code"] == "shutting_down");
  CHECK(f.server->cut_short() == 2);
  CHECK(f.server->stats().errors == 2);
  CHECK(f.idle == 1);
}

TEST_CASE("a drain without time ends everything, also what the loop has not got to") {
  ServerFixture f;
  f.chat("a");
  f.server->drain(milliseconds(0));
  f.advance(0);
  CHECK(f.types("a") == "start error");
  CHECK(f.idle == 1);
}

TEST_CASE("fault 88: chats that are given up are told why, in short, whether they run, wait or call tools") {
  ServerFixture f({.admission = {.max_in_flight = 2}});
  f.chat("a", kWithTool);
  f.answer(0, call_tool("t"));
  f.chat("b");
  f.chat("c");
  f.server->fail_all({.code = "resource_exhausted"});
  CHECK(f.types("a") == "start delta tool_call error");
  CHECK(f.types("b") == "start error");
  CHECK(f.types("c") == "error");
  for (const auto& frame : f.output.frames()) {
    if (frame["type"] != "error") continue;
    CHECK(frame["data"]["code"] == "resource_exhausted");
    CHECK(!frame["data"].contains("messages"));
  }
  CHECK(f.server->stats().errors == 3);
  CHECK(!f.http.at(1).open());
}

TEST_CASE("a server that goes answers the chats that it has, and is not called again") {
  ServerFixture f({.admission = {.max_in_flight = 2}});
  f.chat("a", kWithTool);
  f.answer(0, call_tool("t"));
  f.chat("b");
  f.chat("c");
  f.server.reset();
  CHECK(f.types("a") == "start delta tool_call tool_cancel error");
  CHECK(f.types("b") == "start error");
  CHECK(f.types("c") == "error");
  CHECK(f.posted.empty());
  CHECK(f.clock.pending() == 0);
  CHECK(!f.http.at(1).open());
}

TEST_CASE("a chat's deltas are split to fit a frame") {
  ServerFixture f({.max_frame_bytes = 1024});
  f.chat("a");
  f.answer(0, sse::answer(std::string(1000, '"')));
  std::size_t longest = 0;
  std::string said;
  for (const auto& frame : f.output.frames()) {
    if (frame["type"] != "delta") continue;
    longest = std::max(longest, frame.dump().size());
    said += frame["data"]["text"].get<std::string>();
  }
  CHECK(said == std::string(1000, '"'));
  CHECK(longest <= 1024);
}
