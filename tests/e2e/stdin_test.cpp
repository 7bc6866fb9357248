// Input: lines that are bad, odd or split (rows 1 to 16 and 18 of the table of faults).
#include <doctest/doctest.h>

#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

// Sends a line and returns the data of its rejection. `id` is empty if the line has no readable id.
Json refusal(TestWorker& worker, const std::string& text, const std::string& id = {}) {
  // Counts rejections, because a running chat of that id may send other frames in between.
  const auto count = [&] { return id.empty() ? worker.without_id().size() : worker.log(id).count("rejected"); };
  const std::size_t before = count();
  worker.send_text(text);
  REQUIRE(worker.read_until([&] { return count() > before; }));
  const Json frame = id.empty() ? worker.without_id()[before] : worker.log(id).all("rejected")[before];
  CHECK(frame.at("type") == "rejected");
  return frame.at("data");
}

// Checks that the next line is served.
void check_served(TestWorker& worker) {
  static int number = 0;
  const std::string id = "h" + std::to_string(number++);
  CHECK(worker.ask({{"id", id}, {"type", "health"}}).at("type") == "health_ok");
}

std::string echo_line(const std::string& id, const std::string& text) {
  return chat_line(id, {{"id", "mock"}},
                   {{"modelId", "echo"}, {"messages", Json::array({{{"role", "user"}, {"content", text}}})}})
      .dump();
}

TEST_CASE(
    "faults 1, 6: a line that is not JSON is rejected with its byte offset and without its text, and the next line is "
    "served") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const std::string nul(1, '\0');
  const std::string health = R"({"id":"x","type":"health")";
  for (const std::string& line : {health + " CONFIDENTIAL}", std::string("CONFIDENTIAL"), health, std::string("[1,2"),
                                  health + "}" + nul + "{}", health + ",\"a\":\"b" + nul + "c\"}", nul}) {
    const Json data = refusal(worker, line);
    CHECK(data.at("code") == "invalid_json");
    CHECK(data.at("message").get<std::string>().find("byte") != std::string::npos);
    CHECK(data.dump().find("CONFIDENTIAL") == std::string::npos);
    check_served(worker);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 2: invalid UTF-8 is rejected with its byte offset, on the line's id if the id can be read") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  for (const std::string& bad : {std::string("\xff"), std::string("\xc0\xaf"), std::string("\xed\xa0\x80"),
                                 std::string("\xe2\x82"), std::string("\xf5\x80\x80\x80")}) {
    const std::string head = R"({"id":"u","type":"chat","payload":{"messages":[{"role":"user","content":")";
    const Json data = refusal(worker, head + bad + R"("}]}})", "u");
    CHECK(data.at("code") == "invalid_utf8");
    CHECK(data.at("message").get<std::string>().find("byte " + std::to_string(head.size())) != std::string::npos);
    CHECK(refusal(worker, "{\"" + bad).at("code") == "invalid_utf8");
    check_served(worker);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 3: a 100 MB line is rejected once, in bounded memory, and the next line is served") {
  Upstream upstream;
  TestWorker worker;
  check_served(worker);
  const std::size_t before = worker.rss();
  worker.reset_peak_rss();
  Canary canary(worker, upstream, 100);
  const std::string block(kMiB, 'x');
  REQUIRE(worker.process().write(R"({"id":"big","type":"chat","payload":{"messages":")", kPatience));
  for (int i = 0; i < 100; ++i) REQUIRE(worker.process().write(block, kPatience));
  worker.send_text("\"}}");
  check_served(worker);
  CHECK(worker.without_id().size() == 2);  // `ready`, and the one rejection
  CHECK(worker.without_id().back().at("data").at("code") == "line_too_large");
  const std::size_t grown = worker.peak_rss() - before;
  MESSAGE("peak memory grew by " << grown / kMiB << " MiB");
  if (!kSanitized) CHECK(grown <= (64 + 16) * kMiB);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 4: a 100 MB line is served if the limit allows it") {
  Upstream upstream;
  TestWorker worker({"--max-line-bytes", "200000000"});
  upstream.answer("large", {event_stream(openai_answer({"short"}))});
  const std::size_t size = kSanitized ? 20 * kMiB : 100 * kMiB;
  const Json line = upstream.chat(
      "large", "large", {{"messages", Json::array({{{"role", "user"}, {"content", std::string(size, 'x')}}})}});
  Canary canary(worker, upstream, 150);
  worker.send(line);
  const FrameLog& log = worker.end_of("large");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "short");
  CHECK(upstream.requests("large").at(0).body_bytes > size);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 5: a last line without a line feed is served") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  REQUIRE(worker.process().write(echo_line("last", "the end")));
  worker.process().close_stdin();
  CHECK(worker.end_of("last").text() == "the end");
  canary.check();
  CHECK(worker.exit_code() == 0);
}

