// Agent loop over real pipes and sockets: every executor, approvals, rejections, limits, and cancelling in every phase.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

struct Call {
  std::string id, name, arguments;
};

// Returns one response with these calls in parallel.
Script calls(const std::vector<Call>& all) {
  std::string body;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Json function = {{"name", all[i].name}, {"arguments", all[i].arguments}};
    const Json call = {{"index", i}, {"id", all[i].id}, {"type", "function"}, {"function", function}};
    body += chunk_event({{"tool_calls", Json::array({call})}});
  }
  return event_stream(body + openai_ending("tool_calls"));
}
Script answer(const std::string& text) { return event_stream(openai_answer({text})); }

Json parent_tool(const std::string& name, const Json& more = Json::object()) {
  Json tool = {{"name", name},
               {"inputSchema",
                {{"type", "object"},
                 {"properties", {{"q", {{"type", "string"}}}}},
                 {"required", Json::array({"q"})},
                 {"additionalProperties", false}}}};
  tool.update(more);
  return tool;
}

Json text_value(const std::string& text) { return {{"type", "text"}, {"value", text}}; }

Json approval_line(const std::string& id, const std::string& chat, const std::string& call, bool approved,
                   const std::string& reason = {}) {
  Json payload = {{"chatId", chat}, {"toolCallId", call}, {"approved", approved}};
  if (!reason.empty()) payload["reason"] = reason;
  return {{"id", id}, {"type", "tool_approval"}, {"payload", payload}};
}

// Returns the messages of the provider's request with this number, from 0.
Json messages_of(const Upstream& upstream, std::size_t number, const std::string& provider = "p") {
  return Json::parse(upstream.requests(provider).at(number).body).at("messages");
}

// Returns the content of the tool result for `call`; empty if there is none.
std::string result_text(const Json& messages, const std::string& call) {
  for (const Json& message : messages) {
    if (message.value("tool_call_id", "") == call) return message.at("content").dump();
  }
  return {};
}

void check_order(const FrameLog& log) {
  std::set<std::string> open;
  for (const auto& frame : log.frames) {
    if (frame.type() == "tool_call") open.insert(frame.json.at("data").at("toolCallId").get<std::string>());
    if (frame.type() == "tool_result")
      CHECK(open.erase(frame.json.at("data").at("toolCallId").get<std::string>()) == 1);
  }
}

}  // namespace

