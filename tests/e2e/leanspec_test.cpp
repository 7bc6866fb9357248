// leanspec dialect as leanspec-http 0.2.20 uses it: launch, requests, and a reader that is as strict as its own.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

constexpr const char* kKey = "sk-canary-leanspec-1234567890";

// Runs `LEANSPEC_NODE_PATH <LEANSPEC_AI_WORKER>` with the variable that the parent sets. Both paths name this program.
TestWorker launched_by_leanspec() {
  return TestWorker({worker_binary()}, {"LEANSPEC_IPC_MODE=true", std::string("MY_KEY=") + kKey}, Words::leanspec);
}

// Returns a request as the parent writes it: keys in its order, null for absent values.
Json leanspec_chat(const std::string& id, const std::string& base_url, const Json& messages) {
  const Json provider = {
      {"id", "custom"},
      {"name", "Custom"},
      {"baseUrl", base_url},
      {"apiKey", "${MY_KEY}"},
      {"models", Json::array({{{"id", "m"}, {"name", "M"}, {"maxTokens", 100}, {"default", true}}})}};
  const Json config = {{"version", "1.0"},
                       {"providers", Json::array({provider})},
                       {"settings", {{"maxSteps", 5}, {"defaultProviderId", "custom"}, {"defaultModelId", "m"}}}};
  return {{"type", "chat"},
          {"id", id},
          {"payload",
           {{"messages", messages},
            {"projectId", nullptr},
            {"providerId", nullptr},
            {"modelId", nullptr},
            {"sessionId", nullptr},
            {"config", config},
            {"baseUrl", "http://127.0.0.1:1"}}}};
}

Json ui_message(const std::string& text) {
  return Json::array({{{"id", "1"}, {"role", "user"}, {"parts", Json::array({{{"type", "text"}, {"text", text}}})}}});
}

int depth_of(const Json& json) {
  int deepest = 0;
  if (json.is_structured()) {
    for (const Json& member : json) deepest = std::max(deepest, depth_of(member));
    ++deepest;
  }
  return deepest;
}

