// Vertex AI with a service account: the real worker, with a token server and the provider on loopback.
#include <doctest/doctest.h>

#include <string>

#include "tests/base/rfc7515_key.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

constexpr const char* kToken = "ya29.canary-of-a-token";

std::string gemini_answer(const std::string& text) {
  return "data: "
         R"({"candidates":[{"content":{"role":"model","parts":[{"text":")" +
         text + R"("}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}})" +
         "\r\n\r\n";
}

Json provider(const Upstream& upstream, const std::string& model, const std::string& token_server = "token") {
  const Json account = {{"type", "service_account"},
                        {"client_email", "robot@project.iam.gserviceaccount.com"},
                        {"private_key", kRfc7515Key},
                        {"project_id", "project-1"},
                        {"token_uri", upstream.base_url(token_server) + "/oauth"}};
  return {{"id", "vertex"},
          {"type", "vertex"},
          {"baseUrl", upstream.base_url("vertex")},
          {"region", "us-east5"},
          {"credentials", account.dump()},
          {"models", Json::array({{{"id", model}}})}};
}

Json chat(const Upstream& upstream, const std::string& id, const std::string& model) {
  return chat_line(id, provider(upstream, model), {{"modelId", model}});
}

Json token_answer() { return {{"access_token", kToken}, {"expires_in", 3600}, {"token_type", "Bearer"}}; }

TEST_CASE("a service account's token is fetched once, and is used for Gemini and Claude") {
  Upstream upstream;
  upstream.answer("token", {tools::json_script(200, token_answer().dump())});
  upstream.answer("vertex", {event_stream(gemini_answer("one")), event_stream(gemini_answer("two")),
                             event_stream(anthropic_answer({"three"}))});
  TestWorker worker({"--log-level", "trace"});
  worker.keep_output();
  worker.send(chat(upstream, "g1", "gemini-2.5-flash"));
  CHECK(worker.end_of("g1").text() == "one");
  worker.send(chat(upstream, "g2", "gemini-2.5-flash"));
  CHECK(worker.end_of("g2").text() == "two");
  worker.send(chat(upstream, "c1", "claude-sonnet-4"));
  CHECK(worker.end_of("c1").text() == "three");
  CHECK(upstream.count("token") == 1);
  CHECK(upstream.requests("token")[0].body.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth"));
  const auto requests = upstream.requests("vertex");
  REQUIRE(requests.size() == 3);
  for (const auto& request : requests) CHECK(request.header("authorization") == std::string("Bearer ") + kToken);
  const std::string place = "/vertex/v1/projects/project-1/locations/us-east5/publishers/";
  CHECK(requests[0].target == place + "google/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
  CHECK(requests[2].target == place + "anthropic/models/claude-sonnet-4:streamRawPredict");
  CHECK(Json::parse(requests[2].body).at("anthropic_version") == "vertex-2023-10-16");
  CHECK(worker.close_and_exit() == 0);
  const std::string seen = worker.all_output() + worker.process().stderr_text();
  CHECK_FALSE(seen.contains(kToken));
  CHECK_FALSE(seen.contains("PRIVATE KEY"));
}

TEST_CASE("a token server that rejects the request ends the chat, and the provider gets no request") {
  Upstream upstream;
  upstream.answer("token", {tools::json_script(400, R"({"error":"invalid_grant","error_description":"Bad account"})")});
  upstream.answer("vertex", {event_stream(gemini_answer("no"))});
  TestWorker worker;
  worker.send(chat(upstream, "c", "gemini-2.5-flash"));
  const FrameLog& log = worker.end_of("c");
  CHECK(log.outcome() == "token_refused");
  CHECK(log.last().at("data").at("category") == "auth");
  CHECK(upstream.count("token") == 1);
  CHECK(upstream.count("vertex") == 0);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("a token server that hangs does not delay the cancel of a chat") {
  Upstream upstream;
  DeafListener deaf(false);
  Json silent = provider(upstream, "gemini-2.5-flash");
  Json account = Json::parse(silent.at("credentials").get<std::string>());
  account["token_uri"] = deaf.url() + "/oauth";
  silent["credentials"] = account.dump();
  TestWorker worker;
  worker.send(chat_line("c", silent, {{"modelId", "gemini-2.5-flash"}}));
  worker.wait_for("c", "start");
  CHECK(worker.ask(cancel_line("x", "c")).at("type") == "ack");
  CHECK(worker.end_of("c").last().at("data").at("finishReason") == "cancelled");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