TEST_CASE("HTTP tools: arguments go into the request, and responses and failures go to the model") {
  Upstream upstream;
  TestWorker worker;
  const Json tool = parent_tool("find", {{"executor", "http"},
                                         {"http",
                                          {{"url", upstream.base_url("api") + "/items/{q}"},
                                           {"query", {{"lang", "de"}}},
                                           {"response", {{"pointer", "/item"}}}}}});
  upstream.answer("api",
                  {tools::json_script(200, R"({"item":{"name":"Ulm"}})"), tools::json_script(404, R"({"no":1})")});
  upstream.answer(
      "p", {calls({{"c1", "find", R"({"q":"a/b?c"})"}}), calls({{"c2", "find", R"({"q":"x"})"}}), answer("Ulm it is")});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({tool})}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "Ulm it is");
  CHECK(log.all("tool_call")[0].at("data").at("executor") == "http");
  const auto results = log.all("tool_result");
  REQUIRE(results.size() == 2);
  CHECK(results[0].at("data").at("output") == Json{{"type", "json"}, {"value", {{"name", "Ulm"}}}});
  CHECK(results[1].at("data").at("output").at("type") == "error-text");
  CHECK(results[1].at("data").at("output").at("value") == R"(HTTP error (404): {"no":1})");
  CHECK(upstream.requests("api")[0].target == "/api/items/a%2Fb%3Fc?lang=de");
  CHECK(result_text(messages_of(upstream, 1), "c1").find("Ulm") != std::string::npos);
  CHECK(result_text(messages_of(upstream, 2), "c2").find("404") != std::string::npos);
  check_order(log);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("HTTP tools run in parallel, and their results go back in call order") {
  Upstream upstream;
  TestWorker worker;
  std::vector<Script> slow;
  for (int i = 0; i < 6; ++i) {
    slow.push_back(tools::json_script(200, std::to_string(i)));
    slow.back().delay_before_head = Milliseconds(800 - 60 * i);  // the last call is answered first
  }
  upstream.answer("api", slow);
  std::vector<Call> all;
  for (int i = 0; i < 6; ++i) all.push_back({"c" + std::to_string(i), "find", R"({"q":"x"})"});
  upstream.answer("p", {calls(all), answer("ok")});
  const Json tool = parent_tool("find", {{"executor", "http"}, {"http", {{"url", upstream.base_url("api") + "/{q}"}}}});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({tool})}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  const Json messages = messages_of(upstream, 1);
  REQUIRE(messages.size() == 8);
  for (std::size_t i = 0; i < 6; ++i) CHECK(messages[i + 2].at("tool_call_id") == all[i].id);
  std::set<std::uint64_t> connections;
  for (const auto& request : upstream.requests("api")) connections.insert(request.connection);
  CHECK(connections.size() == 6);  // all in parallel
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "faults 76, 77: bad JSON, bad arguments and unknown tools become error results for the model, and the chat "
    "continues") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  upstream.answer("p", {calls({{"c1", "look", R"({"q":)"},
                               {"c2", "look", R"({"q":7})"},
                               {"c3", "look", R"({"q":"x","r":1})"},
                               {"c4", "rm_rf", "{}"},
                               {"c5", "look", "[]"},
                               {"c6", "look", R"({"q":"fine"})"}}),
                        answer("sorry")});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({parent_tool("look")})}}));
  CHECK(worker.wait_for("a", "tool_call", 6).at("data").at("executor") == "parent");
  worker.send(tool_result_line("r", "a", "c6", text_value("seen")));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "sorry");
  const auto shown = log.all("tool_call");
  for (std::size_t i = 0; i < 5; ++i) CHECK(shown[i].at("data").at("executor") == "none");
  const auto told = log.all("tool_result");
  REQUIRE(told.size() == 5);
  for (const Json& result : told) CHECK(result.at("data").at("output").at("type") == "error-text");
  CHECK(told[1].at("data").at("output").at("value").get<std::string>().find("/q: is number") != std::string::npos);
  CHECK(result_text(messages_of(upstream, 1), "c4").find("no tool of that name") != std::string::npos);
  check_order(log);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("the parent approves one call, rejects another, and runs a third with its own tool") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("api", {tools::json_script(200, "42")});
  upstream.answer(
      "p", {calls({{"c1", "find", R"({"q":"a"})"}, {"c2", "find", R"({"q":"b"})"}, {"c3", "ask", R"({"q":"c"})"}}),
            answer("thanks")});
  const Json find = parent_tool(
      "find", {{"executor", "http"}, {"approval", "parent"}, {"http", {{"url", upstream.base_url("api") + "/{q}"}}}});
  const Json never = parent_tool("never", {{"approval", "never"}});
  worker.send(
      upstream.chat("a", "p", {{"tools", Json::array({find, parent_tool("ask", {{"approval", "parent"}}), never})}}));
  worker.wait_for("a", "tool_call", 3);
  for (const Json& call : worker.log("a").all("tool_call")) CHECK(call.at("data").at("needsApproval") == true);
  CHECK(upstream.count("api") == 0);
  CHECK(worker.ask(tool_result_line("early", "a", "c3", text_value("x"))).at("data").at("code") == "unknown_call_id");
  CHECK(worker.ask(approval_line("1", "a", "c1", true)).at("type") == "ack");
  CHECK(worker.ask(approval_line("1 again", "a", "c1", true)).at("data").at("code") == "unknown_call_id");
  CHECK(worker.ask(approval_line("2", "a", "c2", false, "not that one")).at("type") == "ack");
  CHECK(worker.ask(approval_line("3", "a", "c3", true)).at("type") == "ack");
  CHECK(worker.ask(approval_line("4", "nobody", "c3", true)).at("data").at("code") == "unknown_id");
  CHECK(worker.ask(tool_result_line("5", "a", "c3", text_value("asked"))).at("type") == "ack");
  const FrameLog& log = worker.end_of("a");
  CHECK(log.text() == "thanks");
  CHECK(upstream.count("api") == 1);
  const Json messages = messages_of(upstream, 1);
  CHECK(result_text(messages, "c1").find("42") != std::string::npos);
  CHECK(result_text(messages, "c2").find("not approved: not that one") != std::string::npos);
  CHECK(result_text(messages, "c3").find("asked") != std::string::npos);
  check_order(log);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 73: a tool's own timeout ends its call and no other") {
  Upstream upstream;
  TestWorker worker;
  Script slow = tools::json_script(200, "1");
  slow.delay_before_head = Milliseconds(5'000);
  upstream.answer("slow", {slow});
  upstream.answer("api", {tools::json_script(200, "2")});
  upstream.answer("p", {calls({{"c1", "slow", R"({"q":"a"})"}, {"c2", "fast", R"({"q":"b"})"}}), answer("so be it")});
  const auto tool = [&](const std::string& name, const std::string& path) {
    return parent_tool(name, {{"executor", "http"},
                              {"timeoutMs", name == "slow" ? 100 : 60'000},
                              {"http", {{"url", upstream.base_url(path) + "/{q}"}}}});
  };
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({tool("slow", "slow"), tool("fast", "api")})}}));
  CHECK(worker.end_of("a").text() == "so be it");
  const Json messages = messages_of(upstream, 1);
  CHECK(result_text(messages, "c1").find("did not answer in time") != std::string::npos);
  CHECK(result_text(messages, "c2").find("2") != std::string::npos);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "fault 78: of a thousand calls in one step, the parent gets its own all at once, the worker runs its own within a "
    "limit") {
  Upstream upstream;
  TestWorker worker({"--max-parallel-tools", "8"});
  Canary canary(worker, upstream, 60);
  std::vector<Call> all;
  for (int i = 0; i < 1000; ++i) all.push_back({"c" + std::to_string(i), i % 2 ? "find" : "ask", R"({"q":"x"})"});
  upstream.answer("api", {tools::json_script(200, "7")});
  upstream.answer("p", {calls(all), answer("phew")});
  const Json find = parent_tool("find", {{"executor", "http"}, {"http", {{"url", upstream.base_url("api") + "/{q}"}}}});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({find, parent_tool("ask")})}}));
  worker.wait_for("a", "tool_call", 1000);
  for (int i = 998; i >= 0; i -= 2) {
    worker.send(tool_result_line("r" + std::to_string(i), "a", "c" + std::to_string(i), text_value(std::to_string(i))));
  }
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "phew");
  const Json messages = messages_of(upstream, 1);
  REQUIRE(messages.size() == 1002);
  bool in_order = true;
  for (std::size_t i = 0; i < 1000; ++i) in_order = in_order && messages[i + 2].at("tool_call_id") == all[i].id;
  CHECK(in_order);
  std::set<std::uint64_t> connections;
  for (const auto& request : upstream.requests("api")) connections.insert(request.connection);
  CHECK(connections.size() <= 10);  // idle connections of the model and the canary are reused
  check_order(log);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 79: cancel works in every phase of a chat with tools, and leaves nothing running") {
  Upstream upstream;
  TestWorker worker;
  Upstream others;
  Canary canary(worker, others, 100);
  Script hangs = tools::json_script(200, "1");
  hangs.delay_before_head = Milliseconds(5'000);
  upstream.answer("api", {hangs});
  Script silent = answer("x");
  silent.delay_before_head = Milliseconds(5'000);
  const Json find = parent_tool("find", {{"executor", "http"}, {"http", {{"url", upstream.base_url("api") + "/{q}"}}}});
  const Json tools = Json::array({find, parent_tool("ask"), parent_tool("may", {{"approval", "parent"}})});
  const auto start = [&](const std::string& id, const std::vector<Script>& scripts) {
    upstream.answer(id, scripts);
    worker.send(upstream.chat(id, id, {{"tools", tools}}));
  };
  const auto cancel = [&](const std::string& id) {
    CHECK(worker.ask(cancel_line("x " + id, id)).at("type") == "ack");
    const FrameLog& log = worker.end_of(id);
    CHECK(log.outcome() == "done");
    CHECK(log.last().at("data").at("finishReason") == "cancelled");
    return log;
  };
  start("streaming", {silent});
  upstream.wait_for_request("streaming");
  cancel("streaming");

  start("backing-off", {tools::json_script(503, "{}")});
  worker.wait_for("backing-off", "retry");
  cancel("backing-off");

  start("own", {calls({{"c1", "find", R"({"q":"a"})"}})});
  upstream.wait_for_request("api");
  CHECK(cancel("own").count("tool_cancel") == 0);

  start("parents", {calls({{"c1", "ask", R"({"q":"a"})"}, {"c2", "may", R"({"q":"a"})"}})});
  worker.wait_for("parents", "tool_call", 2);
  const FrameLog parents = cancel("parents");
  for (const Json& call : parents.all("tool_cancel")) CHECK(call.at("data").at("reason") == "cancelled");
  CHECK(parents.count("tool_cancel") == 2);
  CHECK(worker.ask(tool_result_line("late", "parents", "c1", text_value("x"))).at("data").at("code") == "unknown_id");
  CHECK(worker.log("parents").frames.size() == parents.frames.size());  // no frame follows the terminal one

  start("second-step", {calls({{"c1", "ask", R"({"q":"a"})"}}), silent});
  worker.wait_for("second-step", "tool_call");
  worker.send(tool_result_line("r", "second-step", "c1", text_value("x")));
  upstream.wait_for_request("second-step", 2);
  const FrameLog log = cancel("second-step");
  CHECK(log.last().at("data").at("messages").size() == 2);  // the call and its result are kept
  canary.check();
  CHECK(eventually([&] { return upstream.open_connections() == 0; }));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 78: at maxSteps the model gets a request without tools, however many calls it made") {
  Upstream upstream;
  TestWorker worker;
  std::vector<Script> scripts;
  for (int i = 0; i < 50; ++i) scripts.push_back(calls({{"c" + std::to_string(i), "find", R"({"q":"a"})"}}));
  scripts.push_back(answer("enough"));
  upstream.answer("p", scripts);
  upstream.answer("api", {tools::json_script(200, "1")});
  const Json find = parent_tool("find", {{"executor", "http"}, {"http", {{"url", upstream.base_url("api") + "/{q}"}}}});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({find})}, {"maxSteps", 50}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.text() == "enough");
  CHECK(log.last().at("data").at("finishReason") == "max_steps");
  CHECK(log.last().at("data").at("steps") == 51);
  CHECK(log.last().at("data").at("messages").size() == 101);
  CHECK(log.count("usage") == 51);
  CHECK(log.last().at("data").at("usage").at("inputTokens") == 7 * 51);
  const Json last = Json::parse(upstream.requests("p").at(50).body);
  CHECK(last.value("tool_choice", "none") == "none");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace aiw::e2e
