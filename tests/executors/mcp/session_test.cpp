// A session against a server that the test plays.
#include "worker/executors/mcp/session.hpp"

#include <doctest/doctest.h>

#include "tests/executors/mcp/fakes.hpp"
#include "tests/support/fake_clock.hpp"

using namespace aiw;
using namespace std::chrono_literals;
using test::FakeTransport;
using test::initialize_answer;
using test::Json;
using test::LogLine;
using test::rpc_answer;
using test::tools_answer;
using test::Wire;

namespace {

struct Fixture {
  Fixture() {
    McpSessionEvents events;
    events.on_listed = [this] { ++listed; };
    events.on_closed = [this](std::string_view why) { closed.emplace_back(why); };
    session = std::make_shared<McpSession>(
        clock, std::make_unique<FakeTransport>(wire), McpSessionOptions{"1.2.3", std::chrono::seconds(30), keys()},
        [this](McpLogLevel level, std::string_view event, std::string_view text) {
          log.push_back({level, std::string(event), std::string(text)});
        },
        std::move(events));
  }
  static SecretValues keys() {
    SecretValues keys;
    keys.add("canary-key-1");
    return keys;
  }
  void start() { REQUIRE_FALSE(session->start()); }
  void ready(const std::vector<std::string>& tools = {"go"}) {
    start();
    wire.handshake(tools);
  }
  std::unique_ptr<ToolRun> call(const std::string& arguments = "{}") {
    return session->call("go", arguments, [this](std::string output) { outputs.push_back(Json::parse(output)); });
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& tool : *session->tools()) out.push_back(tool.name);
    return out;
  }
  [[nodiscard]] std::size_t sent(const std::string& method) const {
    const auto methods = wire.methods();
    return static_cast<std::size_t>(std::ranges::count(methods, method));
  }

  FakeClock clock;
  Wire wire;
  int listed = 0;
  std::vector<std::string> closed;
  std::vector<LogLine> log;
  std::vector<Json> outputs;
  std::shared_ptr<McpSession> session;
};

using Names = std::vector<std::string>;

