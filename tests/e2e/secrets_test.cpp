// Keys are sent only to permitted hosts. They never go to other hosts, to stdout or to the log.
#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include "protocol/ascii.hpp"
#include "tests/e2e/temporary_folder.hpp"
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

TEST_CASE("fault 94: no key and no conversation is ever seen on stdout or stderr, at the finest log level") {
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
    // Lines that are rejected for many reasons, each with a key in it.
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
  // The keys did reach the provider.
  const auto requests = upstream.requests("good");
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].header("authorization") == std::string("Bearer ") + kKey);
  CHECK(requests[1].header("authorization") == std::string("Bearer ") + kEnvKey);
  CHECK(requests[0].header("x-secret") == kHeaderKey);
}

// Returns responses that repeat a secret which the upstream received.
std::vector<Script> echoes(const std::string& secret) {
  Script json = tools::json_script(
      401,
      Json{{"error", {{"message", "Incorrect API key provided: " + secret + "."}, {"code", "key " + secret}}}}.dump());
  json.headers.emplace_back("x-request-id", "req-" + secret);
  Script html = {.status = 403, .headers = {{"Content-Type", "text/html"}}, .body = "<p>" + secret + "</p>"};
  Script plain = {.status = 400, .headers = {{"Content-Type", "text/plain"}}, .body = secret};
  Script redirect = tools::json_script(302, secret);
  redirect.headers.emplace_back("Location", "https://" + secret + ".example/" + secret);
  const Script inside = event_stream(sse({{"error", {{"message", secret}, {"type", secret}, {"code", secret}}}}));
  return {json, html, plain, redirect, inside};
}

TEST_CASE("fault 94: a key that the provider repeats in its response is redacted in the error") {
  Upstream upstream;
  const std::pair<const char*, const char*> keys[] = {{kKey, kKey}, {"${OPENAI_API_KEY}", kEnvKey}, {kKey, kHeaderKey}};
  for (const auto& [key, secret] : keys) {
    TestWorker worker({"--log-level", "trace", "--allow-host", "127.0.0.1"},
                      {std::string("OPENAI_API_KEY=") + kEnvKey});
    worker.keep_output();
    int number = 0;
    for (const Script& script : echoes(secret)) {
      const std::string id = "c" + std::to_string(number++);
      CAPTURE(id);
      upstream.answer(id, {script});
      worker.send(secret_chat(id, upstream.base_url(id), key, {{"retry", {{"max", 0}}}}));
      const FrameLog& log = worker.end_of(id);
      CHECK(log.last().at("type") == "error");
      const std::string code = log.last().at("data").at("code");
      if (code != "redirect_refused") CHECK(log.last().dump().find("[redacted]") != std::string::npos);
    }
    // Text that is not a key is not redacted.
    upstream.answer("words", {tools::json_script(400, R"({"error":{"message":"no such model: gpt-9-canary"}})")});
    worker.send(secret_chat("words", upstream.base_url("words"), key));
    CHECK(worker.end_of("words").last().at("data").at("message") == "no such model: gpt-9-canary");
    CHECK(worker.close_and_exit() == 0);
    CHECK((worker.all_output() + worker.process().stderr_text()).find(secret) == std::string::npos);
  }
}

// Returns a chat whose model calls the tool once.
Json calling_chat(const std::string& id, const std::string& tool, const Json& more) {
  Json payload = {{"messages", Json::array({{{"role", "user"}, {"content", "go"}}})}};
  payload.update(more);
  const Json script = Json::array({Json::array({Json{{"toolCall", {{"toolName", tool}, {"input", Json::object()}}}}}),
                                   Json::array({Json{{"text", "done"}}})});
  return chat_line(id, {{"id", "mock"}, {"models", Json::array({{{"id", "m"}, {"script", script}}})}}, payload);
}