TEST_CASE("fault 7: nesting beyond the limit is rejected at any depth, with no more memory than the line needs") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  check_served(worker);
  const auto nested = [](std::size_t depth) {
    return R"({"id":"deep","type":"health","x":)" + std::string(depth, '[');
  };
  const auto closed = [&](std::size_t depth) { return nested(depth) + std::string(depth, ']') + "}"; };
  worker.send_text(closed(127));
  CHECK(worker.wait_for("deep", "health_ok").at("type") == "health_ok");
  CHECK(refusal(worker, closed(128), "deep").at("code") == "too_deep");
  CHECK(refusal(worker, nested(1'000'000), "deep").at("code") == "too_deep");
  const std::size_t before = worker.rss();
  worker.reset_peak_rss();
  const std::size_t depth = 20'000'000;
  CHECK(refusal(worker, nested(depth), "deep").at("code") == "too_deep");
  check_served(worker);
  const std::size_t grown = worker.peak_rss() - before;
  MESSAGE("peak memory grew by " << grown / kMiB << " MiB for a line of " << depth / kMiB << " MiB");
  if (!kSanitized) {
    CHECK(grown <= 3 * depth);  // the line and the smaller buffer that it outgrew
    CHECK(worker.rss() <= before + 4 * kMiB);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 8: ten megabytes of empty objects need at most a few times their size in memory") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  check_served(worker);
  std::string objects = "[{}";
  while (objects.size() < 10 * kMiB) objects += ",{}";
  objects += "]";
  const std::size_t before = worker.rss();
  worker.reset_peak_rss();
  CHECK(refusal(worker, objects).at("code") == "invalid_request");
  const Json data = refusal(worker, R"({"id":"o","type":"chat","payload":{"messages":)" + objects + "}}", "o");
  CHECK(data.at("code") == "invalid_request");
  CHECK(data.at("pointer") == "/payload/messages/0");
  // Unknown members are skipped.
  worker.send_text(R"({"id":"ignored","type":"health","x":)" + objects + "}");
  CHECK(worker.wait_for("ignored", "health_ok").at("type") == "health_ok");
  const std::size_t grown = worker.peak_rss() - before;
  MESSAGE("peak memory grew by " << grown / kMiB << " MiB");
  if (!kSanitized) CHECK(grown <= 6 * objects.size());
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "faults 9, 10: a duplicate id is rejected and does not affect the first chat; the id of a finished chat is free "
    "again") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  // Uses the canary's own id while the canary runs.
  CHECK(refusal(worker, echo_line("canary", "second"), "canary").at("code") == "duplicate_id");
  for (int round = 0; round < 3; ++round) {
    worker.send_text(echo_line("again", "round " + std::to_string(round)));
    worker.read_until([&] { return worker.earlier().size() == static_cast<std::size_t>(std::max(round, 0)); });
    CHECK(worker.end_of("again").text() == "round " + std::to_string(round));
  }
  canary.check();
  CHECK(worker.done_count() == 4);
  CHECK(worker.error_count() == 0);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("faults 11, 12: unknown types and wrong fields are rejected with their name and pointer") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  struct Case {
    const char* line;
    const char* code;
    const char* pointer;
    const char* id;
  };
  const Case cases[] = {
      {R"({"id":"a","type":"dance"})", "unknown_type", "/type", "a"},
      {R"({"id":"a"})", "invalid_request", "/type", "a"},
      {R"({"type":"health"})", "invalid_request", "/id", ""},
      {R"({"id":7,"type":"health"})", "invalid_request", "/id", ""},
      {R"({"id":"","type":"health"})", "invalid_request", "/id", ""},
      {R"([])", "invalid_request", "", ""},
      {R"("text")", "invalid_request", "", ""},
      {R"({"id":"a","type":"chat"})", "invalid_request", "/payload", "a"},
      {R"({"id":"a","type":"chat","payload":{}})", "invalid_request", "/payload", "a"},
      {R"({"id":"a","type":"chat","payload":{"messages":7}})", "invalid_request", "/payload/messages", "a"},
      {R"({"id":"a","type":"chat","payload":{"messages":[{"role":"king","content":""}]}})", "invalid_request",
       "/payload/messages/0/role", "a"},
      {R"({"id":"a","type":"chat","payload":{"messages":[],"tools":[{"name":7}]}})", "invalid_request",
       "/payload/tools/0/name", "a"},
      {R"({"id":"a","type":"cancel","payload":{}})", "invalid_request", "/payload", "a"},
      {R"({"id":"a","type":"cancel","payload":{"chatId":["x"]}})", "invalid_request", "/payload/chatId", "a"},
      {R"({"id":"a","type":"tool_approval","payload":{"chatId":"x","toolCallId":"y","approved":true}})", "unknown_id",
       "/payload/chatId", "a"},
      {R"({"id":"a","type":"models","payload":{"providerId":"x"}})", "no_config", "/payload/config", "a"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.line);
    const Json data = refusal(worker, row.line, row.id);
    CHECK(data.at("code") == row.code);
    CHECK(data.value("pointer", "") == row.pointer);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 13: numbers out of range are rejected and never wrap") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  struct Case {
    const char* field;
    const char* pointer;
  };
  const Case cases[] = {
      {R"("temperature":1e999)", "/payload/temperature"},
      {R"("maxOutputTokens":18446744073709551616)", "/payload/maxOutputTokens"},
      {R"("maxOutputTokens":-1)", "/payload/maxOutputTokens"},
      {R"("maxOutputTokens":1.5)", "/payload/maxOutputTokens"},
      {R"("maxOutputTokens":true)", "/payload/maxOutputTokens"},
      {R"("maxOutputTokens":"7")", "/payload/maxOutputTokens"},
      {R"("maxSteps":4294967297)", "/payload/maxSteps"},
      {R"("maxSteps":0)", "/payload/maxSteps"},
      {R"("heartbeatMs":-1)", "/payload/heartbeatMs"},
      {R"("timeouts":{"idleMs":4294967297})", "/payload/timeouts/idleMs"},
      {R"("retry":{"max":-1})", "/payload/retry/max"},
      {R"("dryRun":1)", "/payload/dryRun"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.field);
    const Json data =
        refusal(worker, std::string(R"({"id":"n","type":"chat","payload":{"messages":[],)") + row.field + "}}", "n");
    CHECK(data.at("code") == "invalid_request");
    CHECK(data.at("pointer") == row.pointer);
  }
  // These values are not JSON.
  for (const char* value : {"NaN", "Infinity", "-Infinity", "+1", "01", ".5", "0x10"}) {
    const Json data = refusal(worker, std::string(R"({"id":"n","type":"health","x":)") + value + "}");
    CHECK(data.at("code") == "invalid_json");
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 14: CR LF, a byte order mark, blank lines and trailing spaces are accepted") {
  Upstream upstream;
  TestWorker worker;
  REQUIRE(worker.process().write("\xEF\xBB\xBF{\"id\":\"bom\",\"type\":\"health\"}\r\n\r\n\n   \t \n"));
  REQUIRE(
      worker.process().write("  {\"id\":\"spaces\",\"type\":\"health\"}  \t\r\n{\"id\":\"lf\",\"type\":\"health\"}\n"));
  worker.wait_for("lf", "health_ok");
  CHECK(worker.log("bom").types() == std::vector<std::string>{"health_ok"});
  CHECK(worker.log("spaces").types() == std::vector<std::string>{"health_ok"});
  CHECK(worker.without_id().size() == 1);  // only `ready`
  Canary canary(worker, upstream);
  // Only the first line may begin with a byte order mark.
  CHECK(refusal(worker, "\xEF\xBB\xBF{\"id\":\"bom\",\"type\":\"health\"}").at("code") == "invalid_json");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 15: a duplicate key in an object is rejected, at any depth and however it is escaped") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  for (const char* line :
       {R"({"id":"k","type":"health","x":{"a":1,"a":2}})", R"({"id":"k","type":"health","x":[{"a":1,"\u0061":2}]})",
        R"({"id":"k","type":"chat","payload":{"messages":[],"messages":[]}})"}) {
    CHECK(refusal(worker, line, "k").at("code") == "invalid_request");
  }
  // A duplicate `id` is an error, too: the line has no reliable id.
  worker.send_text(R"({"id":"one","id":"two","type":"health"})");
  check_served(worker);
  CHECK(worker.log("one").count("health_ok") + worker.log("two").count("health_ok") == 0);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 16: a lone surrogate in the history is forwarded as U+FFFD, with one warning") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {event_stream(openai_answer({"ok"}))});
  Canary canary(worker, upstream);
  std::string line = upstream.chat("s", "p").dump();
  line.replace(line.find("\"Hi\""), 4, R"("\ud83d and \ude00, but \ud83d\ude00")");
  worker.send_text(line);
  const FrameLog& log = worker.end_of("s");
  CHECK(log.outcome() == "done");
  REQUIRE(log.count("warning") == 1);
  CHECK(log.all("warning").front().at("data").at("code") == "surrogate_replaced");
  const Json sent = Json::parse(upstream.requests("p").at(0).body);
  CHECK(sent.at("messages").at(0).at("content").dump().find("\xEF\xBF\xBD and \xEF\xBF\xBD, but 😀") !=
        std::string::npos);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 18: lines that arrive byte by byte give the same result") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const std::string text = "grün 😀 \xE2\x82\xAC";
  for (const char byte : echo_line("bytes", text) + "\n") {
    REQUIRE(worker.process().write(std::string_view(&byte, 1)));
    if (static_cast<unsigned char>(byte) >= 0x80) worker.next(Milliseconds(2));  // a read of its own
  }
  CHECK(worker.end_of("bytes").text() == text);
  worker.send_text(echo_line("whole", text));
  CHECK(worker.end_of("whole").text() == text);
  CHECK(worker.log("whole").last().at("data").at("messages") == worker.log("bytes").last().at("data").at("messages"));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
