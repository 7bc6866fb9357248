// Upstreams that hang, break off or refuse (rows 45 to 54 of the table of faults).
#include <doctest/doctest.h>

#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

const Json kNoRetry = {{"retry", {{"max", 0}}}};

Json with(Json payload, const Json& more) {
  payload.update(more);
  return payload;
}

// Runs one chat to its end.
const FrameLog& run(TestWorker& worker, const Upstream& upstream, const std::string& id, const std::string& provider,
                    const Json& payload = {}) {
  worker.send(upstream.chat(id, provider, payload));
  return worker.end_of(id);
}

std::string partial_text(const FrameLog& log) {
  const Json& data = log.last().at("data");
  if (!data.contains("messages")) return {};
  return data.at("messages").at(0).at("content").at(0).at("text");
}

// The stream broke off after its text "half". The text is kept, and there is no retry.
void check_half(const FrameLog& log, const Upstream& upstream, const std::string& provider, const std::string& code) {
  CHECK(log.outcome() == code);
  CHECK(log.text() == "half");
  CHECK(log.last().at("data").value("partial", false));
  CHECK(partial_text(log) == "half");
  CHECK(log.count("retry") == 0);
  CHECK(upstream.count(provider) == 1);
}

// The first attempt failed before any text. The second one gave `text`.
void check_second_try(const FrameLog& log, const Upstream& upstream, const std::string& provider,
                      const std::string& text) {
  CHECK(log.outcome() == "done");
  CHECK(log.text() == text);
  CHECK(log.count("retry") == 1);
  CHECK(upstream.count(provider) == 2);
}

Script refusal(int status, const Json& body = Json::object()) {
  Script script = tools::json_script(status, body.dump());
  script.headers.emplace_back("retry-after-ms", "1");
  return script;
}