TEST_CASE("fault 94: keys of tools and MCP servers never appear, although every server echoes them") {
  Upstream upstream;
  // Each response repeats all that the upstream received: headers, environment, arguments.
  const std::string all = std::string(kKey) + " " + kHeaderKey + " " + kEnvKey + " " + kUrlKey;
  upstream.answer("tool", {tools::json_script(200, Json{{"said", all}}.dump())});
  upstream.answer("refusing", {tools::json_script(500, all)});
  upstream.answer("mcp", {tools::json_script(401, all)});
  const std::vector<std::string> variables = {std::string("TOOL_KEY=") + kKey, std::string("TOOL_HEADER=") + kHeaderKey,
                                              std::string("TOOL_ENV=") + kEnvKey, std::string("TOOL_URL=") + kUrlKey};
  std::vector<std::string> args = {"--log-level", "trace", "--allow-host", "127.0.0.1"};
  for (const char* name : {"TOOL_KEY", "TOOL_HEADER", "TOOL_ENV", "TOOL_URL"}) {
    args.insert(args.end(), {"--allow-env", name});
  }
  TestWorker worker(args, variables);
  worker.keep_output();
  const Json headers = {{"authorization", "Bearer ${TOOL_KEY}"},
                        {"x-one", "${TOOL_HEADER}"},
                        {"x-two", "${TOOL_ENV}"},
                        {"x-three", "${TOOL_URL}"}};
  for (const char* provider : {"tool", "refusing"}) {
    const Json tool = {
        {"name", "find"}, {"executor", "http"}, {"http", {{"url", upstream.base_url(provider)}, {"headers", headers}}}};
    worker.send(calling_chat(provider, "find", {{"tools", Json::array({tool})}}));
    CHECK(worker.end_of(provider).outcome() == "done");
    CHECK(worker.log(provider).all("tool_result").at(0).dump().find("[redacted]") != std::string::npos);
  }
  CHECK(upstream.requests("tool")[0].header("x-one") == kHeaderKey);
  const Json over_http = {{"h", {{"url", upstream.base_url("mcp") + "?key=" + kUrlKey}, {"headers", headers}}}};
  worker.send(calling_chat("http", "h__go", {{"mcpServers", over_http}}));
  CHECK(worker.end_of("http").outcome() == "mcp_unavailable");
  CHECK(upstream.requests("mcp").at(0).query().find(kUrlKey) != std::string_view::npos);
  const Json child = {
      {"command", "sh"},
      {"args", Json::array({"-c", "env; env >&2; echo $ONE >&2; exit 1"})},
      {"env",
       {{"ONE", "${TOOL_KEY}"}, {"TWO", "a ${TOOL_HEADER}"}, {"THREE", "${TOOL_ENV}"}, {"FOUR", "${TOOL_URL}"}}}};
  worker.send(calling_chat("child", "c__go", {{"mcpServers", {{"c", child}}}}));
  CHECK(worker.end_of("child").outcome() == "mcp_unavailable");
  // This MCP server puts its key into tool names and descriptions, which providers see. Its variable holds the key
  // after the prefix "key=".
  const char* const script = R"(
    read -r l; echo '{"id":1,"jsonrpc":"2.0","result":{"protocolVersion":"2025-11-25","capabilities":{}}}'
    read -r l; read -r l; k="${ONE#key=}"
    printf '{"id":2,"jsonrpc":"2.0","result":{"tools":[{"name":"%s"},{"name":"go","description":"use %s",
      "inputSchema":{"type":"object","default":"%s"}}]}}\n' "$k" "$k" "$k" | tr -d '\n'; echo
    cat >/dev/null)";
  const Json teller = {{"command", "sh"}, {"args", Json::array({"-c", script})}, {"env", {{"ONE", "key=${TOOL_KEY}"}}}};
  worker.send(upstream.chat("told", "tool", {{"dryRun", true}, {"mcpServers", {{"t", teller}}}}));
  const FrameLog& told = worker.end_of("told");
  REQUIRE(told.outcome() == "done");
  const Json tools = told.last().at("data").at("request").at("body").at("tools");
  REQUIRE(tools.size() == 1);
  CHECK(tools[0].at("function").at("description") == "use [redacted]");
  CHECK(tools[0].at("function").at("parameters").at("default") == "[redacted]");
  CHECK(worker.close_and_exit() == 0);
  const std::string seen = worker.all_output() + worker.process().stderr_text();
  for (const char* secret : {kKey, kHeaderKey, kEnvKey, kUrlKey}) {
    CAPTURE(secret);
    const std::size_t at = seen.find(secret);
    CHECK_MESSAGE(at == std::string::npos, seen.substr(at < 300 ? 0 : at - 300, 600));
  }
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

TEST_CASE("fault 94: dryRun also redacts a key that a request builder put into the body") {
  TestWorker worker({}, {std::string("AWS_BEARER_TOKEN_BEDROCK=") + kKey});
  const Json provider = {{"id", "bedrock"},
                         {"type", "bedrock-invoke"},
                         {"baseUrl", "https://bedrock-runtime.us-east-1.amazonaws.com"},
                         {"region", "us-east-1"},
                         {"apiKey", "${AWS_BEARER_TOKEN_BEDROCK}"},
                         {"headers", {{"anthropic-beta", "${AWS_BEARER_TOKEN_BEDROCK}"}}}};
  worker.keep_output();
  worker.send(chat_line("dry", provider, {{"modelId", "anthropic.claude-3"}, {"dryRun", true}}));
  const FrameLog& log = worker.end_of("dry");
  CHECK(log.outcome() == "done");
  CHECK(log.last().at("data").at("request").at("body").is_object());
  CHECK(worker.close_and_exit() == 0);
  CHECK(worker.all_output().find(kKey) == std::string::npos);
}

