// Responses with odd heads, encodings and figures (rows 55 to 60, 67 to 69 and 71 of the table of faults).
#include <doctest/doctest.h>

#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"
#include "tools/support/codings.hpp"

namespace aiw::e2e {
namespace {

using tools::gzip;
using tools::gzip_bomb;
using tools::zlib;

const Json kOnce = {{"retry", {{"max", 0}}}};

const FrameLog& run(TestWorker& worker, Upstream& upstream, const std::string& id, std::vector<Script> scripts,
                    const Json& payload = kOnce) {
  upstream.answer(id, std::move(scripts));
  worker.send(upstream.chat(id, id, payload));
  return worker.end_of(id);
}

Script coded(std::string coding, std::string body) {
  Script script = event_stream(std::move(body));
  script.headers.emplace_back("Content-Encoding", std::move(coding));
  return script;
}

Script with_header(Script script, std::string name, std::string value) {
  script.headers.emplace_back(std::move(name), std::move(value));
  return script;
}

// Returns raw bytes instead of an HTTP response. `ending` follows them.
Script raw(std::string bytes, Ending ending = Ending::kFin, std::size_t times = 1) {
  return {.ending = ending, .raw = std::move(bytes), .raw_repeated = times};
}

TEST_CASE("fault 55: the delay that a busy provider requests is reported and waited for") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const Script good = event_stream(openai_answer({"good"}));
  const auto busy = [](std::string name, std::string value) {
    return with_header(tools::json_script(429, "{}"), std::move(name), std::move(value));
  };
  const auto delay = [&](const std::string& id, const Script& refusal) {
    const FrameLog& log = run(worker, upstream, id, {refusal, good}, Json::object());
    CHECK(log.text() == "good");
    REQUIRE(log.count("retry") == 1);
    return log.all("retry")[0].at("data").at("delayMs").get<std::int64_t>();
  };
  CHECK(delay("fraction", busy("Retry-After", "0.05")) == 50);
  CHECK(delay("ms", with_header(busy("Retry-After", "77"), "retry-after-ms", "7")) == 7);
  // If the value is not a delay, the worker uses its own: half a second, minus up to a quarter of it.
  for (const auto& [id, value] : {std::pair("negative", "-1"), std::pair("nan", "NaN"), std::pair("word", "soon"),
                                  std::pair("past", "Sun, 06 Nov 1994 08:49:37 GMT")}) {
    CAPTURE(id);
    const auto ms = delay(id, busy("Retry-After", value));
    CHECK(ms >= 375);
    CHECK(ms <= 500);
  }
  for (const auto& [id, value] :
       {std::pair("121", "121"), std::pair("1e9", "1e9"), std::pair("future", "Fri, 31 Dec 9999 23:59:59 GMT")}) {
    CAPTURE(id);
    const FrameLog& log = run(worker, upstream, id, {busy("Retry-After", value), good}, Json::object());
    CHECK(log.outcome() == "upstream_http");
    CHECK(log.count("retry") == 0);
    CHECK(log.last().at("data").at("retryAfterMs").get<std::int64_t>() > 120'000);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 56: x-should-retry overrides the status") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 100);
  const Script good = event_stream(openai_answer({"good"}));
  const auto refusal = [](int status, std::string should) {
    return with_header(with_header(tools::json_script(status, "{}"), "retry-after-ms", "1"), "x-should-retry",
                       std::move(should));
  };
  const FrameLog& again = run(worker, upstream, "true400", {refusal(400, "true"), good}, Json::object());
  CHECK(again.text() == "good");
  CHECK(again.count("retry") == 1);
  const FrameLog& final = run(worker, upstream, "false503", {refusal(503, "false"), good}, Json::object());
  CHECK(final.outcome() == "upstream_http");
  CHECK(final.last().at("data").at("retryable") == false);
  CHECK(upstream.count("false503") == 1);
  // Other values of the header have no effect.
  CHECK(run(worker, upstream, "maybe400", {refusal(400, "maybe"), good}, Json::object()).outcome() == "upstream_http");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 57: a page of 5 MB in place of an error is reported in a few words, without its tags") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  std::string page = "<!DOCTYPE html><html><head><style>b{}</style></head><body><h1>502 Bad Gateway</h1>";
  while (page.size() < 5'000'000) page += "<p>Please <b>come back</b> later.</p><script>alert(1)</script>";
  Script script = with_header(event_stream(page + "</body></html>"), "X-Request-Id", "req_57");
  script.status = 502;
  script.headers[0].second = "text/html";
  const FrameLog& log = run(worker, upstream, "page", {script});
  CHECK(log.outcome() == "upstream_http");
  const Json& data = log.last().at("data");
  CHECK(data.at("status") == 502);
  CHECK(data.at("requestId") == "req_57");
  const std::string message = data.at("message");
  CHECK(message.starts_with("502 Bad Gateway"));
  CHECK(message.size() <= 512);
  CHECK(message.find_first_of("<>{}") == std::string::npos);
  CHECK(message.find("alert") == std::string::npos);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "fault 59: gzip and deflate are decoded; truncated data is truncated_stream, an unknown coding is bad_encoding") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const std::string answer = openai_answer({"coded ", "é😀"});
  const std::pair<const char*, std::string> codings[] = {{"gzip", gzip(answer)}, {"deflate", zlib(answer)}};
  for (const auto& [coding, body] : codings) {
    CAPTURE(coding);
    const std::string id = coding;
    const FrameLog& whole = run(worker, upstream, id, {coded(coding, body)});
    CHECK(whole.outcome() == "done");
    CHECK(whole.text() == "coded é😀");
    Script bytewise = coded(coding, body);
    bytewise.cut.mode = Cut::Mode::kBytes;
    CHECK(run(worker, upstream, id + "-bytes", {bytewise}).text() == "coded é😀");
    // HTTP ends correctly, but the compressed data is cut.
    const FrameLog& cut = run(worker, upstream, id + "-cut", {coded(coding, body.substr(0, body.size() / 2))});
    CHECK(cut.outcome() == "truncated_stream");
    CHECK(upstream.requests(id)[0].header("accept-encoding").find(coding) != std::string_view::npos);
  }
  for (const char* coding : {"rot13", "br"}) {
    CAPTURE(coding);
    CHECK(run(worker, upstream, coding[0] == 'r' ? "unknown" : "unknown2", {coded(coding, answer)}).outcome() ==
          "bad_encoding");
  }
  CHECK(run(worker, upstream, "garbage", {coded("gzip", "this is no gzip at all")}).outcome() == "bad_encoding");
  CHECK(run(worker, upstream, "identity", {coded("identity", answer)}).text() == "coded é😀");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 60: a gzip bomb of 1 GB is response_too_large, and memory stays bounded") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  CHECK(run(worker, upstream, "warm", {event_stream(openai_answer({"x"}))}).outcome() == "done");
  worker.reset_peak_rss();
  const std::size_t before = worker.rss();
  const FrameLog& log = run(worker, upstream, "bomb", {coded("gzip", gzip_bomb(std::size_t{1} << 30))});
  CHECK(log.outcome() == "response_too_large");
  CHECK(log.last().at("data").at("category") == "limit");
  // Bomb as the body of an error. The worker reads it up to a limit and reports the HTTP error.
  Script refusal = coded("gzip", gzip_bomb(std::size_t{1} << 30));
  refusal.status = 500;
  CHECK(run(worker, upstream, "refusal", {refusal}).outcome() == "upstream_http");
  const std::size_t grown = worker.peak_rss() - std::min(worker.peak_rss(), before);
  MESSAGE("memory: " << grown / 1024 << " KiB more at the peak");
  if (!kSanitized) CHECK(grown <= 24 * kMiB);  // an event may use 16 MiB before it reaches its limit
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 67: response headers that never end, or that are not HTTP, are bad_response") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  std::string flood = ok;
  while (flood.size() < 600'000) flood += "X-Filler: " + std::string(80, 'x') + "\r\n";
  const std::pair<const char*, Script> heads[] = {
      {"informational", raw("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", Ending::kHang, 100'000)},
      {"flood", raw(flood, Ending::kHang)},
      {"long line", raw(ok + "X: " + std::string(400'000, 'x'), Ending::kHang)},
      {"two lengths", raw(ok + "Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello")},
      {"negative length", raw(ok + "Content-Length: -5\r\n\r\nhello")},
      {"nul", raw(ok + "X: a" + std::string(1, '\0') + "b\r\n\r\n")},
      {"status 999", raw("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")},
      {"no http", raw("SSH-2.0-OpenSSH_9.2\r\n", Ending::kFin)},
  };
  for (const auto& [name, script] : heads) {
    CAPTURE(name);
    std::string id = name;
    std::erase(id, ' ');
    const FrameLog& log = run(worker, upstream, id, {script});
    CHECK(log.outcome() == "bad_response");
    CHECK(log.last().at("data").at("retryable") == false);
    CHECK(upstream.count(id) == 1);
  }
  // A large body is sent at once, without `Expect: 100-continue`. A server that never sends 100 Continue gets it, too.
  const Json large = {{"messages", Json::array({{{"role", "user"}, {"content", std::string(2'000'000, 'x')}}})}};
  CHECK(run(worker, upstream, "large", {event_stream(openai_answer({"x"}))}, large).outcome() == "done");
  CHECK(upstream.requests("large")[0].header("expect").empty());
  CHECK(upstream.requests("large")[0].body_bytes > 2'000'000);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 68: an error response during a large upload is reported, even if the connection breaks") {
  Upstream strict({.max_body = 1 << 20});  // sends 413 at the limit and closes without reading the rest
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  // Retries: the reset may overtake the response within the kernel. Then it is an ordinary lost connection.
  const Json large = {{"messages", Json::array({{{"role", "user"}, {"content", std::string(20'000'000, 'x')}}})},
                      {"retry", {{"max", 5}}}};
  for (int i = 0; i < 2; ++i) {
    const std::string id = "a" + std::to_string(i);
    worker.send(strict.chat(id, "p", large));
    const FrameLog& log = worker.end_of(id);
    CHECK(log.outcome() == "upstream_http");
    CHECK(log.last().at("data").value("status", 0) == 413);
    CHECK(log.last().at("data").at("retryable") == false);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 69: a kept connection that closes at the moment of its reuse does not fail the chat") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const Script good = event_stream(openai_answer({"good"}));
  const auto lost = [](Ending ending) {
    Script script = event_stream("");
    script.ending = ending;
    script.before_head = true;
    return script;
  };
  for (const Ending ending : {Ending::kFin, Ending::kReset}) {
    CAPTURE(static_cast<int>(ending));
    const std::string id = "p" + std::to_string(static_cast<int>(ending));
    upstream.answer(id, {good, lost(ending), good});
    worker.send(upstream.chat(id + "1", id));
    CHECK(worker.end_of(id + "1").text() == "good");
    worker.send(upstream.chat(id + "2", id));
    const FrameLog& log = worker.end_of(id + "2");
    CHECK(log.outcome() == "done");
    CHECK(log.text() == "good");
    CHECK(log.count("retry") <= 1);
    const auto requests = upstream.requests(id);
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].connection == requests[1].connection);  // the connection was reused
    CHECK(requests[2].connection != requests[1].connection);
    CHECK(requests[2].body == requests[1].body);
    MESSAGE("retry frames: " << log.count("retry"));
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 71: token counts that are absent or out of range are null, never a wrong number") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const auto with_usage = [](const std::string& usage) {
    return event_stream(text_event("x") + chunk_event(Json::object(), "stop") +
                        R"(data: {"id":"1","object":"chat.completion.chunk","choices":[])" +
                        (usage.empty() ? "" : R"(,"usage":)" + usage) + "}\n\ndata: [DONE]\n\n");
  };
  const char* const odd[] = {"9223372036854775808", "-1", "null", "1e300", "1.5", "\"7\"", "{}", "true"};
  int number = 0;
  const auto usage_of = [&](const std::string& usage) {
    const FrameLog& log = run(worker, upstream, "p" + std::to_string(number++), {with_usage(usage)});
    CHECK(log.outcome() == "done");
    return Json(log.last().at("data").at("usage"));
  };
  for (const char* value : odd) {
    CAPTURE(value);
    const std::string v = value;
    const Json usage = usage_of(R"({"prompt_tokens":)" + v + R"(,"completion_tokens":)" + v + R"(,"total_tokens":)" +
                                v + R"(,"prompt_tokens_details":{"cached_tokens":)" + v + "}}");
    for (const char* name : {"inputTokens", "outputTokens", "totalTokens", "cachedInputTokens", "cost"}) {
      CAPTURE(name);
      CHECK(usage.value(name, Json()).is_null());
    }
    // An invalid count does not affect the other one.
    const Json half = usage_of(R"({"prompt_tokens":7,"completion_tokens":)" + v + "}");
    CHECK(half.at("inputTokens") == 7);
    CHECK(half.at("outputTokens").is_null());
  }
  for (const char* none : {"", "null", "7", "[]", "\"x\""}) {
    CAPTURE(none);
    CHECK(usage_of(none).at("inputTokens").is_null());
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
