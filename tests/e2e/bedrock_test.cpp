// Amazon Bedrock with the real binary: an independent implementation verifies the signatures, and responses become
// frames.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"
#include "tests/providers/bedrock/event_stream.hpp"
#include "worker/base/base64.hpp"

namespace aiw::e2e {
namespace {

using testing::bedrock_event;
using testing::bedrock_exception;

constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr const char* kRegion = "eu-central-1";

Json provider(const Upstream& upstream, const std::string& id, const std::string& type) {
  return {{"id", id},
          {"type", type},
          {"baseUrl", upstream.base_url(id)},
          {"region", kRegion},
          {"accessKeyId", "AKIDEXAMPLE"},
          {"secretAccessKey", kSecret},
          {"sessionToken", "a/session+token=="}};
}

Script frames(std::string body) {
  Script script;
  script.headers = {{"content-type", "application/vnd.amazon.eventstream"}};
  script.body = std::move(body);
  return script;
}

std::string converse_answer() {
  return bedrock_event("messageStart", R"({"role":"assistant"})") +
         bedrock_event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"Hello"}})") +
         bedrock_event("contentBlockStop", R"({"contentBlockIndex":0})") +
         bedrock_event("messageStop", R"({"stopReason":"end_turn"})") +
         bedrock_event("metadata", R"({"usage":{"inputTokens":5,"outputTokens":1,"totalTokens":6}})");
}

// Returns the verifier's verdict on the request as it reached the upstream.
std::string verdict(const tools::Request& request) {
  Json headers = Json::array();
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  const Json input = {{"method", request.method}, {"target", request.target},
                      {"headers", headers},       {"body_base64", base64_encode(request.body)},
                      {"secret", kSecret},        {"region", kRegion},
                      {"service", "bedrock"}};
  const auto file = std::filesystem::temp_directory_path() / ("aiw-sigv4-" + std::to_string(::getpid()) + ".json");
  std::ofstream(file) << input.dump();
  const std::string command = "python3 " AIW_SOURCE_DIR "/tests/e2e/verify_sigv4.py <" + file.string();
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  REQUIRE(pipe);
  std::string out;
  for (int c = std::fgetc(pipe.get()); c != EOF && c != '\n'; c = std::fgetc(pipe.get())) out += static_cast<char>(c);
  std::filesystem::remove(file);
  return out;
}

TEST_CASE("bedrock: request signatures are valid, whatever characters the model id contains") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("bedrock", {frames(converse_answer())});
  const std::vector<std::pair<std::string, std::string>> models = {
      {"anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet-20240620-v1%3A0"},
      {"arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123",
       "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fabc123"},
  };
  int n = 0;
  for (const auto& [model, encoded] : models) {
    CAPTURE(model);
    const std::string id = "c" + std::to_string(n++);
    worker.send(chat_line(id, provider(upstream, "bedrock", "bedrock-converse"),
                          {{"modelId", model}, {"system", "Größe"}, {"retry", {{"max", 0}}}}));
    const FrameLog& log = worker.end_of(id);
    CHECK(log.outcome() == "done");
    CHECK(log.text() == "Hello");
    CHECK(log.last().at("data").at("usage").at("inputTokens") == 5);
    const tools::Request request = upstream.requests("bedrock").back();
    CHECK(request.target == "/bedrock/model/" + encoded + "/converse-stream");
    CHECK(verdict(request) == "ok");
  }
  // Checks the verifier itself: it detects a changed body, a changed path and a missing token.
  tools::Request request = upstream.requests("bedrock").back();
  request.body += " ";
  CHECK(verdict(request) == "the signature is wrong");
  request.body.pop_back();
  request.target += "x";
  CHECK(verdict(request) == "the signature is wrong");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("bedrock: both APIs sign a long body exactly as it is sent") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("bedrock", {frames(converse_answer())});
  upstream.answer("invoke", {tools::json_script(400, R"({"message":"seen"})")});
  const Json payload = {
      {"modelId", "anthropic.claude-x:1"},
      {"retry", {{"max", 0}}},
      {"messages", Json::array({{{"role", "user"}, {"content", std::string(300'000, 'x') + "\n\u00e9"}}})}};
  worker.send(chat_line("a", provider(upstream, "bedrock", "bedrock-converse"), payload));
  CHECK(worker.end_of("a").outcome() == "done");
  CHECK(verdict(upstream.requests("bedrock").back()) == "ok");
  worker.send(chat_line("b", provider(upstream, "invoke", "bedrock-invoke"), payload));
  CHECK(worker.end_of("b").last().at("data").at("message") == "seen");
  CHECK(upstream.requests("invoke").back().target ==
        "/invoke/model/anthropic.claude-x%3A1/invoke-with-response-stream");
  CHECK(verdict(upstream.requests("invoke").back()) == "ok");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("bedrock: an exception before any output is retried with a new signature, a later one is reported") {
  Upstream upstream;
  TestWorker worker;
  const std::string throttled = bedrock_exception("throttlingException", R"({"message":"slow down"})");
  upstream.answer("bedrock", {frames(throttled), frames(converse_answer())});
  worker.send(chat_line("a", provider(upstream, "bedrock", "bedrock-converse"), {{"modelId", "anthropic.claude-x"}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.count("retry") == 1);
  for (const auto& request : upstream.requests("bedrock")) CHECK(verdict(request) == "ok");

  const std::string half = bedrock_event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"half"}})");
  upstream.answer("late", {frames(half + throttled)});
  worker.send(chat_line("b", provider(upstream, "late", "bedrock-converse"), {{"modelId", "anthropic.claude-x"}}));
  const Json data = worker.end_of("b").last().at("data");
  CHECK(data.at("category") == "rate_limit");
  CHECK(data.at("providerCode") == "throttlingException");
  CHECK(data.at("message") == "slow down");
  CHECK(worker.log("b").text() == "half");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("bedrock: a corrupt or truncated frame ends the chat with an error, not as a complete response") {
  Upstream upstream;
  TestWorker worker;
  std::string flipped = converse_answer();
  flipped[flipped.size() - 30] ^= 1;
  upstream.answer("flipped", {frames(flipped)});
  upstream.answer("cut", {frames(converse_answer().substr(0, 300))});
  for (const char* id : {"flipped", "cut"}) {
    worker.send(chat_line(id, provider(upstream, id, "bedrock-converse"),
                          {{"modelId", "anthropic.claude-x"}, {"retry", {{"max", 0}}}}));
  }
  CHECK(worker.end_of("flipped").outcome() == "bad_event");
  CHECK(worker.end_of("cut").outcome() == "truncated_stream");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("bedrock: a bearer key is sent as a bearer token, without a signature") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("bedrock", {frames(converse_answer())});
  const Json keyed = {{"id", "bedrock"},
                      {"type", "bedrock-converse"},
                      {"baseUrl", upstream.base_url("bedrock") + "/"},
                      {"apiKey", "bedrock-key"}};
  worker.send(chat_line("a", keyed, {{"modelId", "amazon.nova-micro-v1:0"}}));
  CHECK(worker.end_of("a").outcome() == "done");
  const tools::Request request = upstream.requests("bedrock").back();
  std::string authorization;
  for (const auto& [name, value] : request.headers) {
    if (name == "authorization") authorization = value;
    CHECK(name != "x-amz-date");
  }
  CHECK(authorization == "Bearer bedrock-key");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
