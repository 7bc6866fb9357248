// Published MCP servers, as children and over HTTP, called by a scripted model through the real worker.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/npm.hpp"

namespace aiw::e2e {
namespace {

namespace fs = std::filesystem;

Json text_of(const std::string& text) { return {{"type", "text"}, {"value", text}}; }

Json everything(const std::string& modules, const Json& env = Json::object()) {
  return {{"command", node_in(modules)},
          {"args", Json::array({modules + "/@modelcontextprotocol/server-everything/dist/index.js", "stdio"})},
          {"env", env}};
}

// Program that runs next to the worker. The destructor ends it.
class Program {
 public:
  Program(const std::string& file, const std::vector<std::string>& args, const std::vector<std::string>& environment) {
    std::vector<char*> argv{const_cast<char*>(file.c_str())};
    for (const auto& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      setpgid(0, 0);
      for (const auto& variable : environment) putenv(const_cast<char*>(variable.c_str()));
      [[maybe_unused]] const auto* out = std::freopen("/dev/null", "w", stdout);
      [[maybe_unused]] const auto* err = std::freopen("/dev/null", "w", stderr);
      execv(file.c_str(), argv.data());
      _exit(127);
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<in_port_t>(port));
  return address;
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(fd);
  return ntohs(address.sin_port);
}

bool listens(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

const std::vector<Call> kEverythingCalls = {
    {"everything__echo", {{"message", "héllo\n"}}},
    {"everything__get-sum", {{"a", 1}, {"b", 2}}},
    {"everything__get-tiny-image"},
    {"everything__get-structured-content", {{"location", "Chicago"}}},
    {"everything__get-resource-links", {{"count", 2}}},
    {"everything__get-resource-reference", {{"resourceType", "Blob"}, {"resourceId", 1}}},
    {"everything__trigger-long-running-operation", {{"duration", 1}, {"steps", 4}}},
};

void check_everything(const FrameLog& log) {
  CHECK(log.outcome() == "done");
  for (const Json& call : log.all("tool_call")) CHECK(call.at("data").at("executor") == "mcp");
  auto out = outputs(log);
  CHECK(out["everything__echo"] == text_of("Echo: héllo\n"));
  CHECK(out["everything__get-sum"] == text_of("The sum of 1 and 2 is 3."));
  const Json image = out["everything__get-tiny-image"];
  REQUIRE(image.at("type") == "content");
  CHECK(image.at("value").at(1).at("type") == "image");
  CHECK(image.at("value").at(1).at("mediaType") == "image/png");
  CHECK(image.at("value").at(1).at("data").get<std::string>().starts_with("iVBORw0KGgo"));
  CHECK(out["everything__get-structured-content"].at("type") == "json");
  CHECK(out["everything__get-structured-content"].at("value").contains("temperature"));
  CHECK(out["everything__get-resource-links"].at("value").size() == 3);
  CHECK(out["everything__get-resource-reference"].at("value").at(1).at("type") == "file");
  CHECK(out["everything__trigger-long-running-operation"].at("value").get<std::string>().starts_with(
      "Long running operation completed"));
}

TEST_CASE("mcp: server-everything over stdio: text, images, structured content, resources, progress") {
  const auto modules = node_modules();
  if (!modules) return;
  TestWorker worker;
  worker.send(mcp_chat("c", {{"everything", everything(*modules)}}, kEverythingCalls));
  check_everything(worker.end_of("c"));
  // Wrong arguments from the model, and errors that the server itself reports, become tool outputs.
  worker.send(mcp_chat("d", {{"everything", everything(*modules)}},
                       {{"everything__get-sum", {{"a", "one"}, {"b", 2}}}, {"everything__no-such-tool"}}));
  const auto& log = worker.end_of("d");
  CHECK(log.outcome() == "done");
  for (const auto& [tool, output] : outputs(log)) CHECK(output.at("type") == "error-text");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("mcp: server-everything over Streamable HTTP") {
  const auto modules = node_modules();
  if (!modules) return;
  const int port = free_port();
  const Program server(node_in(*modules),
                       {*modules + "/@modelcontextprotocol/server-everything/dist/index.js", "streamableHttp"},
                       {"PORT=" + std::to_string(port)});
  REQUIRE(eventually([&] { return listens(port); }));
  TestWorker worker;
  const Json servers = {
      {"everything", {{"type", "http"}, {"url", "http://127.0.0.1:" + std::to_string(port) + "/mcp"}}}};
  worker.send(mcp_chat("c", servers, kEverythingCalls));
  check_everything(worker.end_of("c"));
  worker.send(mcp_chat("d", servers, {{"everything__echo", {{"message", "again"}}}}));
  CHECK(outputs(worker.end_of("d"))["everything__echo"] == text_of("Echo: again"));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("mcp: a server's environment has the variables of the request and no key of the worker") {
  const auto modules = node_modules();
  if (!modules) return;
  TestWorker worker({"--allow-env", "GRANTED"},
                    {"OPENAI_API_KEY=sk-not-for-servers-1", "GRANTED=granted-value", "OTHER=not-for-servers-2"});
  const Json env = {{"TOKEN", "Bearer ${GRANTED}"}, {"PLAIN", "text"}};
  worker.send(mcp_chat("c", {{"everything", everything(*modules, env)}}, {{"everything__get-env"}}));
  const std::string text = outputs(worker.end_of("c"))["everything__get-env"].dump();
  CHECK(text.find("[redacted]") != std::string::npos);  // the worker redacts the value that the server has
  CHECK(text.find("granted-value") == std::string::npos);
  CHECK(text.find("not-for-servers") == std::string::npos);
  worker.send(mcp_chat("d", {{"everything", everything(*modules, {{"TOKEN", "${OPENAI_API_KEY}"}})}}, {}));
  const auto& log = worker.end_of("d");
  CHECK(log.outcome() == "variable_not_allowed");
  CHECK(log.last().at("data").at("pointer") == "/payload/mcpServers/everything/env");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("mcp: server-filesystem changes files only where it is allowed") {
  const auto modules = node_modules();
  if (!modules) return;
  const TemporaryFolder folder;
  const Json servers = {
      {"files",
       {{"command", node_in(*modules)},
        {"args", Json::array({*modules + "/@modelcontextprotocol/server-filesystem/dist/index.js", folder.path()})},
        {"tools", Json::array({"write_file", "read_text_file", "list_directory"})}}}};
  TestWorker worker;
  worker.send(
      mcp_chat("w", servers, {{"files__write_file", {{"path", folder.path() + "/a.txt"}, {"content", "one\ntwö\n"}}}}));
  CHECK(worker.end_of("w").outcome() == "done");
  CHECK(contents(folder.path() + "/a.txt") == "one\ntwö\n");
  worker.send(mcp_chat("r", servers,
                       {{"files__read_text_file", {{"path", folder.path() + "/a.txt"}}},
                        {"files__list_directory", {{"path", folder.path()}}}}));
  auto out = outputs(worker.end_of("r"));
  CHECK(out["files__read_text_file"].dump().find("one\\ntwö\\n") != std::string::npos);
  CHECK(out["files__list_directory"].dump().find("a.txt") != std::string::npos);
  worker.send(
      mcp_chat("x", servers,
               {{"files__read_text_file", {{"path", "/etc/hostname"}}},
                {"files__move_file", {{"source", folder.path() + "/a.txt"}, {"destination", folder.path() + "/b"}}}}));
  out = outputs(worker.end_of("x"));
  CHECK(out["files__read_text_file"].at("type") == "error-text");
  CHECK(out["files__move_file"].at("type") == "error-text");  // not one of the tools that the request allows
  CHECK(fs::exists(folder.path() + "/a.txt"));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("mcp: LeanSpec's own server creates and finds a spec") {
  const auto modules = node_modules();
  if (!modules) return;
  const TemporaryFolder folder;
  fs::create_directory(folder.path() + "/specs");
  const Json servers = {
      {"leanspec", {{"command", *modules + "/@leanspec/mcp-linux-x64/leanspec-mcp"}, {"cwd", folder.path()}}}};
  TestWorker worker;
  worker.send(mcp_chat(
      "w", servers,
      {{"leanspec__create_spec",
        {{"title", "Tea"}, {"status", "draft"}, {"created", "2026-01-02"}, {"content", "# Tea\n\nIt is hot."}}}}));
  CHECK(worker.end_of("w").outcome() == "done");
  CHECK(contents(folder.path() + "/specs/001-tea/README.md").find("It is hot.") != std::string::npos);
  worker.send(
      mcp_chat("r", servers, {{"leanspec__get_spec", {{"id", "001-tea"}}}, {"leanspec__get_spec", {{"id", "none"}}}}));
  const auto results = worker.end_of("r").all("tool_result");
  REQUIRE(results.size() == 2);
  std::set<std::string> types;
  for (const Json& frame : results) types.insert(frame.at("data").at("output").at("type").get<std::string>());
  CHECK(types == std::set<std::string>{"error-text", "json"});
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("mcp: chats with the same definition share one process, another definition starts another") {
  TestWorker worker;
  Json server = shell_server(kSayPid);
  const auto pid_of = [&](const std::string& id, const Json& definition) {
    worker.send(mcp_chat(id, {{"s", definition}}, {{"s__go"}}));
    const auto& log = worker.end_of(id);
    REQUIRE(log.outcome() == "done");
    return std::stoi(outputs(log).at("s__go").at("value").get<std::string>());
  };
  const pid_t first = pid_of("a", server);
  CHECK(pid_of("b", server) == first);
  server["env"] = {{"WHO", "other"}};
  const pid_t second = pid_of("c", server);
  CHECK(second != first);
  // A killed server is started again for the next chat.
  kill(first, SIGKILL);
  REQUIRE(eventually([&] { return !alive(first); }));
  server["env"] = Json::object();
  const pid_t third = pid_of("d", server);
  CHECK(third != first);
  CHECK(worker.close_and_exit() == 0);
  CHECK(eventually([&] { return !alive(second) && !alive(third); }));
}

TEST_CASE("mcp: the worker stops an idle server") {
  TestWorker worker({"--mcp-idle-ms", "50"});
  worker.send(mcp_chat("a", {{"s", shell_server(kSayPid)}}, {{"s__go"}}));
  const pid_t pid = std::stoi(outputs(worker.end_of("a")).at("s__go").at("value").get<std::string>());
  CHECK(eventually([&] { return !alive(pid); }));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("mcp: with --no-mcp-commands the worker starts no program") {
  TestWorker worker({"--no-mcp-commands"});
  worker.send(mcp_chat("a", {{"s", shell_server(kSayPid)}}, {{"s__go"}}));
  CHECK(worker.end_of("a").outcome() == "command_not_allowed");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 82: the cancel of a chat also cancels its running call at the server") {
  const TemporaryFolder folder;
  const std::string seen = folder.path() + "/seen";
  // The server answers no call and writes down the other messages that it receives.
  const Json server = shell_server(": ", "note() { echo \"$1\" >>" + seen + "; }\n");
  TestWorker worker;
  worker.send(mcp_chat("a", {{"s", server}}, {{"s__go"}}));
  worker.wait_for("a", "tool_call");
  REQUIRE(eventually([&] { return contents(seen).find("tools/call") != std::string::npos; }));
  worker.send({{"id", "x"}, {"type", "cancel"}, {"payload", {{"chatId", "a"}}}});
  CHECK(worker.end_of("a").outcome() == "done");
  CHECK(eventually([&] { return contents(seen).find("notifications/cancelled") != std::string::npos; }));
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