Json error_of(const std::string& text) { return {{"type", "error-text"}, {"value", text}}; }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "mcp session: the handshake offers the newest revision and no capability") {
  start();
  CHECK(wire.last() == Json::parse(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{
    "protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"ai-worker","version":"1.2.3"}}})"));
  wire.say(initialize_answer(wire.last(), "2025-06-18"));
  CHECK(wire.revision == "2025-06-18");
  CHECK(wire.listen);
  CHECK(wire.methods() == Names{"initialize", "notifications/initialized", "tools/list"});
  CHECK(session->tools() == nullptr);
  wire.say(tools_answer(wire.last(), {"a", "b"}));
  CHECK(listed == 1);
  CHECK(names() == Names{"a", "b"});
  CHECK(clock.pending() == 0);
}

TEST_CASE_FIXTURE(Fixture, "fault 94: mcp session: no key, nor a piece of one, is in what a server answers") {
  ready();
  const auto run = call();
  const std::string filler(4090, 'y');
  wire.say({{"id", wire.last().at("id")}, {"error", {{"code", 1}, {"message", filler + "canary-key-1"}}}});
  const auto second = call();
  wire.say({{"id", wire.last().at("id")},
            {"result", {{"content", {{{"type", "text"}, {"text", R"({"k":"canary\u002dkey-1"})"}}}}}}});
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0] == error_of("the MCP server answered with error 1: " + filler + "[redacted]"));
  CHECK(outputs[1] == Json{{"type", "text"}, {"value", R"({"k":"[redacted]"})"}});
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a revision that is not ours, an error or silence end it") {
  SUBCASE("revision") {
    start();
    wire.say(initialize_answer(wire.last(), "1999-01-01"));
    CHECK(closed == Names{"cannot be used: it speaks no revision of the protocol that this worker speaks"});
  }
  SUBCASE("error") {
    start();
    wire.say({{"jsonrpc", "2.0"}, {"id", 1}, {"error", {{"code", -1}, {"message", "not today"}}}});
    CHECK(closed == Names{"refused to initialize: the MCP server answered with error -1: not today"});
  }
  SUBCASE("silence") {
    start();
    clock.advance(29'999ms);
    CHECK(closed.empty());
    clock.advance(1ms);
    CHECK(closed == Names{"was not ready within 30000 ms"});
  }
  SUBCASE("silence after the handshake") {
    start();
    wire.say(initialize_answer(wire.last()));
    clock.advance(30s);
    CHECK(closed.size() == 1);
  }
  SUBCASE("no connection") {
    wire.refuses = "cannot be started";
    CHECK(session->start() == "cannot be started");
  }
  CHECK(listed == 0);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: pages are followed to the last, but not for ever") {
  start();
  wire.say(initialize_answer(wire.last()));
  SUBCASE("three pages") {
    wire.say(tools_answer(wire.last(), {"a"}, "p2"));
    CHECK(wire.last().at("params").at("cursor") == "p2");
    wire.say(tools_answer(wire.last(), {}, "p3"));
    wire.say(tools_answer(wire.last(), {"b"}));
    CHECK(names() == Names{"a", "b"});
  }
  SUBCASE("a list that goes on and on") {
    for (int page = 0; page < 300 && closed.empty(); ++page) {
      wire.say(tools_answer(wire.last(), {"a" + std::to_string(page)}, std::to_string(page)));
    }
    CHECK(closed == Names{"did not list its tools: its tool list does not end"});
    CHECK(sent("tools/list") <= 201);
  }
  SUBCASE("a server without tools") {
    wire.say({{"id", wire.last().at("id")}, {"error", {{"code", -32601}, {"message", "no such method"}}}});
    CHECK(listed == 1);
    CHECK(names().empty());
  }
  SUBCASE("another error") {
    wire.say({{"id", wire.last().at("id")}, {"error", {{"code", 5}}}});
    CHECK(closed == Names{"did not list its tools: the MCP server answered with error 5"});
  }
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a cursor that does not advance ends the list with the tools so far") {
  start();
  wire.say(initialize_answer(wire.last()));
  SUBCASE("the same cursor for ever") {
    wire.say(tools_answer(wire.last(), {"a"}, "x"));
    wire.say(tools_answer(wire.last(), {"b"}, "x"));
    CHECK(names() == Names{"a", "b"});
    CHECK(sent("tools/list") == 2);
  }
  SUBCASE("cursors in a circle, with pages that may be empty") {
    for (const std::string cursor : {"x", "y", "x"}) wire.say(tools_answer(wire.last(), {}, cursor));
    CHECK(names().empty());
    CHECK(sent("tools/list") == 3);
  }
  SUBCASE("a new cursor for the same page") {
    wire.say(tools_answer(wire.last(), {"a", "b"}, "1"));
    wire.say(tools_answer(wire.last(), {"a", "b"}, "2"));
    CHECK(names() == Names{"a", "b"});
    CHECK(sent("tools/list") == 2);
  }
  CHECK(listed == 1);
  CHECK(closed.empty());
  CHECK(log.back().level == McpLogLevel::warn);
  CHECK(log.back().event == "the tool list's cursor does not advance: the tools so far are used");
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a tool that is listed twice is offered once") {
  ready({"a", "b", "a"});
  CHECK(names() == Names{"a", "b"});
}