TEST_CASE("leanspec: a worker launched with a path first sends health_ok with id init, and then responds to health") {
  TestWorker worker = launched_by_leanspec();
  worker.send({{"type", "health"}, {"id", "h"}});
  const Json init = worker.wait_for("init", "health_ok");
  CHECK(init == Json{{"type", "health_ok"}, {"id", "init"}, {"data", {{"ready", true}}}});
  CHECK(worker.wait_for("h", "health_ok").at("data").at("ready") == true);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 97: leanspec: an MCP server entry cannot read a forbidden variable, and sends none to its own host") {
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  TestWorker worker = launched_by_leanspec();
  int number = 0;
  for (const char* reference : {"${MY_KEY}", "Bearer ${PATH}", "${OPENAI_API_KEY}", "${file:/etc/hostname}"}) {
    CAPTURE(reference);
    const std::string id = "c" + std::to_string(number++);
    Json line = leanspec_chat(id, upstream.base_url("p"), ui_message("Hi"));
    line["payload"]["mcpServers"] = {{"s", {{"url", upstream.base_url("mcp")}, {"headers", {{"x-key", reference}}}}}};
    worker.send(line);
    const std::string code = worker.end_of(id).last().at("code");
    CHECK((code == "variable_not_allowed" || code == "host_not_allowed"));
  }
  CHECK(upstream.count("mcp") == 0);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("leanspec: a chat is chunks and done, and keys from the environment go to the entry's own host") {
  Upstream upstream;
  TestWorker worker = launched_by_leanspec();
  upstream.answer("p", {event_stream(openai_answer({"Hello ", "é😀"}), {.mode = Cut::Mode::kBytes})});
  worker.send(leanspec_chat("a", upstream.base_url("p"), ui_message("Hi")));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "Hello é😀");
  for (const std::string& type : log.types()) CHECK((type == "chunk" || type == "done"));
  CHECK(log.last().at("finishReason") == "stop");
  CHECK(log.last().at("usage").at("totalTokens") == 12);
  REQUIRE(upstream.count("p") == 1);
  CHECK(upstream.requests("p")[0].header("authorization") == std::string("Bearer ") + kKey);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("leanspec: failures are error frames with a message, and lines without a usable id are only logged") {
  Upstream upstream;
  TestWorker worker = launched_by_leanspec();
  upstream.answer("bad", {tools::json_script(401, R"({"error":{"message":"wrong key"}})")});
  upstream.answer("cut", {event_stream(text_event("half"))});
  worker.send(leanspec_chat("a", upstream.base_url("bad"), ui_message("Hi")));
  CHECK(worker.end_of("a").outcome() == "upstream_http");
  CHECK(worker.log("a").last().at("error").get<std::string>().find("wrong key") != std::string::npos);
  worker.send(leanspec_chat("b", upstream.base_url("cut"), ui_message("Hi")));
  CHECK(worker.end_of("b").outcome() == "truncated_stream");
  CHECK(worker.log("b").text() == "half");
  Json nobody = leanspec_chat("c", upstream.base_url("p"), ui_message("Hi"));
  nobody["payload"]["providerId"] = "nobody";
  worker.send(nobody);
  CHECK(worker.end_of("c").outcome() == "provider_not_found");
  for (const char* line : {"no json", "{\"type\":\"health\"}", "{\"type\":\"dance\",\"id\":\"d\"}", "\xff"}) {
    worker.send_text(line);
  }
  worker.send({{"type", "health"}, {"id", "h"}});
  worker.wait_for("h", "health_ok");
  CHECK(worker.log("d").frames.empty());
  CHECK(eventually([&] {
    const std::string& text = worker.process().stderr_text();
    return std::ranges::count(text, '\n') >= 4;
  }));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("leanspec: a second chat with the id of a running chat does not end the first") {
  Upstream upstream;
  TestWorker worker = launched_by_leanspec();
  std::vector<std::string> events(30, text_event("x"));
  events.push_back(openai_ending());
  upstream.answer("p", {paced(events, Milliseconds(5))});
  worker.send(leanspec_chat("a", upstream.base_url("p"), ui_message("Hi")));
  worker.wait_for("a", "chunk");
  worker.send(leanspec_chat("a", upstream.base_url("p"), ui_message("Hi")));
  CHECK(worker.end_of("a").outcome() == "done");
  CHECK(worker.log("a").text() == std::string(30, 'x'));
  CHECK(upstream.count("p") == 1);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("leanspec: no frame stops or confuses the parent's reader, whatever an upstream sends") {
  Upstream upstream;
  TestWorker worker = launched_by_leanspec();
  const auto raw_event = [](const std::string& inside) {
    return R"(data: {"choices":[{"index":0,"delta":{"content":")" + inside + "\"}}]}\n\n";
  };
  upstream.answer("bytes", {event_stream(raw_event("a\xff\xfe") + raw_event("\\ud83d") + raw_event("b\\u0000c\\u2028") +
                                         openai_ending())});
  worker.send(leanspec_chat("a", upstream.base_url("bytes"), ui_message("Hi")));
  CHECK(worker.end_of("a").outcome() == "done");
  const std::string replacement = "\xEF\xBF\xBD";
  CHECK(worker.log("a").text() ==
        "a" + replacement + replacement + replacement + "b" + std::string(1, '\0') + "c\xE2\x80\xA8");

  // The parent's JSON reader stops at a nesting of about 120 and rejects numbers outside the range of a double.
  int number = 0;
  for (const std::string& arguments :
       {std::string(100, '[') + std::string(100, ']'), std::string(500, '[') + std::string(500, ']'),
        std::string("{\"n\":1e400}"), std::string("{\"a\":1,\"a\":2}"), std::string("{\"s\":\"\\ud83d\"}"),
        std::string("{ \"multi\" :\n 1 }"), std::string("{\"cut")}) {
    CAPTURE(arguments);
    const std::string id = "t" + std::to_string(number++);
    upstream.answer(
        id, {event_stream(openai_tool_call("call_1", "nosuch", arguments)), event_stream(openai_answer({"went on"}))});
    Json line = leanspec_chat(id, upstream.base_url(id), ui_message("Hi"));
    line["payload"]["tools"] = Json::array({{{"name", "look"}}});
    worker.send(line);
    const FrameLog& log = worker.end_of(id);
    CHECK(log.text() == "went on");
    REQUIRE(log.count("tool_call") == 1);
    REQUIRE(log.count("tool_result") == 1);
    for (const char* field : {"args", "input", "toolCallId", "toolName"}) {
      CHECK(log.all("tool_call")[0].at("data").contains(field));
    }
    for (const char* field : {"result", "output"}) CHECK(log.all("tool_result")[0].at("data").contains(field));
    for (const Frame& frame : log.frames) CHECK(depth_of(frame.json) <= 120);
  }
  CHECK(worker.close_and_exit() == 0);
}

#ifndef AIW_SANITIZED  // no library can be preloaded before a sanitizer
// leanspec-http stops reading while a single browser does. The preloaded clock makes five minutes pass in one second.
TEST_CASE("fault 24: leanspec: the worker waits for a stalled reader, unless a limit is given") {
  const auto stalls = [](const std::vector<std::string>& flags, Words words) {
    Upstream upstream;
    upstream.answer("p", {event_stream(openai_answer({std::string(4 << 20, 'x')}))});
    TestWorker worker(flags, {std::string("LD_PRELOAD=") + AIW_FAST_CLOCK, std::string("MY_KEY=") + kKey}, words);
    const bool leanspec = words == Words::leanspec;
    worker.send(leanspec ? leanspec_chat("c", upstream.base_url("p"), ui_message("Hi")) : upstream.chat("c", "p"));
    // Waits without reading; wait_exit() would read.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(4);
    while (std::chrono::steady_clock::now() < until) {
      if (worker.process().stderr_text().find("stdout stalled") != std::string::npos) {
        CHECK(worker.process().wait_exit(kPatience)->code == 74);
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    CHECK(worker.end_of("c").text().size() == 4 << 20);
    CHECK(worker.close_and_exit() == 0);
    return false;
  };
  CHECK(stalls({}, Words::v1));
  CHECK_FALSE(stalls({"--dialect", "leanspec"}, Words::leanspec));
  CHECK(stalls({"--dialect", "leanspec", "--stdout-stall-ms", "300000"}, Words::leanspec));
}
#endif

TEST_CASE("leanspec: reload_config is acknowledged, and the end of stdin ends the worker") {
  Upstream upstream;
  TestWorker worker = launched_by_leanspec();
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  const Json chat = leanspec_chat("a", upstream.base_url("p"), ui_message("Hi"));
  worker.send({{"type", "reload_config"}, {"id", "r"}, {"payload", chat.at("payload").at("config")}});
  CHECK(worker.wait_for("r", "config_reloaded").at("id") == "r");
  Json bare = chat;
  bare["payload"]["config"] = nullptr;
  worker.send(bare);
  worker.process().close_stdin();
  CHECK(worker.end_of("a").text() == "x");
  CHECK(worker.exit_code() == 0);
}

TEST_CASE("leanspec: the dialect can be selected by name, and a path argument is rejected otherwise") {
  TestWorker worker({"--dialect", "leanspec"}, {}, Words::leanspec);
  worker.wait_for("init", "health_ok");
  CHECK(worker.close_and_exit() == 0);
  TestWorker refused({"/some/worker.js"});
  CHECK(refused.exit_code() == 64);
}

}  // namespace
}  // namespace aiw::e2e