TEST_CASE("fault 45: a missing response is timeout_first_byte, is retried, and each attempt's socket is closed") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("hang", {{.ending = Ending::kHang, .before_head = true}});
  upstream.answer("twice", {{.ending = Ending::kHang, .before_head = true}, event_stream(openai_answer({"late"}))});
  Canary canary(worker, upstream, 60);
  const Json timeouts = {{"timeouts", {{"firstByteMs", 60}}}};
  worker.send(upstream.chat("a", "hang", with(timeouts, {{"retry", {{"max", 1}}}})));
  worker.send(upstream.chat("b", "twice", {{"timeouts", {{"firstByteMs", 1000}}}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "timeout_first_byte");
  CHECK(log.last().at("data").at("category") == "timeout");
  CHECK(log.count("retry") == 1);
  CHECK(upstream.count("hang") == 2);
  CHECK(worker.end_of("b").text() == "late");
  CHECK(worker.log("b").count("retry") == 1);
  canary.check();
  CHECK(eventually([&] { return upstream.open_connections() <= 2; }));  // of the canary and of b, kept alive
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 46: silence in the middle of a stream is timeout_idle, and is not retried after a delta") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {broken_stream(text_event("half"), Ending::kHang)});
  Canary canary(worker, upstream);
  check_half(run(worker, upstream, "a", "p", {{"timeouts", {{"idleMs", 150}}}}), upstream, "p", "timeout_idle");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 47: pings and comments reset the idle timeout, but not the progress timeout") {
  Upstream upstream;
  TestWorker worker;
  std::vector<std::string> comments(200, ": ping\n\n");
  comments.insert(comments.begin(), text_event("half"));
  std::vector<std::string> pings(200, anthropic_event({{"type", "ping"}}));
  pings.insert(pings.begin(), anthropic_head());
  upstream.answer("p", {paced(comments, Milliseconds(20))});
  upstream.answer("anthropic", {paced(pings, Milliseconds(20))});
  Canary canary(worker, upstream, 60);
  const Json timeouts = {{"timeouts", {{"idleMs", 0}, {"progressMs", 400}}}, {"retry", {{"max", 0}}}};
  worker.send(upstream.chat("a", "p", timeouts));
  worker.send(upstream.chat("b", "anthropic", timeouts));
  CHECK(worker.end_of("a").outcome() == "timeout_progress");
  CHECK(worker.log("a").text() == "half");
  CHECK(worker.end_of("b").outcome() == "timeout_progress");
  // A stream of pings is not idle if a response follows.
  std::vector<std::string> good(30, ": ping\n\n");
  good.push_back(openai_answer({"at last"}));
  upstream.answer("good", {paced(good, Milliseconds(20))});
  const FrameLog& log =
      run(worker, upstream, "c", "good", {{"timeouts", {{"idleMs", 20'000}, {"progressMs", 60'000}}}});
  CHECK(log.text() == "at last");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 48: a connection that is lost before the first delta is retried, with one retry event") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 100);
  const auto lost = [](Ending ending, bool before_head) {
    Script script = broken_stream(chunk_event({{"role", "assistant"}, {"content", ""}}), ending);
    script.before_head = before_head;
    return script;
  };
  const Script good = event_stream(openai_answer({"whole ", "answer"}));
  upstream.answer("reset0", {lost(Ending::kReset, true), good});
  upstream.answer("fin0", {lost(Ending::kFin, true), good});
  upstream.answer("reset1", {lost(Ending::kReset, false), good});
  for (const char* provider : {"reset0", "fin0", "reset1"}) worker.send(upstream.chat(provider, provider));
  for (const char* provider : {"reset0", "fin0", "reset1"}) {
    CAPTURE(provider);
    const FrameLog& log = worker.end_of(provider);
    check_second_try(log, upstream, provider, "whole answer");
    CHECK(log.count("start") == 1);
    CHECK(log.all("retry").front().at("data").at("attempt") == 2);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("faults 49, 50: a broken stream ends with an error and the output so far, and no text is sent twice") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  struct Case {
    Ending ending;
    Framing framing;
    const char* code;
  };
  const Case cases[] = {{Ending::kReset, Framing::kChunked, "upstream_reset"},
                        {Ending::kReset, Framing::kContentLength, "upstream_reset"},
                        {Ending::kFin, Framing::kChunked, "truncated_stream"},
                        {Ending::kTruncatedChunk, Framing::kChunked, "truncated_stream"},
                        {Ending::kShortLength, Framing::kContentLength, "truncated_stream"},
                        {Ending::kGarbage, Framing::kChunked, "upstream_reset"}};
  int number = 0;
  for (const Case& row : cases) {
    for (const std::string& api : {std::string("p"), std::string("anthropic")}) {
      const std::string whole = api == "p" ? openai_answer({"half", "gone"}) : anthropic_answer({"half", "gone"});
      Script script = event_stream(whole);
      script.framing = row.framing;
      script.ending = row.ending;
      script.end_after = whole.find("gone");
      const std::string id = api + std::to_string(number++);
      CAPTURE(id);
      upstream.answer(id, {script});
      check_half(run(worker, upstream, id, id), upstream, id, row.code);
    }
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 51: a close without a terminator is truncated_stream, unless a finish reason arrived") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const auto closed = [](std::string body) {
    Script script = event_stream(std::move(body));
    script.framing = Framing::kClose;
    return script;
  };
  upstream.answer("cut", {closed(text_event("half"))});
  upstream.answer("nodone", {closed(text_event("whole") + chunk_event(Json::object(), "stop"))});
  upstream.answer("unterminated", {event_stream(text_event("half"))});
  upstream.answer("anthropic",
                  {closed(anthropic_answer({"half"}).substr(0, anthropic_answer({"half"}).rfind("event:")))});
  for (const char* provider : {"cut", "unterminated", "anthropic"}) {
    CAPTURE(provider);
    check_half(run(worker, upstream, provider, provider), upstream, provider, "truncated_stream");
  }
  const FrameLog& log = run(worker, upstream, "nodone", "nodone");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == "whole");
  REQUIRE(log.count("warning") == 1);
  CHECK(log.all("warning").front().at("data").at("code") == "missing_done");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 52: an error inside a 200 is retried before the first delta, and ends the chat after it") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 100);
  const std::string openai =
      sse({{"error", {{"message", "upstream says no"}, {"type", "server_error"}, {"code", 500}}}});
  const std::string anthropic =
      anthropic_event({{"type", "error"}, {"error", {{"type", "overloaded_error"}, {"message", "Overloaded"}}}});
  upstream.answer("first", {event_stream(openai), event_stream(openai_answer({"good"}))});
  upstream.answer("anthropicfirst", {event_stream(anthropic), event_stream(anthropic_answer({"good"}))});
  upstream.answer("after", {event_stream(text_event("half") + openai + openai_ending())});
  upstream.answer(
      "anthropicafter",
      {event_stream(anthropic_answer({"half"}).substr(0, anthropic_answer({"half"}).find("event: content_block_stop")) +
                    anthropic)});
  for (const char* provider : {"first", "anthropicfirst", "after", "anthropicafter"}) {
    worker.send(upstream.chat(provider, provider));
  }
  for (const char* provider : {"first", "anthropicfirst"}) {
    CAPTURE(provider);
    check_second_try(worker.end_of(provider), upstream, provider, "good");
  }
  for (const char* provider : {"after", "anthropicafter"}) {
    CAPTURE(provider);
    check_half(worker.end_of(provider), upstream, provider, "upstream_error");
  }
  CHECK(worker.log("anthropicafter").last().at("data").at("category") == "overloaded");
  CHECK(worker.log("anthropicafter").last().at("data").at("providerCode") == "overloaded_error");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 53: a rejected request is reported with the provider's message, and is not retried") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  for (const int status : {400, 401, 403, 404, 413, 422}) {
    CAPTURE(status);
    const std::string id = "s" + std::to_string(status);
    const Json body = {
        {"error", {{"message", "because " + std::string(10'000, 'x')}, {"type", "t"}, {"code", "the_code"}}}};
    Script script = refusal(status, body);
    script.headers.emplace_back("x-request-id", "req_42");
    upstream.answer(id, {script});
    const FrameLog& log = run(worker, upstream, id, id);
    CHECK(log.outcome() == "upstream_http");
    const Json& data = log.last().at("data");
    CHECK(data.at("status") == status);
    CHECK(data.at("providerCode") == "the_code");
    CHECK(data.at("requestId") == "req_42");
    CHECK(data.at("provider") == id);
    CHECK(data.at("message").get<std::string>().find("because") != std::string::npos);
    CHECK(data.at("message").get<std::string>().size() <= 4096);
    CHECK(log.types() == std::vector<std::string>{"start", "error"});
    CHECK(upstream.count(id) == 1);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 54: a busy provider gets at most three requests, after the delay that it specifies") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  for (const int status : {408, 409, 429, 500, 502, 503, 504, 529}) {
    CAPTURE(status);
    const std::string good = "g" + std::to_string(status);
    upstream.answer(good, {refusal(status), refusal(status), event_stream(openai_answer({"third"}))});
    const FrameLog& third = run(worker, upstream, good, good);
    CHECK(third.text() == "third");
    CHECK(third.types() == std::vector<std::string>{"start", "retry", "retry", "delta", "usage", "done"});
    for (const Json& retry : third.all("retry")) CHECK(retry.at("data").at("delayMs") == 1);

    const std::string bad = "b" + std::to_string(status);
    upstream.answer(bad, {refusal(status)});
    const FrameLog& never = run(worker, upstream, bad, bad);
    CHECK(never.outcome() == "upstream_http");
    CHECK(never.last().at("data").at("status") == status);
    CHECK(never.last().at("data").at("retryable") == true);
    CHECK(upstream.count(bad) == 3);
  }
  upstream.answer("long", {[] {
                    Script script = tools::json_script(429, "{}");
                    script.headers.emplace_back("retry-after", "121");
                    return script;
                  }()});
  const FrameLog& log = run(worker, upstream, "long", "long");
  CHECK(log.count("retry") == 0);
  CHECK(log.last().at("data").at("retryAfterMs") == 121'000);
  CHECK(run(worker, upstream, "none", "b503", kNoRetry).count("retry") == 0);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("with retry.restart a stream that broke after output starts again from the beginning") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {broken_stream(text_event("half"), Ending::kReset), event_stream(openai_answer({"whole"}))});
  const FrameLog& log = run(worker, upstream, "a", "p", {{"retry", {{"max", 1}, {"restart", true}}}});
  CHECK(log.types() == std::vector<std::string>{"start", "delta", "retry", "delta", "usage", "done"});
  CHECK(log.last().at("data").at("messages")[0].at("content")[0].at("text") == "whole");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
