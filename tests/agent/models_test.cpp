// `models` lines: one answer each, over as many pages as the provider has.
#include <doctest/doctest.h>

#include "tests/agent/server_fixture.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/secrets/live_secret.hpp"

using namespace aiw;

namespace {

const std::string kCohere =
    R"({"providerId":"c","config":{"providers":[{"id":"c","type":"cohere-chat","baseUrl":"https://c.example","apiKey":"k3y"}]}})";

void page(FakeExchange& exchange, int status, const std::string& body) {
  exchange.head(status, {{"content-type", "application/json"}});
  exchange.body(body);
  exchange.end();
}

}  // namespace

TEST_CASE("models are asked of the provider, page by page") {
  ServerFixture f;
  f.line("models", "q", kCohere);
  REQUIRE(f.http.count() == 1);
  CHECK(f.http.at(0).request().method == "GET");
  CHECK(f.http.at(0).request().url == "https://c.example/v1/models?endpoint=chat&page_size=1000");
  page(f.http.at(0), 200, R"({"models":[{"name":"a","context_length":128}],"next_page_token":"p 2"})");
  REQUIRE(f.http.count() == 2);
  CHECK(f.http.at(1).request().url.ends_with("&page_token=p%202"));
  page(f.http.at(1), 200, R"({"models":[{"name":"b"}]})");
  f.settle();
  CHECK(f.last() == Json::parse(R"({"id":"q","type":"models","data":{"providerId":"c",
        "models":[{"id":"a","contextTokens":128},{"id":"b"}]}})"));
  CHECK(f.http.count() == 2);
}

TEST_CASE("a provider that leads in circles is not followed") {
  ServerFixture f;
  f.line("models", "q", kCohere);
  page(f.http.at(0), 200, R"({"models":[{"name":"a"}],"next_page_token":"again"})");
  page(f.http.at(1), 200, R"({"models":[{"name":"b"}],"next_page_token":"again"})");
  f.settle();
  CHECK(f.http.count() == 2);
  CHECK(f.last()["data"]["models"].size() == 2);
}

TEST_CASE("a provider's refusal is the line's") {
  ServerFixture f;
  f.line("models", "q", kCohere);
  page(f.http.at(0), 401, R"({"message":"invalid api token"})");
  f.settle();
  CHECK(f.last()["type"] == "rejected");
  CHECK(f.last()["id"] == "q");
  CHECK(f.last()["data"]["code"] == "upstream_http");
  CHECK(f.last()["data"]["category"] == "auth");
  CHECK(f.last()["data"]["provider"] == "c");
  CHECK(f.last()["data"]["url"] == "https://c.example/v1/models");
  f.line("models", "q", kCohere);  // the id is free again
  f.http.last().fail(network_error("connect_error"));
  f.settle();
  CHECK(f.last()["data"]["code"] == "connect_error");
}

TEST_CASE("a provider's long refusal is cut without a piece of the key") {
  ServerFixture f;
  const LiveSecret key("canary-key-of-some-length");
  f.line("models", "q", kCohere);
  page(f.http.at(0), 400, std::string(kMaxErrorBody - 8, ' ') + "canary-key-of-some-length" + std::string(9'000, 'x'));
  f.settle();
  CHECK(f.last()["data"]["message"] == "[redacted]");
}

TEST_CASE("an answer that is no list is said to be none") {
  ServerFixture f;
  f.line("models", "q", kCohere);
  page(f.http.at(0), 200, "[1");
  f.settle();
  CHECK(f.last()["data"]["code"] == "bad_response");
}

TEST_CASE("a list that does not come in time is given up") {
  ServerFixture f;
  f.line("models", "q", kCohere);
  f.advance(59'000);
  CHECK(f.http.at(0).open());
  f.advance(1'001);
  CHECK(f.last()["data"]["code"] == "timeout_total");
  CHECK_FALSE(f.http.at(0).open());
}

TEST_CASE("the mock's models are the config's") {
  ServerFixture f;
  f.line("models", "q",
         R"({"providerId":"mock","config":{"providers":[{"id":"mock","models":[{"id":"echo","name":"Echo"}]}]}})");
  CHECK(f.last()["data"]["models"] == Json::parse(R"([{"id":"echo","name":"Echo"}])"));
}

TEST_CASE("nobody to ask") {
  ServerFixture f;
  f.line("models", "q", R"({"providerId":"x","config":{"providers":[]}})");
  CHECK(f.last()["data"]["code"] == "provider_not_found");
  f.line("models", "q", R"({"providerId":"x"})");
  CHECK(f.last()["data"]["code"] == "no_config");
}

TEST_CASE("closing the input waits for the list; shutting down cuts it short") {
  ServerFixture f;
  f.line("models", "q", kCohere);
  f.server->close_input();
  f.settle();
  CHECK(f.idle == 0);
  page(f.http.at(0), 200, R"({"models":[]})");
  f.settle();
  CHECK(f.idle == 1);

  ServerFixture g;
  g.line("models", "q", kCohere);
  g.server->drain(std::chrono::milliseconds(10));
  g.settle();
  g.advance(11);
  CHECK(g.last()["data"]["code"] == "shutting_down");
  CHECK(g.idle == 1);
}

TEST_CASE("ids of running lists are taken, and not more than a few run at once") {
  ServerFixture f;
  f.line("models", "q", kCohere);
  f.line("models", "q", kCohere);
  CHECK(f.last()["data"]["code"] == "duplicate_id");
  for (int i = 0; i < 63; ++i) f.line("models", "q" + std::to_string(i), kCohere);
  f.line("models", "one-more", kCohere);
  CHECK(f.last()["data"]["code"] == "overloaded");
}