TEST_CASE("a key from the environment or a file goes only to its provider's host, or to a host that is allowed") {
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  const std::string file = folder.write("key", std::string(kKey) + "\n");
  const std::string outside = elsewhere.write("key", std::string(kKey) + "\n");
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

  TestWorker allowed({"--allow-host", "127.0.0.1", "--allow-env", "OTHER", "--allow-file", folder.path()}, environment);
  for (const std::string& key : {std::string("${OPENAI_API_KEY}"), std::string("${OTHER}"), "${file:" + file + "}"}) {
    allowed.send(secret_chat(key, url, key));
    CHECK(allowed.end_of(key).outcome() == "done");
  }
  CHECK(refusal_code(allowed, secret_chat("n", url, "${ANTHROPIC_API_KEY}")) == "missing_key");
  CHECK(refusal_code(allowed, secret_chat("f", url, "${file:" + folder.path() + "/none}")) == "missing_key");
  for (const std::string& path : {outside, std::string("/etc/passwd"), folder.path() + "/../" + outside.substr(5)}) {
    CHECK(refusal_code(allowed, secret_chat(path, url, "${file:" + path + "}")) == "file_not_allowed");
  }
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

TEST_CASE("fault 43: line breaks in keys, headers and URLs are rejected before anything is sent") {
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

TEST_CASE(
    "fault 95: no source of headers can set a framing header: it is rejected at its pointer, and nothing is sent") {
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  TestWorker worker;
  const std::string url = upstream.base_url("p");
  int number = 0;
  const auto refusal = [&](Json line) {
    line["id"] = "c" + std::to_string(number++);
    const Json answer = worker.ask(line);
    CHECK(answer.at("type") == "rejected");
    CHECK(answer.at("data").at("code") == "invalid_request");
    return answer.at("data").value("pointer", "");
  };
  for (const std::string name :
       {"Content-Length", "host", "Transfer-Encoding", "transfer_encoding", "Connection", "Expect", "Upgrade", "TE",
        "Trailer", "Keep-Alive", "Proxy-Authorization", "HTTP2-Settings"}) {
    CAPTURE(name);
    const Json headers = {{"X-Title", "t"}, {name, "900"}};
    const Json provider = {{"id", "p"}, {"baseUrl", url}, {"apiKey", kKey}, {"headers", headers}};
    const Json plain = {{"id", "p"}, {"baseUrl", url}, {"apiKey", kKey}};
    CHECK(refusal(chat_line("", provider)) == "/payload/config/providers/0/headers/" + name);
    CHECK(refusal({{"type", "models"}, {"payload", {{"providerId", "p"}, {"config", {{"providers", {provider}}}}}}}) ==
          "/payload/config/providers/0/headers/" + name);
    CHECK(refusal({{"type", "reload_config"}, {"payload", {{"providers", {provider}}}}}) ==
          "/payload/providers/0/headers/" + name);
    const Json tool = {{"name", "t"}, {"executor", "http"}, {"http", {{"url", url}, {"headers", headers}}}};
    CHECK(refusal(chat_line("", plain, {{"tools", {tool}}})) == "/payload/tools/0/http/headers/" + name);
    CHECK(refusal(chat_line("", plain, {{"mcpServers", {{"s", {{"url", url}, {"headers", headers}}}}}})) ==
          "/payload/mcpServers/s/headers/" + name);
  }
  CHECK(upstream.count("p") == 0);
  const Json good = {{"anthropic-beta", "a"}, {"HTTP-Referer", "https://h"},
                     {"X-Title", "t"},        {"User-Agent", "u"},
                     {"Accept", "a/b"},       {"Content-Type", "application/json"}};
  worker.send(chat_line("good", {{"id", "p"}, {"baseUrl", url}, {"apiKey", kKey}, {"headers", good}}));
  CHECK(worker.end_of("good").outcome() == "done");
  const auto requests = upstream.requests("p");
  REQUIRE(requests.size() == 1);
  for (const auto& [name, value] : good.items())
    CHECK(requests[0].header(ascii_lower(name)) == value.get<std::string>());
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 97: keys from files and variables do not go to a port of this machine that a config chooses") {
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  const TemporaryFolder folder;
  const std::string file = folder.write("anthropic_api_key", std::string(kKey) + "\n");
  const std::string ours = "localhost:" + std::to_string(upstream.port());
  const std::string url = "http://" + ours + "/p";
  const auto line = [&](const std::string& id, const std::string& provider, const std::string& base_url) {
    return chat_line(id, {{"id", provider}, {"baseUrl", base_url}, {"apiKey", "${file:" + file + "}"}});
  };
  TestWorker strict({"--allow-file", folder.path()});
  for (const char* provider : {"ollama", "vllm", "llamacpp", "lmstudio", "anthropic", "mine"}) {
    CAPTURE(provider);
    CHECK(refusal_code(strict, line(provider, provider, url)) == "host_not_allowed");
  }
  CHECK(refusal_code(strict, line("other", "openai", "https://api.openai.com/v1")) == "host_not_allowed");
  CHECK(strict.close_and_exit() == 0);
  CHECK(upstream.count("p") == 0);
  TestWorker allowed({"--allow-file", folder.path(), "--allow-host", ours});
  allowed.send(line("a", "ollama", url));
  CHECK(allowed.end_of("a").outcome() == "done");
  CHECK(refusal_code(allowed, line("b", "ollama", "http://localhost:1/p")) == "host_not_allowed");
  CHECK(allowed.close_and_exit() == 0);
}

TEST_CASE("fault 42: a redirect is refused, and the other host gets no request") {
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
