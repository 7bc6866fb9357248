#include "worker/agent/http_attempt.hpp"

#include <doctest/doctest.h>

#include "tests/agent/openai_sse.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_http.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/secrets/live_secret.hpp"

using namespace aiw;
using std::chrono::milliseconds;

namespace {

// Hears one attempt and, like a session, destroys it when it has ended.
struct Listener : AttemptObserver {
  void first_byte() override { log += "first_byte "; }
  void delta(int, ContentKind, std::string_view text, std::string_view) override { log += std::string(text) + " "; }
  void tool_call(int, ToolCall call) override { log += "call:" + call.name + " "; }
  void tool_result(ProviderToolResult result) override { log += "result:" + result.tool_name + " "; }
  void file(int, GeneratedFile file) override { log += "file:" + file.media_type + " "; }
  void source(const Source& source) override { log += "source:" + source.url + " "; }
  void logprobs(int, std::string_view) override { log += "logprobs "; }
  void provider_state(int, std::string) override { log += "state "; }
  void usage(const Usage&) override { log += "usage "; }
  void warning(std::string_view code, std::string_view) override { log += "warning:" + std::string(code) + " "; }
  void finish(FinishReason reason, std::string_view) override {
    log += "finish:" + std::string(to_string(reason)) + " ";
    attempt.reset();
  }
  void fail(Error failure) override {
    log += "fail:" + failure.code + " ";
    error = std::move(failure);
    attempt.reset();
  }

  std::string log;
  Error error;
  std::unique_ptr<Attempt> attempt;
};

struct Fixture {
  MemoryAccounts accounts{{}};
  FakeClock clock;
  FakeHttp http;
  FinishedExchanges finished{clock};
  ChatRequest chat;
  Listener listener;
  std::shared_ptr<std::string> memory = std::make_shared<std::string>(1000, 'm');

  explicit Fixture(const Timeouts& timeouts = {}) { chat.timeouts = timeouts; }

