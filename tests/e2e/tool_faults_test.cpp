// Wrong tool calls and results: too many, too late, too long, or not JSON (rows 74 to 77 of the table of faults).
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

const Json kTools = Json::array({{{"name", "look"}, {"inputSchema", {{"type", "object"}}}}});

Json text_value(const std::string& text) { return {{"type", "text"}, {"value", text}}; }

// Returns a chunk with a fragment of a tool call.
std::string piece(const Json& call) { return chunk_event({{"tool_calls", Json::array({call})}}); }
Json whole_call(int index, const std::string& id, const std::string& arguments, const std::string& name = "look") {
  return {{"index", index}, {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}
Script calls(const std::string& pieces) { return event_stream(pieces + openai_ending("tool_calls")); }
Script answer(const std::string& text) { return event_stream(openai_answer({text})); }

std::string code_of(const Json& answer) { return answer.at("data").value("code", answer.at("type")); }

TEST_CASE("fault 74: the first of two results for a call counts; a result for an unknown call or chat is rejected") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  upstream.answer("p", {calls(piece(whole_call(0, "c1", "{}")) + piece(whole_call(1, "c2", "{}"))), answer("ok")});
  worker.send(upstream.chat("a", "p", {{"tools", kTools}}));
  worker.wait_for("a", "tool_call", 2);
  const auto result = [&](const std::string& line, const std::string& call, const std::string& text) {
    return code_of(worker.ask(tool_result_line(line, "a", call, text_value(text))));
  };
  CHECK(result("1", "c1", "first") == "ack");
  CHECK(result("2", "c1", "second") == "unknown_call_id");
  CHECK(result("3", "c9", "none") == "unknown_call_id");
  CHECK(result("4", "", "none") == "unknown_call_id");
  CHECK(upstream.count("p") == 1);  // no wrong result was accepted for the missing one
  CHECK(result("5", "c2", "other") == "ack");
  CHECK(worker.end_of("a").text() == "ok");
  CHECK(result("6", "c2", "late") == "unknown_id");
  CHECK(code_of(worker.ask(tool_result_line("7", "nobody", "c1", text_value("x")))) == "unknown_id");
  const std::string sent = upstream.requests("p").at(1).body;
  CHECK(sent.find("first") != std::string::npos);
  CHECK(sent.find("second") == std::string::npos);
  CHECK(worker.error_count() == 0);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "fault 75: a complete tool result of 50 MB reaches the model, one beyond the line limit leaves the call open") {
  Upstream upstream;
  const std::size_t size = (kSanitized ? 5 : 50) * kMiB;
  TestWorker worker({"--max-line-bytes", std::to_string(size + size / 4)});
  Canary canary(worker, upstream, 200);
  upstream.answer("p", {calls(piece(whole_call(0, "c1", "{}"))), answer("that was long")});
  worker.send(upstream.chat("a", "p", {{"tools", kTools}}));
  worker.wait_for("a", "tool_call");
  const std::size_t lines = worker.without_id().size();
  worker.send(tool_result_line("too long", "a", "c1", text_value(std::string(2 * size, 'y'))));
  REQUIRE(worker.read_until([&] { return worker.without_id().size() > lines; }));
  CHECK(worker.without_id().back().at("data").at("code") == "line_too_large");
  CHECK(upstream.count("p") == 1);
  worker.send(tool_result_line("long", "a", "c1", text_value(std::string(size, 'x'))));
  CHECK(worker.end_of("a").text() == "that was long");
  const auto request = upstream.requests("p").at(1);
  CHECK(request.body_bytes > size);
  CHECK(request.body_bytes < size + kMiB);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 75: a 50 MB response to an HTTP tool becomes an error result, and is not read to its end") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  upstream.answer("api", {tools::json_script(200, '"' + std::string((kSanitized ? 5 : 50) * kMiB, 'x') + '"')});
  upstream.answer("p", {calls(piece(whole_call(0, "c1", "{}", "get"))), answer("too long, it says")});
  const Json tool = {{"name", "get"}, {"executor", "http"}, {"http", {{"url", upstream.base_url("api")}}}};
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({tool})}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.text() == "too long, it says");
  REQUIRE(log.count("tool_result") == 1);
  const Json output = log.all("tool_result")[0].at("data").at("output");
  CHECK(output.at("type") == "error-text");
  CHECK(output.at("value").get<std::string>().find("longer than 1048576 bytes") != std::string::npos);
  CHECK(upstream.requests("p").at(1).body_bytes < kMiB);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 118: tools that hang use no connection that other chats and their tools need") {
  Upstream upstream, tools;
  TestWorker worker = TestWorker::under_shell("ulimit -n 256; exec \"$0\"");
  REQUIRE(worker.next());
  const int at_once = worker.without_id().front().at("data").at("limits").at("maxInFlight");
  Script hangs = tools::json_script(200, "1");
  hangs.delay_before_head = Milliseconds(60'000);
  tools.answer("hang", {hangs});
  tools.answer("api", {tools::json_script(200, "2")});
  const auto tool = [&](const std::string& path) {
    return Json::array({{{"name", "get"}, {"executor", "http"}, {"http", {{"url", tools.base_url(path)}}}}});
  };
  // Together 16 x 16 calls hang, as many as there are descriptors.
  constexpr int kHanging = 16;
  std::string pieces;
  for (int i = 0; i < 16; ++i) pieces += piece(whole_call(i, "c" + std::to_string(i), "{}", "get"));
  upstream.answer("many", {calls(pieces)});
  for (int i = 0; i < kHanging; ++i) {
    worker.send(upstream.chat("h" + std::to_string(i), "many", {{"tools", tool("hang")}}));
    worker.wait_for("h" + std::to_string(i), "tool_call", 16);
  }
  // The other chats, with one call each, run in parallel.
  for (int i = 0; i < at_once - kHanging; ++i) {
    const std::string id = "g" + std::to_string(i);
    upstream.answer(id, {calls(piece(whole_call(0, "c", "{}", "get"))), answer("got it")});
    worker.send(upstream.chat(id, id, {{"tools", tool("api")}}));
  }
  for (int i = 0; i < at_once - kHanging; ++i) {
    const FrameLog& log = worker.end_of("g" + std::to_string(i));
    CHECK(log.text() == "got it");
    CHECK(log.count("retry") == 0);
    REQUIRE(log.count("tool_result") == 1);
    CHECK(log.all("tool_result")[0].at("data").at("output").at("type") != "error-text");
  }
  for (int i = 0; i < kHanging; ++i) worker.send(cancel_line("x" + std::to_string(i), "h" + std::to_string(i)));
  for (int i = 0; i < kHanging; ++i) CHECK(worker.end_of("h" + std::to_string(i)).outcome() == "done");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "fault 76: invalid arguments of 10 MB or a million levels are reported, become error results, and crash nothing") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 200);
  const std::size_t size = (kSanitized ? 2 : 10) * kMiB;
  const std::size_t depth = kSanitized ? 100'000 : 1'000'000;
  const std::vector<std::string> bad = {
      R"({"q":")" + std::string(size, 'x'),                                  // cut off
      std::string(depth, '['),                                               // cut off, deeply nested
      R"({"q":)" + std::string(depth, '[') + std::string(depth, ']') + "}",  // deeply nested
      R"({"q":1} trailing)",
      R"({"q":1e999})",
      R"({"q":1,"q":2})",
      "\"text\"",
      "[1]",  // not an object
  };
  std::string pieces;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    pieces += piece(whole_call(static_cast<int>(i), "c" + std::to_string(i), bad[i]));
  }
  const std::string good = R"({"q":")" + std::string(size, 'x') + R"("})";
  pieces += piece(whole_call(100, "good", good));
  upstream.answer("p", {calls(pieces), answer("sorry")});
  worker.ask({{"id", "h"}, {"type", "health"}});
  const std::size_t before = worker.rss();
  worker.reset_peak_rss();
  worker.send(upstream.chat("a", "p", {{"tools", kTools}}));
  const Json call = worker.wait_for("a", "tool_call", bad.size() + 1).at("data");
  CHECK(call.at("executor") == "parent");  // 10 MB are not an error
  CHECK(call.at("inputText") == good);
  worker.send(tool_result_line("r", "a", "good", text_value("seen")));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "sorry");
  const auto shown = log.all("tool_call");
  const auto told = log.all("tool_result");
  REQUIRE(told.size() == bad.size());
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    const Json& data = shown[i].at("data");
    CHECK(data.at("executor") == "none");
    CHECK((data.at("inputText") == bad[i]));
    if (data.contains("parseError")) {
      CHECK(data.at("input").is_null());
    } else {
      CHECK(data.at("input") == Json::parse(bad[i]));
    }
    CHECK(told[i].at("data").at("output").at("type") == "error-text");
    CHECK(told[i].dump().size() < 4096);  // the error does not repeat the input
  }
  const std::size_t grown = worker.peak_rss() - std::min(before, worker.peak_rss());
  MESSAGE("peak memory grew by " << grown / kMiB << " MiB for arguments of " << (2 * size + 3 * depth) / kMiB
                                 << " MiB");
  if (!kSanitized) CHECK(grown <= 16 * (2 * size + 3 * depth));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 76: calls that share an index or lack an id or a name are kept apart, and each gets a result") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const auto without = [](Json call, const std::string& member) {
    (member == "name" ? call.at("function") : call).erase(member);
    return call;
  };
  upstream.answer(
      "p", {calls(piece(whole_call(0, "c1", R"({"n":1})")) + piece(whole_call(0, "c2", R"({"n":2})")) +
                  piece(without(whole_call(1, "", R"({"n":3})"), "id")) +
                  piece(without(whole_call(2, "c4", R"({"n":4})"), "name")) + piece(whole_call(3, "c1", R"({"n":5})"))),
            answer("all there")});
  worker.send(upstream.chat("a", "p", {{"tools", kTools}}));
  worker.wait_for("a", "tool_call", 5);
  std::vector<std::string> parents;
  std::set<std::string> ids;
  for (const Json& call : worker.log("a").all("tool_call")) {
    const Json& data = call.at("data");
    CHECK(ids.insert(data.at("toolCallId")).second);
    CHECK_FALSE(data.at("toolCallId").get<std::string>().empty());
    if (data.at("executor") == "parent") parents.push_back(data.at("toolCallId"));
  }
  CHECK(parents.size() >= 2);
  for (const std::string& id : parents) worker.send(tool_result_line("r" + id, "a", id, text_value("seen")));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "all there");
  // Every call in the history has exactly one result.
  const Json messages = Json::parse(upstream.requests("p").at(1).body).at("messages");
  std::multiset<std::string> called;
  std::multiset<std::string> answered;
  for (const Json& message : messages) {
    if (message.contains("tool_call_id")) answered.insert(message.at("tool_call_id").get<std::string>());
    if (!message.contains("tool_calls")) continue;
    for (const Json& call : message.at("tool_calls")) called.insert(call.at("id").get<std::string>());
  }
  CHECK(called == answered);
  CHECK(called.size() == worker.log("a").count("tool_call"));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
