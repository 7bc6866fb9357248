// Responses with a wrong end: cut by the network, or ended incorrectly by the provider.
#include <doctest/doctest.h>

#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/tls.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

Script plain(const std::string& body, Framing framing) {
  return {.headers = {{"Content-Type", "text/plain"}}, .body = body, .framing = framing};
}

Script until_close(Script script) {
  script.framing = Framing::kClose;
  return script;
}

// Returns the output that the model receives for a call of an HTTP tool at `url`.
Json tool_output(TestWorker& worker, Upstream& upstream, const std::string& id, const std::string& url) {
  upstream.answer(id, {event_stream(openai_tool_call("c", "look", "{}")), event_stream(openai_answer({"ok"}))});
  const Json tool = {{"name", "look"}, {"executor", "http"}, {"http", {{"url", url}}}};
  worker.send(upstream.chat(id, id, {{"tools", Json::array({tool})}}));
  const FrameLog& log = worker.end_of(id);
  CHECK(log.outcome() == "done");
  const auto results = log.all("tool_result");
  return results.size() == 1 ? results[0].at("data").at("output") : Json();
}

}  // namespace

TEST_CASE(
    "fault 114: over TLS, a response that only its connection ends is complete after close_notify, else truncated") {
  const Certificates certificates;
  Upstream upstream;
  const auto cut = front_of(upstream, {.identity = certificates.good});
  const auto polite = front_of(upstream, {.identity = certificates.good, .says_end = true});
  TestWorker worker({"--ca-file", certificates.ca_file});
  const std::string half = "Delete nothing. Backups are ";  // cut from "Backups are not there yet."
  const Json whole = {{"type", "text"}, {"value", half}};
  upstream.answer("close", {plain(half, Framing::kClose)});
  upstream.answer("length", {plain(half, Framing::kContentLength)});
  upstream.answer("chunks", {plain(half, Framing::kChunked)});

  const Json told = tool_output(worker, upstream, "a", cut->url() + "/close");
  CHECK(told.value("type", "").starts_with("error"));
  CHECK(told.dump().find("cut short") != std::string::npos);
  CHECK(told.dump().find("Delete") == std::string::npos);
  CHECK(tool_output(worker, upstream, "b", polite->url() + "/close") == whole);
  CHECK(tool_output(worker, upstream, "c", cut->url() + "/length") == whole);
  CHECK(tool_output(worker, upstream, "d", cut->url() + "/chunks") == whole);
  CHECK(tool_output(worker, upstream, "e", upstream.base_url("close")) == whole);  // plain HTTP: only close ends it

  // A provider's stream has an end marker of its own; a unary body has none.
  const auto outcome = [&](const std::string& id, const std::string& base, const Json& payload = Json::object()) {
    Json all = {{"retry", {{"max", 0}}}};
    all.update(payload);
    worker.send(chat_line(id, {{"id", "p"}, {"type", "openai-chat"}, {"baseUrl", base}, {"apiKey", ""}}, all));
    return worker.end_of(id).outcome();
  };
  upstream.answer("stream", {until_close(event_stream(openai_answer({"a", "b"})))});
  upstream.answer("body", {until_close(tools::json_script(200, openai_unary("a")))});
  const Json unary = {{"stream", {{"upstream", false}}}};
  CHECK(outcome("f", cut->url() + "/stream") == "done");
  CHECK(outcome("g", cut->url() + "/body", unary) == "truncated_stream");
  CHECK(outcome("h", polite->url() + "/body", unary) == "done");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 111: a stream that ends without a response is an error, and is not retried") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {event_stream(sse({{"choices", Json::array()}}) + "data: [DONE]\n\n")});
  worker.send(upstream.chat("a", "p"));
  CHECK(worker.end_of("a").outcome() == "bad_response");
  CHECK(upstream.count("p") == 1);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 113: a provider's error in place of a stream is reported with its message, and is not retried") {
  Upstream upstream;
  TestWorker worker;
  const std::string refusal =
      R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}})";
  Script bare = event_stream(refusal);
  bare.headers.clear();
  const Json claude = {
      {"id", "p"}, {"type", "anthropic-messages"}, {"baseUrl", upstream.base_url("p")}, {"apiKey", "k"}};
  for (const Script& script : {event_stream(refusal), bare, tools::json_script(200, refusal)}) {
    const std::size_t before = upstream.count("p");
    const std::string id = std::to_string(before);
    upstream.answer("p", {script});
    worker.send(chat_line(id, claude));
    const FrameLog& log = worker.end_of(id);
    CHECK(log.outcome() == "context_overflow");
    CHECK(log.all("error").at(0).at("data").at("message") == "prompt is too long");
    CHECK(upstream.count("p") == before + 1);
  }
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 111: a complete tool call before [DONE] runs, even without a finish reason") {
  Upstream upstream;
  TestWorker worker;
  const Json call = {
      {"index", 0}, {"id", "t"}, {"type", "function"}, {"function", {{"name", "look"}, {"arguments", "{\"at\":1}"}}}};
  const Json chunk = {{"choices", {{{"index", 0}, {"delta", {{"role", "assistant"}, {"tool_calls", {call}}}}}}}};
  upstream.answer("p", {event_stream(sse(chunk) + "data: [DONE]\n\n"), event_stream(openai_answer({"ok"}))});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({{{"name", "look"}}})}}));
  const Json asked = worker.wait_for("a", "tool_call");
  CHECK(asked.at("data").at("executor") == "parent");
  CHECK(asked.at("data").at("input") == Json{{"at", 1}});
  worker.send(tool_result_line("r", "a", "t", {{"type", "text"}, {"value", "noon"}}));
  CHECK(worker.end_of("a").outcome() == "done");
  CHECK(upstream.count("p") == 2);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 111: a finish reason that means failure is retried before the first delta") {
  Upstream upstream;
  TestWorker worker;
  const Json failed = {{"choices", {{{"index", 0}, {"delta", Json::object()}, {"finish_reason", "network_error"}}}}};
  upstream.answer("p", {event_stream(sse(failed) + "data: [DONE]\n\n"), event_stream(openai_answer({"ok"}))});
  worker.send(upstream.chat("a", "p"));
  CHECK(worker.end_of("a").outcome() == "done");
  CHECK(upstream.count("p") == 2);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 113: an event stream with content type application/json is read as a stream") {
  Upstream upstream;
  TestWorker worker;
  Script labelled = event_stream(openai_answer({"Hel", "lo"}));
  labelled.headers = {{"Content-Type", "application/json"}};
  upstream.answer("p", {labelled});
  worker.send(upstream.chat("a", "p"));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "Hello");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("parallel tool calls with the same id become two calls with different ids") {
  Upstream upstream;
  TestWorker worker;
  const auto call = [](const std::string& arguments) {
    return Json{
        {"index", 0}, {"id", "t"}, {"type", "function"}, {"function", {{"name", "look"}, {"arguments", arguments}}}};
  };
  const Json delta = {{"tool_calls", {call("{\"at\":1}"), call("{\"at\":2}")}}};
  const Json chunk = {{"choices", {{{"index", 0}, {"delta", delta}, {"finish_reason", "tool_calls"}}}}};
  upstream.answer("p", {event_stream(sse(chunk) + "data: [DONE]\n\n"), event_stream(openai_answer({"ok"}))});
  worker.send(upstream.chat("a", "p", {{"tools", Json::array({{{"name", "look"}}})}}));
  worker.wait_for("a", "tool_call", 2);
  const auto calls = worker.log("a").all("tool_call");
  const std::string first = calls[0].at("data").at("toolCallId"), second = calls[1].at("data").at("toolCallId");
  CHECK(first == "t");
  CHECK(second == "t_1");
  CHECK(calls[1].at("data").at("input") == Json{{"at", 2}});
  worker.send(tool_result_line("r1", "a", first, {{"type", "text"}, {"value", "x"}}));
  worker.send(tool_result_line("r2", "a", second, {{"type", "text"}, {"value", "y"}}));
  CHECK(worker.end_of("a").outcome() == "done");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace aiw::e2e
