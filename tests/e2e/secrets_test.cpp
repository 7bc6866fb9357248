// Keys go where they may go and nowhere else: not to foreign hosts, not to stdout, not to the log.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

constexpr const char* kKey = "sk-canary-4f1c9a7be2d04f1c9a7be2d0";
constexpr const char* kHeaderKey = "hdr-canary-77aa11bb22cc33dd44ee";
constexpr const char* kEnvKey = "env-canary-0099887766554433221100";
constexpr const char* kUrlKey = "url-canary-5544332211009988776655";
constexpr const char* kWords = "CONFIDENTIALCONVERSATION";

Json secret_chat(const std::string& id, const std::string& base_url, const std::string& api_key,
                 const Json& payload = {}) {
  Json more = {{"messages", Json::array({{{"role", "user"}, {"content", kWords}}})}};
  if (!payload.is_null()) more.update(payload);
  return chat_line(
      id, {{"id", "openai"}, {"baseUrl", base_url}, {"apiKey", api_key}, {"headers", {{"x-secret", kHeaderKey}}}},
      more);
}

std::string refusal_code(TestWorker& worker, const Json& line) {
  const Json answer = worker.ask(line);
  return answer.at("type") == "rejected" ? answer.at("data").at("code").get<std::string>() : "accepted";
}

TEST_CASE("no key and no conversation is ever seen on stdout or stderr, at the finest log level") {
  Upstream upstream;
  upstream.answer("good", {event_stream(openai_answer({"x"}))});
  upstream.answer("bad", {tools::json_script(401, "{\"error\":{\"message\":\"no\"}}")});
  upstream.answer("reset", {{.ending = Ending::kReset, .before_head = true}});
  upstream.answer("html", {{.headers = {{"Content-Type", "text/html"}}, .body = "<p>no</p>"}});
  for (const char* format : {"text", "json"}) {
    TestWorker worker({"--log-level", "trace", "--log-format", format, "--allow-host", "127.0.0.1"},
                      {std::string("OPENAI_API_KEY=") + kEnvKey});
    worker.keep_output();
    const Json once = {{"retry", {{"max", 0}}}};
    int number = 0;
    for (const char* provider : {"good", "bad", "reset", "html"}) {
      for (const char* key : {kKey, "${OPENAI_API_KEY}"}) {
        const std::string id = "c" + std::to_string(number++);
        worker.send(secret_chat(id, upstream.base_url(provider) + "/" + kUrlKey, key, once));
        worker.end_of(id);
      }
    }
    worker.send(secret_chat("dry", upstream.base_url("good"), kKey, {{"dryRun", true}, {"messages", Json::array()}}));
    worker.end_of("dry");
    // Lines that are refused for many reasons, each with a key in it.
    const std::string line = secret_chat("x", upstream.base_url("good"), kKey).dump();
    for (std::size_t cut = 1; cut < line.size(); cut += 7) worker.send_text(line.substr(0, cut));
    worker.send(secret_chat("x1", "http://example.com", kKey));
    worker.send(secret_chat("x2", std::string("http://user:") + kKey + "@127.0.0.1", kKey));
    worker.send(secret_chat("x3", std::string("ftp://127.0.0.1/?key=") + kKey, kKey));
    worker.send(secret_chat("x4", upstream.base_url("good"), std::string(kKey) + "\r\nx-evil: 1"));
    worker.send(secret_chat("x5", "http://127.0.0.1:1/" + std::string(kUrlKey), kKey, once));
    worker.end_of("x5");
    worker.process().send_signal(SIGUSR1);
    CHECK(worker.close_and_exit() == 0);
    const std::string seen = worker.all_output() + worker.process().stderr_text();
    for (const char* secret : {kKey, kHeaderKey, kEnvKey, kUrlKey}) {
      CAPTURE(secret);
      const std::size_t at = seen.find(secret);
      CHECK_MESSAGE(at == std::string::npos, seen.substr(at < 300 ? 0 : at - 300, 600));
    }
    CHECK(worker.process().stderr_text().find(kWords) == std::string::npos);
  }
  // They did go to the provider.
  const auto requests = upstream.requests("good");
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].header("authorization") == std::string("Bearer ") + kKey);
  CHECK(requests[1].header("authorization") == std::string("Bearer ") + kEnvKey);
  CHECK(requests[0].header("x-secret") == kHeaderKey);
}