  FakeExchange& start() {
    BuiltRequest request;
    request.http.url = "https://p.example/v1/chat/completions";
    request.http.body.splice(*memory);
    listener.attempt = start_http_attempt({clock, http, finished, accounts}, std::move(request),
                                          *wire_api(Api::openai_chat), chat, memory, listener);
    return http.last();
  }
  const std::string& log() const { return listener.log; }
};

constexpr Timeouts kShort{.connect_ms = 50, .first_byte_ms = 1'000, .idle_ms = 100, .progress_ms = 250};

}  // namespace

TEST_CASE("an answer is passed on piece by piece and ends with its terminator") {
  Fixture f;
  auto& upstream = f.start();
  CHECK(upstream.limits().connect_timeout == milliseconds(10'000));
  upstream.stream();
  upstream.body(sse::text("a") + sse::text("b"));
  CHECK(f.log() == "first_byte a b ");
  upstream.body(sse::finish("stop") + sse::usage(1, 2) + sse::done());
  CHECK(f.log() == "first_byte a b usage finish:stop ");
}

TEST_CASE("an answer that ends early is an error") {
  Fixture cut;
  auto& upstream = cut.start();
  upstream.stream();
  upstream.body(sse::text("a"));
  upstream.end();
  CHECK(cut.log() == "first_byte a fail:truncated_stream ");

  Fixture reset;
  auto& other = reset.start();
  other.stream();
  other.body(sse::text("a"));
  other.fail(network_error("upstream_reset"));
  CHECK(reset.log() == "first_byte a fail:upstream_reset ");
}

TEST_CASE("a network failure before the head is reported as it is") {
  Fixture f;
  f.start().fail(network_error("connect_error"));
  CHECK(f.log() == "fail:connect_error ");
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("an exchange that ends without anything is a bad response") {
  Fixture f;
  f.start().end();
  CHECK(f.log() == "fail:bad_response ");
}

TEST_CASE("the first byte has its own time, to the millisecond") {
  Fixture f(kShort);
  auto& upstream = f.start();
  f.clock.advance(milliseconds(999));
  CHECK(f.log().empty());
  CHECK(upstream.open());
  f.clock.advance(milliseconds(1));
  CHECK(f.log() == "fail:timeout_first_byte ");
  CHECK(f.listener.error.category == Category::timeout);
  CHECK(f.listener.error.retryable);
  CHECK(!upstream.open());
}

TEST_CASE("silence after the head is counted from the last byte") {
  Fixture f(kShort);
  auto& upstream = f.start();
  f.clock.advance(milliseconds(950));
  upstream.stream();
  f.clock.advance(milliseconds(99));
  CHECK(f.log() == "first_byte ");
  upstream.body(sse::text("a"));
  f.clock.advance(milliseconds(99));
  CHECK(f.log() == "first_byte a ");
  f.clock.advance(milliseconds(1));
  CHECK(f.log() == "first_byte a fail:timeout_idle ");
  CHECK(f.clock.elapsed() == milliseconds(950 + 99 + 100));
}

TEST_CASE("pings are signs of life but no progress") {
  Fixture f(kShort);
  auto& upstream = f.start();
  upstream.stream();
  f.clock.advance(milliseconds(50));
  upstream.body(sse::text("a"));
  while (upstream.open() && f.clock.elapsed() < milliseconds(1'000)) {
    upstream.body(": ping\n\n");
    f.clock.advance(milliseconds(10));
  }
  CHECK(f.log() == "first_byte a fail:timeout_progress ");
  CHECK(f.clock.elapsed() == milliseconds(50 + 250));
}

TEST_CASE("a limit that is shorter than those before it holds as soon as the head is there") {
  Fixture f({.first_byte_ms = 0, .idle_ms = 0, .progress_ms = 250});
  auto& upstream = f.start();
  f.clock.advance(milliseconds(100'000));
  CHECK(f.log().empty());
  upstream.stream();
  upstream.body(sse::text("a"));
  f.clock.advance(milliseconds(250));
  CHECK(f.log() == "first_byte a fail:timeout_progress ");
  CHECK(f.clock.elapsed() == milliseconds(100'250));
}

TEST_CASE("limits of zero are none") {
  Fixture f({.connect_ms = 0, .first_byte_ms = 0, .idle_ms = 0, .progress_ms = 0});
  auto& upstream = f.start();
  CHECK(upstream.limits().connect_timeout == milliseconds(0));
  upstream.stream();
  f.clock.advance(std::chrono::hours(100));
  upstream.body(sse::answer("late"));
  CHECK(f.log() == "first_byte late finish:stop ");
}

TEST_CASE("while the parent lags the provider's time stands still") {
  Fixture f(kShort);
  auto& upstream = f.start();
  upstream.stream();
  upstream.body(sse::text("a"));
  f.clock.advance(milliseconds(60));
  f.listener.attempt->set_paused(true);
  f.listener.attempt->set_paused(true);
  CHECK(upstream.paused());
  CHECK(upstream.pause_calls() == 1);
  CHECK(f.clock.pending() == 0);
  f.clock.advance(std::chrono::hours(1));
  CHECK(f.log() == "first_byte a ");
  f.listener.attempt->set_paused(false);
  CHECK(!upstream.paused());
  f.clock.advance(milliseconds(99));
  CHECK(f.log() == "first_byte a ");
  f.clock.advance(milliseconds(1));
  CHECK(f.log() == "first_byte a fail:timeout_idle ");
}

TEST_CASE("an error's body that stops coming is no endless wait") {
  Fixture f(kShort);
  auto& upstream = f.start();
  upstream.head(500, {});
  upstream.body("{");
  f.clock.advance(milliseconds(100));
  CHECK(f.log() == "fail:timeout_idle ");
}

TEST_CASE("redirects are refused at their head, naming the host only") {
  for (const int status : {300, 301, 302, 304, 307, 308}) {
    Fixture f;
    auto& upstream = f.start();
    upstream.head(status, {{"location", "https://other.example/path?token=s3cret"}});
    CHECK(f.log() == "fail:redirect_refused ");
    CHECK(!upstream.open());
    CHECK(f.http.count() == 1);
    CHECK(!f.listener.error.retryable);
    CHECK(f.listener.error.message.find("other.example") != std::string::npos);
    CHECK(f.listener.error.message.find("s3cret") == std::string::npos);
  }
  for (const std::string location : {"/elsewhere", "", "https://user:s3cret@other.example/", "https://\xFF\n"}) {
    Fixture f;
    f.start().head(302, {{"location", location}});
    CHECK(f.log() == "fail:redirect_refused ");
    CHECK(f.listener.error.message == "the provider redirects; redirects are not followed");
  }
}

TEST_CASE("a page is no answer") {
  Fixture f;
  auto& upstream = f.start();
  upstream.head(200, {{"content-type", "text/html; charset=utf-8"}});
  upstream.body("<p>Sign in");
  CHECK(f.log() == "first_byte ");
  upstream.end();
  CHECK(f.log() == "first_byte fail:bad_content_type ");
  CHECK(f.listener.error.message == "the provider sent a web page instead of an API response: Sign in");
  Fixture endless;
  auto& flood = endless.start();
  flood.head(200, {{"content-type", "text/html"}});
  flood.body(std::string(kMaxErrorBodyRead, '<'));
  flood.body("<");
  CHECK(endless.log() == "first_byte fail:bad_content_type ");
  CHECK(!flood.open());
}

TEST_CASE("one JSON body is an answer too, asked for or not") {
  const std::string body = R"({"choices":[{"index":0,"message":{"content":"whole"},"finish_reason":"stop"}]})";
  Fixture unasked;
  auto& upstream = unasked.start();
  upstream.head(200, {{"content-type", "application/json"}});
  upstream.body(body.substr(0, 20));
  upstream.body(body.substr(20));
  upstream.end();
  CHECK(unasked.log() == "first_byte whole finish:stop ");

  Fixture asked;
  asked.chat.stream.upstream = false;
  auto& other = asked.start();
  other.head(200, {});
  other.body(body);
  other.end();
  CHECK(asked.log() == "first_byte whole finish:stop ");
}

TEST_CASE("an HTTP error is read with its body") {
  Fixture f;
  auto& upstream = f.start();
  upstream.head(429, {{"content-type", "application/json"}, {"retry-after", "7"}, {"x-request-id", "req_1"}});
  upstream.body(R"({"error":{"message":"slow down",)");
  CHECK(f.log().empty());
  upstream.body(R"("code":"rate_limit_exceeded"}})");
  upstream.end();
  CHECK(f.log() == "fail:upstream_http ");
  const Error& error = f.listener.error;
  CHECK(error.status == 429);
  CHECK(error.category == Category::rate_limit);
  CHECK(error.message == "slow down");
  CHECK(error.provider_code == "rate_limit_exceeded");
  CHECK(error.request_id == "req_1");
  CHECK(error.retry_after_ms == 7'000);
  CHECK(error.retryable);
}

TEST_CASE("an HTTP error is one even if its body is cut short or without end") {
  Fixture cut;
  auto& upstream = cut.start();
  upstream.head(413, {});
  upstream.body("too lar");
  upstream.fail(network_error("upstream_reset"));
  CHECK(cut.log() == "fail:upstream_http ");
  CHECK(cut.listener.error.status == 413);

  Fixture endless;
  auto& other = endless.start();
  other.head(502, {{"content-type", "text/html"}});
  for (int i = 0; i < 100; ++i) other.body(std::string(100'000, 'x'));
  other.end();
  CHECK(endless.listener.error.status == 502);
  CHECK(endless.listener.error.message.size() <= 4096);
}

TEST_CASE("an error's body is cut without a piece of a key") {
  const std::string key = "canary-key-of-some-length";
  const LiveSecret live(key);
  for (const int status : {200, 400}) {
    for (const std::string filler : {" ", "<br>"}) {
      for (std::size_t shown = 1; shown <= key.size(); ++shown) {
        Fixture f;
        auto& upstream = f.start();
        upstream.head(status, {{"content-type", "text/html"}});
        std::string body = "<html>" + std::string((kMaxErrorBody - 6 - shown) % filler.size(), ' ');
        while (body.size() + shown < kMaxErrorBody) body += filler;
        upstream.body(body + key.substr(0, 5));
        upstream.body(key.substr(5) + std::string(100'000, 'x'));
        upstream.end();
        CHECK_FALSE(f.listener.error.message.contains("canary"));
        CHECK(f.listener.error.message.ends_with("[redacted]"));
      }
    }
  }
}

TEST_CASE("a key in the host of a redirect is taken out before the host is cut") {
  const LiveSecret key("canary-key-of-some-length");
  Fixture f;
  f.start().head(302, {{"location", "https://" + std::string(240, 'h') + ".canary-key-of-some-length.example/"}});
  CHECK_FALSE(f.listener.error.message.contains("canary"));
}

TEST_CASE("a complete answer keeps its connection until HTTP's end came too") {
  Fixture f;
  auto& upstream = f.start();
  upstream.stream();
  upstream.body(sse::answer("a"));
  CHECK(f.log() == "first_byte a finish:stop ");
  CHECK(upstream.open());
  f.clock.advance(milliseconds(500));
  upstream.body("data: more\n\n");
  CHECK(upstream.open());
  CHECK(f.log() == "first_byte a finish:stop ");
  upstream.end();
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("a complete answer whose exchange never ends is closed after two seconds") {
  Fixture f;
  auto& upstream = f.start();
  upstream.stream();
  upstream.body(sse::answer("a"));
  f.clock.advance(milliseconds(1'999));
  CHECK(upstream.open());
  f.clock.advance(milliseconds(1));
  CHECK(!upstream.open());
}

TEST_CASE("much that follows a complete answer closes its connection") {
  Fixture f;
  auto& upstream = f.start();
  upstream.stream();
  upstream.body(sse::answer("a"));
  for (int i = 0; i < 64; ++i) upstream.body(std::string(1024, 'x'));
  CHECK(upstream.open());
  upstream.body("x");
  CHECK(!upstream.open());
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("an answer that completes while it is paused is not left paused") {
  Fixture f;
  auto& upstream = f.start();
  upstream.stream();
  f.listener.attempt->set_paused(true);
  upstream.body(sse::answer("a"));
  CHECK(upstream.open());
  CHECK(!upstream.paused());
}

TEST_CASE("what a large body refers to lives as long as its exchange") {
  Fixture f;
  const std::weak_ptr<std::string> memory = f.memory;
  auto& upstream = f.start();
  f.memory.reset();
  upstream.stream();
  upstream.body(sse::answer("a"));
  CHECK(f.listener.attempt == nullptr);
  REQUIRE(!memory.expired());
  CHECK(upstream.request().body.str() == std::string(1000, 'm'));
  upstream.end();
  CHECK(memory.expired());
}

TEST_CASE("an attempt that is given up closes its connection and says nothing more") {
  Fixture f;
  auto& upstream = f.start();
  upstream.stream();
  f.listener.attempt.reset();
  CHECK(!upstream.open());
  CHECK(f.clock.pending() == 0);
  f.clock.advance(std::chrono::hours(1));
  CHECK(f.log() == "first_byte ");
}

TEST_CASE("exchanges that are kept are closed with their keeper") {
  MemoryAccounts accounts{{}};
  FakeClock clock;
  FakeHttp http;
  {
    Listener listener;
    ChatRequest chat;
    FinishedExchanges finished(clock);
    listener.attempt = start_http_attempt({clock, http, finished, accounts}, BuiltRequest{},
                                          *wire_api(Api::openai_chat), chat, nullptr, listener);
    http.last().stream();
    http.last().body(sse::answer("a"));
    CHECK(http.last().open());
  }
  CHECK(!http.last().open());
  CHECK(clock.pending() == 0);
}

TEST_CASE("an error names the URL that was asked and the provider's id of the exchange, however it came") {
  struct Row {
    const char* what;
    void (*answer)(FakeExchange&);
    const char* code;
    const char* request_id;
  };
  const Row rows[] = {
      {"an HTTP error",
       [](FakeExchange& upstream) {
         upstream.head(500, {{"x-request-id", "req_1"}});
         upstream.end();
       },
       "upstream_http", "req_1"},
      {"an error in the stream",
       [](FakeExchange& upstream) {
         upstream.head(200, {{"content-type", "text/event-stream"}, {"request-id", "req_2"}});
         upstream.body("data: {\"error\":{\"message\":\"no\"}}\n\n");
       },
       "upstream_error", "req_2"},
      {"a stream that is cut",
       [](FakeExchange& upstream) {
         upstream.head(200, {{"content-type", "text/event-stream"}, {"cf-ray", "ray"}});
         upstream.end();
       },
       "truncated_stream", "ray"},
      {"no connection", [](FakeExchange& upstream) { upstream.fail(network_error("connect_error")); }, "connect_error",
       ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Fixture f;
    row.answer(f.start());
    CHECK(f.listener.error.code == row.code);
    CHECK(f.listener.error.url == "https://p.example/v1/chat/completions");
    CHECK(f.listener.error.request_id == row.request_id);
  }
}

TEST_CASE("a context that is too long has one code, told by HTTP or within a stream") {
  const std::string words =
      R"({"error":{"message":"This model's maximum context length is 10 tokens. However, your messages resulted in 12 tokens."}})";
  for (const int status : {200, 400, 500}) {
    CAPTURE(status);
    Fixture f;
    auto& upstream = f.start();
    upstream.head(status, {{"content-type", status == 200 ? "text/event-stream" : "application/json"}});
    upstream.body(status == 200 ? "data: " + words + "\n\n" : words);
    if (status != 200) upstream.end();
    CHECK(f.listener.error.code == "context_overflow");
    CHECK(f.listener.error.category == Category::invalid_request);
    CHECK_FALSE(f.listener.error.retryable);
    CHECK(f.listener.error.limit_tokens == 10);
    CHECK(f.listener.error.request_tokens == 12);
  }
}
