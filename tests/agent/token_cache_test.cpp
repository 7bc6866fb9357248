#include "worker/agent/token_cache.hpp"

#include "tests/agent/chat_run_fixture.hpp"
#include "tests/base/rfc7515_key.hpp"

namespace aiw {
namespace {

using std::chrono::seconds;

std::string credentials(const std::string& token_uri = "https://oauth2.googleapis.com/token") {
  return Json{{"type", "service_account"},
              {"client_email", "robot@p.example"},
              {"private_key", kRfc7515Key},
              {"project_id", "proj"},
              {"token_uri", token_uri}}
      .dump();
}

struct Fixture {
  FakeClock clock;
  FakeHttp http;
  TokenCache tokens{clock, http, {"tokens.example"}};
  std::vector<std::string> told;

  std::unique_ptr<TokenCache::Wait> wait(const std::string& name = "", const std::string& of = credentials()) {
    auto waiting = tokens.wait(of, [this, name](TokenCache::Result result) {
      told.push_back(name + (result ? *result : "error " + result.error().code));
    });
    REQUIRE(waiting);
    return *std::move(waiting);
  }
  void answer(std::string_view body, int status = 200) {
    FakeExchange& exchange = http.last();
    exchange.head(status, {{"content-type", "application/json"}});
    exchange.body(body);
    exchange.end();
  }
};

constexpr std::string_view kToken = R"({"access_token":"t1","expires_in":3600})";

TEST_CASE("one exchange serves all who wait, and those who come while the token is valid") {
  Fixture f;
  const auto first = f.wait("a "), second = f.wait("b ");
  CHECK(f.http.count() == 1);
  CHECK(f.http.last().request().url == "https://oauth2.googleapis.com/token");
  f.answer(kToken);
  CHECK(f.told == std::vector<std::string>{"a t1", "b t1"});
  f.clock.advance(seconds(3539));
  CHECK(f.tokens.find(credentials()) == "t1");
  f.clock.advance(seconds(1));
  CHECK_FALSE(f.tokens.find(credentials()));
  const auto third = f.wait();
  CHECK(f.http.count() == 2);
}

TEST_CASE("other credentials have another token") {
  Fixture f;
  const auto waiting = f.wait();
  f.answer(kToken);
  CHECK_FALSE(f.tokens.find(credentials("https://oauth2.googleapis.com/other")));
  CHECK_FALSE(f.tokens.find("junk"));
}

TEST_CASE("a token that was refused is not given again") {
  Fixture f;
  const auto waiting = f.wait();
  f.answer(kToken);
  f.tokens.forget(credentials());
  CHECK_FALSE(f.tokens.find(credentials()));
}

TEST_CASE("who does not wait any more is not told; when all have left, the exchange ends") {
  Fixture f;
  auto first = f.wait("a "), second = f.wait("b ");
  first.reset();
  CHECK(f.http.last().open());
  f.answer(kToken);
  CHECK(f.told == std::vector<std::string>{"b t1"});
  auto other = f.wait("c ", credentials("https://x.googleapis.com/t"));
  other.reset();
  CHECK_FALSE(f.http.last().open());
  CHECK(f.clock.pending() == 0);
}

TEST_CASE("a wait may end another's, and itself, when it is told") {
  Fixture f;
  std::unique_ptr<TokenCache::Wait> first, second;
  first = *f.tokens.wait(credentials(), [&](const TokenCache::Result&) {
    f.told.emplace_back("first");
    first.reset();
    second.reset();
  });
  second = f.wait("second ");
  f.answer(kToken);
  CHECK(f.told == std::vector<std::string>{"first"});
}

TEST_CASE("failures are told to all, and the next one tries anew") {
  Fixture f;
  const auto refused = f.wait("a ");
  f.answer(R"({"error":"invalid_grant"})", 400);
  const auto cut = f.wait("b ");
  f.http.last().fail(network_error("connect_error"));
  const auto silent = f.wait("c ");
  f.clock.advance(seconds(30));
  const auto fine = f.wait("d ");
  f.answer(kToken);
  CHECK(f.told ==
        std::vector<std::string>{"a error token_refused", "b error connect_error", "c error timeout_token", "d t1"});
}

TEST_CASE("tokens are asked for at Google, on this machine, or where it is allowed") {
  Fixture f;
  const auto may = [&](const std::string& uri) { return f.tokens.wait(credentials(uri), {}).has_value(); };
  for (const char* uri : {"https://oauth2.googleapis.com/token", "https://sts.googleapis.com/v1/token",
                          "http://127.0.0.1:8080/token", "https://tokens.example/t"}) {
    CAPTURE(uri);
    CHECK(may(uri));
  }
  for (const char* uri : {"http://oauth2.googleapis.com/token", "https://evil.example/token",
                          "https://googleapis.com.evil.example/", "https://evilgoogleapis.com/", "ftp://127.0.0.1/",
                          "http://tokens.example/t", "https://x@evil.example/.googleapis.com"}) {
    CAPTURE(uri);
    CHECK_FALSE(may(uri));
  }
}

// --- sessions that need one
// -------------------------------------------------------------------------------------------

std::string vertex_payload(const std::string& more = "") {
  const Json provider = {
      {"id", "vertex"}, {"credentials", credentials()}, {"region", "us-east5"}, {"models", {{{"id", "gemini-x"}}}}};
  return R"({"config": {"providers": [)" + provider.dump() + "]}" + more + "}";
}

constexpr std::string_view kAnswer =
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]},\"finishReason\":\"STOP\"}]}\n\n";