TEST_CASE_FIXTURE(Fixture, "mcp session: ids that come back as strings or as fractions of zero are ours") {
  for (const std::string form : {"\"N\"", "N.0", "\"N.0\"", "Ne0"}) {
    CAPTURE(form);
    Fixture server;
    const auto answer = [&](const std::string& result) {
      std::string id = form;
      id.replace(id.find('N'), 1, server.wire.last().at("id").dump());
      server.wire.handler->on_message(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + result + "}");
    };
    server.start();
    answer(R"({"protocolVersion":"2025-06-18","capabilities":{}})");
    answer(R"({"tools":[{"name":"go"}]})");
    const auto run = server.call();
    answer(R"({"content":[]})");
    CHECK(server.outputs == std::vector<Json>{Json{{"type", "text"}, {"value", ""}}});
  }
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a response that nobody can read ends its request at once, and only that") {
  const std::string why = "sent a response that cannot be read: ";
  const std::string deep = std::string(2'000, '[') + std::string(2'000, ']');
  SUBCASE("calls") {
    ready();
    const auto one = call(), two = call();
    wire.handler->on_message(R"({"jsonrpc":"2.0","result":{"content":[],},"id":"3"})");
    wire.handler->on_message(R"({"jsonrpc":"2.0","id":4,"result":{"structuredContent":)" + deep + "}}");
    CHECK(outputs == std::vector<Json>{error_of("the MCP server " + why + "expected a key in quotes"),
                                       error_of("the MCP server " + why + "nested deeper than 1000")});
    CHECK(wire.forgotten == std::vector<std::int64_t>{1, 2, 3, 4});
    CHECK(closed.empty());
  }
  SUBCASE("a batch, of which one is no message") {
    ready();
    const auto one = call(), two = call();
    wire.handler->on_message(R"([{"id":3,"result":{"content":[]}},{"id":4,"result":{"content":[]}},7])");
    CHECK(outputs == std::vector<Json>(2, error_of("the MCP server " + why + "a message is an object")));
  }
  SUBCASE("initialize") {
    start();
    wire.handler->on_message(R"({"id":1,"result":{"protocolVersion":2025-11-25}})");
    CHECK(closed == Names{why + "expected ',' or '}'"});
  }
  SUBCASE("the first list") {
    start();
    wire.say(initialize_answer(wire.last()));
    wire.handler->on_message(R"({"id":2,"result":{"tools":['go']}})");
    CHECK(closed == Names{why + "a value was expected"});
  }
  SUBCASE("a later list") {
    ready({"old"});
    wire.say({{"jsonrpc", "2.0"}, {"method", "notifications/tools/list_changed"}});
    clock.advance(0ms);
    wire.handler->on_message(R"({"id":3,"error":{"code":,"message":""}})");
    CHECK(names() == Names{"old"});
    CHECK(closed.empty());
    CHECK_FALSE(session->stale());
  }
}

TEST_CASE_FIXTURE(Fixture, "mcp session: what a lenient parser reads is read") {
  ready();
  const std::vector<std::pair<std::string, Json>> results = {
      {R"({"content":[],"structuredContent":{"a":1,"b":2,"a":3}})",
       Json{{"type", "json"}, {"value", {{"b", 2}, {"a", 3}}}}},
      {"{\"content\":[{\"type\":\"text\",\"text\":\"a\tb\x01\"}]}", Json{{"type", "text"}, {"value", "a\tb\u0001"}}},
      {R"({"structuredContent":[NaN,-Infinity,1e999,-1e-999,9]})",
       Json{{"type", "json"}, {"value", {"NaN", "-Infinity", "1e999", -0.0, 9}}}},
  };
  for (const auto& [result, expected] : results) {
    CAPTURE(result);
    outputs.clear();
    const auto run = call();
    wire.handler->on_message(R"({"id":)" + wire.last().at("id").dump() + R"(,"result":)" + result + "}");
    CHECK(outputs == std::vector<Json>{expected});
  }
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a call's answer becomes its output") {
  ready();
  const auto first = call(R"({"n":1})");
  const Json request = wire.last();
  CHECK(request.at("params").at("arguments") == Json{{"n", 1}});
  CHECK(request.at("params").at("_meta").at("progressToken") == request.at("id"));
  const auto second = call();
  wire.say({{"id", wire.last().at("id")}, {"error", {{"code", -32602}, {"message", "unknown tool"}}}});
  wire.say(rpc_answer(request, {{"content", Json::array({Json{{"type", "text"}, {"text", "ok"}}})}}));
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0] == error_of("the MCP server answered with error -32602: unknown tool"));
  CHECK(outputs[1] == Json{{"type", "text"}, {"value", "ok"}});
  wire.say(rpc_answer(request, {{"content", Json::array()}}));  // twice
  CHECK(outputs.size() == 2);
  CHECK(log.back().event == "an answer to no request");
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a call that is given up is cancelled at the server") {
  ready();
  auto run = call();
  const auto id = wire.last().at("id");
  run.reset();
  CHECK(wire.last().at("method") == "notifications/cancelled");
  CHECK(wire.last().at("params").at("requestId") == id);
  CHECK(wire.forgotten.back() == id);
  wire.say(rpc_answer({{"id", id}}, {{"content", Json::array()}}));
  CHECK(outputs.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp session: an answered call is not cancelled") {
  ready();
  auto run = call();
  wire.say(rpc_answer(wire.last(), {{"content", Json::array()}}));
  run.reset();
  CHECK(sent("notifications/cancelled") == 0);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: the end answers every call, and later ones from the loop") {
  ready();
  const auto one = call(), two = call();
  wire.handler->on_closed("exited with code 7");
  CHECK(outputs == std::vector<Json>{error_of("the MCP server exited with code 7"),
                                     error_of("the MCP server exited with code 7")});
  CHECK(closed == Names{"exited with code 7"});
  wire.handler->on_closed("again");
  CHECK(closed.size() == 1);
  const auto three = call();
  CHECK(outputs.size() == 2);
  clock.advance(0ms);
  CHECK(outputs.size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: an output may give up the other calls at the end") {
  ready();
  std::unique_ptr<ToolRun> two;
  int told = 0;
  const auto one = session->call("go", "{}", [&](std::string) {
    ++told;
    two.reset();
  });
  two = session->call("go", "{}", [&](std::string) { ++told; });
  wire.handler->on_closed("is gone");
  CHECK(told == 1);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: ping is answered, other requests are refused") {
  ready();
  wire.say({{"jsonrpc", "2.0"}, {"id", "p1"}, {"method", "ping"}});
  CHECK(wire.last() == Json::parse(R"({"jsonrpc":"2.0","id":"p1","result":{}})"));
  for (const std::string method : {"sampling/createMessage", "elicitation/create", "roots/list", "nonsense"}) {
    wire.say({{"jsonrpc", "2.0"}, {"id", 5}, {"method", method}, {"params", Json::object()}});
    CHECK(wire.last().at("error").at("code") == -32601);
    CHECK(wire.last().at("id") == 5);
  }
}

TEST_CASE_FIXTURE(Fixture, "mcp session: garbage changes nothing") {
  ready();
  const auto run = call();
  const auto before = wire.sent.size();
  for (const std::string text :
       {"Listening...", "{", "[]", "[1]", "null", R"({"id":12345,"result":{}})", R"({"id":"x","result":{}})",
        R"([{"id":4,"result":{"content":[]}}])", R"({"method":"notifications/unknown"})",
        R"({"id":3,"method":"ping","result":{},})", R"({"params":{"id":3,"result":{}},})",
        R"({"method":"notifications/progress"})", R"({"method":"notifications/message","params":7})"}) {
    CAPTURE(text);
    wire.handler->on_message(text);
  }
  CHECK(outputs.empty());
  CHECK(closed.empty());
  CHECK(wire.sent.size() == before);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a program that says nothing but garbage is no server") {
  start();
  for (int i = 0; i < 100; ++i) wire.handler->on_message("Loading...");
  CHECK(closed.empty());
  wire.handler->on_message("Loading...");
  CHECK(closed == Names{"sent too much that is not a message"});
}

TEST_CASE_FIXTURE(Fixture, "mcp session: batches are taken, in revisions that have none, too") {
  start();
  SUBCASE("the one that has them") { wire.say(initialize_answer(wire.last(), "2025-03-26")); }
  SUBCASE("a later one") { wire.say(Json::array({initialize_answer(wire.last(), "2025-11-25")})); }
  const Json list = wire.last();
  wire.say(Json::array({tools_answer(list, {"a"}), Json{{"jsonrpc", "2.0"}, {"id", 9}, {"method", "ping"}}}));
  CHECK(names() == Names{"a"});
  CHECK(wire.last().at("id") == 9);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: the server's log goes to ours") {
  ready();
  const auto say = [&](const std::string& level) {
    wire.say(
        {{"jsonrpc", "2.0"}, {"method", "notifications/message"}, {"params", {{"level", level}, {"data", "words"}}}});
    return log.back().level;
  };
  CHECK(say("debug") == McpLogLevel::debug);
  CHECK(say("info") == McpLogLevel::debug);
  CHECK(say("notice") == McpLogLevel::info);
  CHECK(say("warning") == McpLogLevel::warn);
  CHECK(say("critical") == McpLogLevel::error);
  CHECK(log.back().text == "\"words\"");
}

TEST_CASE_FIXTURE(Fixture, "mcp session: changed tools are listed again, at most one list at a time") {
  ready({"old"});
  const Json changed = {{"jsonrpc", "2.0"}, {"method", "notifications/tools/list_changed"}};
  wire.say(changed);
  wire.say(changed);
  CHECK(session->stale());
  clock.advance(0ms);
  CHECK(sent("tools/list") == 2);
  CHECK(names() == Names{"old"});
  wire.say(changed);  // while it is being listed
  clock.advance(5s);
  CHECK(sent("tools/list") == 2);
  wire.say(tools_answer(wire.last(), {"new"}));
  CHECK(names() == Names{"new"});
  CHECK(session->stale());
  clock.advance(5s);
  CHECK(sent("tools/list") == 3);
  wire.say(tools_answer(wire.last(), {"newest"}));
  CHECK_FALSE(session->stale());
  CHECK(listed == 3);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: tools that cannot be listed again stay as they were") {
  ready({"old"});
  wire.say({{"jsonrpc", "2.0"}, {"method", "notifications/tools/list_changed"}});
  clock.advance(0ms);
  SUBCASE("an error") { wire.say({{"id", wire.last().at("id")}, {"error", {{"code", 1}}}}); }
  SUBCASE("no answer on this transport") { wire.handler->on_unanswered(wire.last().at("id"), "broke off"); }
  SUBCASE("silence") { clock.advance(30s); }
  SUBCASE("a list that goes on and on") {
    for (int page = 0; page < 300 && session->stale(); ++page) {
      wire.say(tools_answer(wire.last(), {"a" + std::to_string(page)}, std::to_string(page)));
    }
  }
  CHECK(names() == Names{"old"});
  CHECK_FALSE(session->stale());
  CHECK(closed.empty());
  CHECK(log.back().level == McpLogLevel::warn);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a list_changed before the first list asks for nothing") {
  start();
  wire.say({{"jsonrpc", "2.0"}, {"method", "notifications/tools/list_changed"}});
  clock.advance(1s);
  CHECK(wire.sent.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a request without an answer fails alone") {
  ready();
  const auto one = call();
  const auto id = wire.last().at("id").get<std::int64_t>();
  const auto two = call();
  wire.handler->on_unanswered(id, "broke off");
  CHECK(outputs == std::vector<Json>{error_of("the MCP server broke off")});
  CHECK(closed.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a lost session is begun anew once, and its call is made again") {
  ready();
  const auto run = call(R"({"n":1})");
  const auto lost = wire.last();
  const auto id = lost.at("id").get<std::int64_t>();
  wire.handler->on_session_lost(id, true);
  CHECK(wire.lost_sessions == 1);
  CHECK(wire.last().at("method") == "initialize");
  const auto later = call();  // waits for the handshake
  CHECK(wire.last().at("method") == "initialize");
  wire.say(initialize_answer(wire.last()));
  const auto methods = wire.methods();
  CHECK(Names(methods.end() - 3, methods.end()) == Names{"notifications/initialized", "tools/call", "tools/call"});
  CHECK(*(wire.sent.end() - 2) == lost);
  clock.advance(0ms);
  CHECK(wire.last().at("method") == "tools/list");  // it may be another version of itself
  SUBCASE("lost again") {
    wire.handler->on_session_lost(id, true);
    CHECK(outputs == std::vector<Json>{error_of("the MCP server lost the session twice")});
  }
  SUBCASE("answered") {
    wire.say(rpc_answer(lost, {{"content", Json::array()}}));
    CHECK(outputs.size() == 1);
  }
  CHECK(closed.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp session: a call of a session that was already replaced goes to the new one") {
  ready();
  const auto run = call();
  const auto before = wire.sent.size();
  wire.handler->on_session_lost(wire.last().at("id"), false);
  CHECK(wire.lost_sessions == 0);
  CHECK(wire.sent.size() == before + 1);
  CHECK(wire.last().at("method") == "tools/call");
}
