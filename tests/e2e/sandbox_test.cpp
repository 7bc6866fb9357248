// The real worker does its work in the sandbox.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

// Leaks are looked for by another process, which may not look.
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

// Shows one client a certificate that nobody vouches for. Without the openssl command there is none.
class TlsServer {
 public:
  explicit TlsServer(const std::string& folder) {
    const std::string command =
        "cd " + folder +
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem "
        "-subj /CN=localhost 2>/dev/null && "
        "timeout 60 openssl s_server -accept 127.0.0.1:0 -naccept 1 -cert cert.pem -key key.pem -www 2>/dev/null";
    output_ = popen(command.c_str(), "r");
    REQUIRE(output_ != nullptr);
    std::array<char, 256> line{};
    while (url_.empty() && std::fgets(line.data(), line.size(), output_) != nullptr) {
      const std::string_view text = line.data();
      if (!text.starts_with("ACCEPT 127.0.0.1:")) continue;
      url_ = "https://" + std::string(text.substr(7, text.find_last_not_of("\r\n") - 6));
    }
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer() { pclose(output_); }
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  FILE* output_ = nullptr;
  std::string url_;
};

TEST_CASE("sandbox: a chat, a look-up of a name, a key from a file and TLS, without a word in the log") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/key") << "sk-from-a-file\n";
  Upstream upstream;
  upstream.answer("api", {event_stream(openai_answer({"hel", "lo"}))});
  TestWorker worker({"--sandbox", "--allow-host", "localhost", "--allow-host", "127.0.0.1"},
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
  for (const auto& request : upstream.requests("api")) {
    CHECK(request.header("authorization") == "Bearer sk-from-a-file");
  }
  if (const TlsServer server(folder.path()); !server.url().empty()) {
    const FrameLog log = chat("c", server.url());
    CHECK(log.outcome() == "tls_error");
    CHECK(log.last().at("data").at("message").get<std::string>().find("self") != std::string::npos);  // signed
  }
  CHECK(status_of(pid, "Seccomp") == "2");
  CHECK(status_of(pid, "NoNewPrivs") == "1");
  CHECK(worker.close_and_exit() == 0);
  const std::string& words = worker.process().stderr_text();
  CHECK_MESSAGE((words.empty() || words.find("this kernel") != std::string::npos), words);
}

TEST_CASE("sandbox: an MCP server of a sandboxed worker is not in it, and ends with it") {
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

TEST_CASE("sandbox: a worker whose child host is gone starts no command, and goes on") {
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

TEST_CASE("sandbox: with --no-mcp-commands there is no process beside the worker") {
  TestWorker worker({"--sandbox", "--no-mcp-commands"}, {kNoLeakCheck});
  REQUIRE(worker.next());
  CHECK(children_of(worker.process().pid()).empty());
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
