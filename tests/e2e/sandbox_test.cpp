// The real worker works in the sandbox.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <sstream>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/tls.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

// LeakSanitizer needs another process to inspect the worker, which the sandbox does not allow.
const std::string kNoLeakCheck = "ASAN_OPTIONS=detect_leaks=0";

std::string status_of(pid_t pid, const std::string& name) {
  std::istringstream lines(contents("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":")) return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  }
  return {};
}

std::vector<pid_t> children_of(pid_t pid) {
  std::istringstream pids(contents("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
  return {std::istream_iterator<pid_t>(pids), {}};
}

TEST_CASE("sandbox: a chat with a name look-up, a key file and TLS works, and nothing is logged") {
  const TemporaryFolder folder;
  folder.write("key", "sk-from-a-file\n");
  Upstream upstream;
  upstream.answer("api", {event_stream(openai_answer({"hel", "lo"}))});
  const Certificates certificates;
  TestWorker worker(
      {"--sandbox", "--allow-host", "localhost", "--allow-host", "127.0.0.1", "--ca-file", certificates.ca_file},
      {kNoLeakCheck, "CREDENTIALS_DIRECTORY=" + folder.path()});
  const pid_t pid = worker.process().pid();
  const auto chat = [&](const std::string& id, std::string url) {
    worker.send(chat_line(id,
                          {{"id", "openai"},
                           {"api", "openai-chat"},
                           {"baseUrl", std::move(url)},
                           {"apiKey", "${file:" + folder.path() + "/key}"},
                           {"models", Json::array({Json{{"id", "m"}}})}},
                          {{"providerId", "openai"}, {"modelId", "m"}, {"retry", {{"max", 0}}}}));
    return worker.end_of(id);
  };
  std::string url = upstream.base_url("api");
  CHECK(chat("a", url).text() == "hello");
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  CHECK(chat("b", url).text() == "hello");
  const auto trusted = front_of(upstream, {.identity = certificates.good});
  CHECK(chat("c", trusted->url() + "/api").text() == "hello");
  const auto stranger = front_of(upstream, {.identity = tools::make_certificate({.names = {"IP:127.0.0.1"}})});
  CHECK(chat("d", stranger->url() + "/api").outcome() == "tls_error");
  for (const auto& request : upstream.requests("api")) {
    CHECK(request.header("authorization") == "Bearer sk-from-a-file");
  }
  CHECK(upstream.count("api") == 3);
  CHECK(status_of(pid, "Seccomp") == "2");
  CHECK(status_of(pid, "NoNewPrivs") == "1");
  CHECK(status_of(pid, "CapEff") == "0000000000000000");
  CHECK(worker.close_and_exit() == 0);
  const std::string words = worker.complaints();
  CHECK_MESSAGE((words.empty() || words.find("this kernel") != std::string::npos), words);
}

TEST_CASE("sandbox: an MCP server of a sandboxed worker runs outside the sandbox and ends with the worker") {
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/written";
  TestWorker worker({"--sandbox"}, {kNoLeakCheck});
  worker.send(mcp_chat("a", {{"s", shell_server("echo here >" + file + "; " + kSayPid)}}, {{"s__go"}}));
  const auto& log = worker.end_of("a");
  REQUIRE(log.outcome() == "done");
  const pid_t server = std::stoi(outputs(log).at("s__go").at("value").get<std::string>());
  CHECK(contents(file) == "here\n");
  CHECK(status_of(server, "Seccomp") == status_of(getpid(), "Seccomp"));
  CHECK(status_of(server, "NoNewPrivs") == status_of(getpid(), "NoNewPrivs"));
  CHECK(worker.close_and_exit() == 0);
  CHECK_FALSE(alive(server));
}

TEST_CASE("sandbox: a worker whose child host has died starts no command, and continues") {
  TestWorker worker({"--sandbox"}, {kNoLeakCheck});
  REQUIRE(worker.next());
  const auto hosts = children_of(worker.process().pid());
  REQUIRE(hosts.size() == 1);
  kill(hosts[0], SIGKILL);
  REQUIRE(eventually([&] { return !alive(hosts[0]); }));
  worker.send(mcp_chat("a", {{"s", shell_server(kSayPid)}}, {{"s__go"}}));
  const auto& log = worker.end_of("a");
  CHECK(log.outcome() == "mcp_unavailable");
  CHECK(log.last().at("data").at("message") ==
        "the MCP server s is not available: it cannot be started: Operation not permitted");
  worker.send(mock_chat("b", Json::array({Json{{"text", "hello"}}})));
  CHECK(worker.end_of("b").text() == "hello");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("sandbox: with --no-mcp-commands the worker has no child process") {
  TestWorker worker({"--sandbox", "--no-mcp-commands"}, {kNoLeakCheck});
  REQUIRE(worker.next());
  CHECK(children_of(worker.process().pid()).empty());
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