TEST_CASE("dryRun shows what would be sent, with every secret left out, and sends nothing") {
  Upstream upstream;
  TestWorker worker;
  worker.send(secret_chat("dry", upstream.base_url("p"), kKey, {{"dryRun", true}, {"temperature", 0.5}}));
  const FrameLog& log = worker.end_of("dry");
  CHECK(log.outcome() == "done");
  const Json& request = log.last().at("data").at("request");
  CHECK(request.at("method") == "POST");
  CHECK(request.at("url") == upstream.base_url("p") + "/chat/completions");
  CHECK(request.at("body").at("temperature") == 0.5);
  CHECK(request.at("body").at("messages").dump().find(kWords) != std::string::npos);
  std::size_t redacted = 0;
  for (const auto& [name, value] : request.at("headers").items()) redacted += value == "[redacted]" ? 1 : 0;
  CHECK(redacted == 2);
  CHECK(upstream.count("p") == 0);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("a key from the environment or a file goes only to its provider's host, or to a host that is allowed") {
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  const std::string file = std::string(AIW_BINARY_DIR) + "/e2e-key.txt";
  std::ofstream(file) << kKey << '\n';
  const std::vector<std::string> environment = {std::string("OPENAI_API_KEY=") + kEnvKey,
                                                "OTHER=" + std::string(kEnvKey)};
  const std::string url = upstream.base_url("p");
  TestWorker strict({}, environment);
  CHECK(refusal_code(strict, secret_chat("a", url, "${OPENAI_API_KEY}")) == "host_not_allowed");
  CHECK(refusal_code(strict, secret_chat("b", url, "${file:" + file + "}")) == "host_not_allowed");
  CHECK(refusal_code(strict, secret_chat("c", url, "${OTHER}")) == "variable_not_allowed");
  CHECK(refusal_code(strict, secret_chat("d", url, "${PATH}")) == "variable_not_allowed");
  CHECK(strict.close_and_exit() == 0);
  CHECK(upstream.count("p") == 0);

  TestWorker allowed({"--allow-host", "127.0.0.1", "--allow-env", "OTHER"}, environment);
  for (const std::string& key : {std::string("${OPENAI_API_KEY}"), std::string("${OTHER}"), "${file:" + file + "}"}) {
    allowed.send(secret_chat(key, url, key));
    CHECK(allowed.end_of(key).outcome() == "done");
  }
  CHECK(refusal_code(allowed, secret_chat("n", url, "${ANTHROPIC_API_KEY}")) == "missing_key");
  CHECK(refusal_code(allowed, secret_chat("f", url, "${file:/no/such/file}")) == "missing_key");
  CHECK(allowed.close_and_exit() == 0);
  const auto requests = upstream.requests("p");
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].header("authorization") == std::string("Bearer ") + kEnvKey);
  CHECK(requests[2].header("authorization") == std::string("Bearer ") + kKey);
}

TEST_CASE("fault 44: a key never goes over plain http to another machine") {
  TestWorker worker;
  for (const char* url : {"http://example.com/v1", "http://10.0.0.1:8000", "http://127.0.0.1.example.com",
                          "HTTP://example.com", "http://[2001:db8::1]/"}) {
    CAPTURE(url);
    CHECK(refusal_code(worker, secret_chat(url, url, kKey)) == "insecure_url");
  }
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 43: line breaks in keys, headers and URLs are refused before anything is sent") {
  Upstream upstream;
  TestWorker worker;
  const std::string url = upstream.base_url("p");
  int number = 0;
  for (const char* bad : {"a\r\nx-evil: 1", "a\nb", "a\rb"}) {
    const auto id = [&] { return "c" + std::to_string(number++); };
    CHECK(refusal_code(worker, secret_chat(id(), url, bad)) == "invalid_request");
    CHECK(refusal_code(worker, secret_chat(id(), url + bad, kKey)) == "invalid_request");
    CHECK(refusal_code(worker, chat_line(id(), {{"id", "p"}, {"baseUrl", url}, {"headers", {{"x", bad}}}})) ==
          "invalid_request");
    CHECK(refusal_code(worker, chat_line(id(), {{"id", "p"}, {"baseUrl", url}, {"headers", {{bad, "x"}}}})) ==
          "invalid_request");
  }
  const std::string nul = std::string("a") + '\0' + "b";
  CHECK(refusal_code(worker, secret_chat("nul", url, nul)) == "invalid_request");
  CHECK(upstream.count("p") == 0);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 42: a redirect is refused, and the other host is not asked") {
  Upstream upstream;
  Upstream other;
  TestWorker worker;
  for (const int status : {301, 302, 307, 308}) {
    CAPTURE(status);
    Script script = tools::json_script(status, "{}");
    script.headers.emplace_back("Location", other.base_url("p"));
    upstream.answer("p", {script});
    worker.send(secret_chat(std::to_string(status), upstream.base_url("p"), kKey));
    CHECK(worker.end_of(std::to_string(status)).outcome() == "redirect_refused");
  }
  CHECK(other.count("p") == 0);
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