TEST_CASE("a chat waits for its token, and shows it to the provider") {
  ChatRunFixture f;
  f.start(vertex_payload());
  REQUIRE(f.http.count() == 1);
  FakeExchange& exchange = f.http.last();
  exchange.head(200, {});
  exchange.body(kToken);
  exchange.end();
  REQUIRE(f.http.count() == 2);
  const auto& headers = f.http.last().request().headers;
  const auto key = std::ranges::find(headers, "Authorization", &Header::name);
  REQUIRE(key != headers.end());
  CHECK(key->value == "Bearer t1");
  CHECK(f.http.last().request().url.contains("/projects/proj/locations/us-east5/"));
  f.answer(std::string(kAnswer));
  CHECK(f.ended == "done");
}

TEST_CASE("a token server that fails for the moment is asked again, one that refuses is not") {
  ChatRunFixture f;
  f.start(vertex_payload());
  f.http.last().fail(network_error("connect_error"));
  CHECK(f.ended.empty());
  f.advance(10'000);
  REQUIRE(f.http.count() == 2);
  FakeExchange& exchange = f.http.last();
  exchange.head(401, {});
  exchange.body(R"({"error":"invalid_client"})");
  exchange.end();
  CHECK(f.ended == "error");
  CHECK(f.last()["code"] == "token_refused");
  CHECK(f.last()["category"] == "auth");
  CHECK(f.last()["provider"] == "vertex");
}

TEST_CASE("a chat that waits for its token can be cancelled, and has its time") {
  ChatRunFixture f;
  f.start(vertex_payload());
  f.session->cancel();
  CHECK(f.ended == "done");
  CHECK_FALSE(f.http.last().open());
  ChatRunFixture slow;
  slow.start(vertex_payload(R"(, "timeouts": {"firstByteMs": 1000}, "retry": {"max": 0})"));
  slow.advance(1000);
  CHECK(slow.ended == "error");
  CHECK(slow.last()["code"] == "timeout_first_byte");
  CHECK_FALSE(slow.http.last().open());
}

TEST_CASE("credentials that cannot be used end the chat, and are not repeated") {
  ChatRunFixture f;
  const Json provider = {{"id", "vertex"},
                         {"credentials", R"({"type":"service_account","client_email":"e","private_key":"canary"})"},
                         {"project", "p"},
                         {"models", {{{"id", "gemini-x"}}}}};
  f.start(R"({"config": {"providers": [)" + provider.dump() + "]}}");
  CHECK(f.ended == "error");
  CHECK(f.last()["category"] == "auth");
  CHECK_FALSE(f.transcript().contains("canary"));
}

}  // namespace
}  // namespace aiw
