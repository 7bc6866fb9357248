// MCP servers that fail in every way that a program can, with another chat beside them.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"
#include "tools/support/process_stats.hpp"

namespace aiw::e2e {
namespace {

Json shell(const std::string& script) { return {{"command", "sh"}, {"args", Json::array({"-c", script})}}; }

Json error_text(const std::string& text) { return {{"type", "error-text"}, {"value", text}}; }

// Ignores its stdin's end.
Json after_its_input(Json server, const std::string& script) {
  server["args"][1] = server["args"][1].get<std::string>() + '\n' + script;
  return server;
}

std::vector<pid_t> pids_in(const std::string& file) {
  std::istringstream text(contents(file));
  return {std::istream_iterator<pid_t>(text), {}};
}

void check_unavailable(TestWorker& worker, const std::string& id, Json server, const std::string& why) {
  CAPTURE(id);
  worker.send(mcp_chat(id, {{"s", server}}, {}));
  const auto& log = worker.end_of(id);
  CHECK(log.outcome() == "mcp_unavailable");
  CHECK(log.last().at("data").at("category") == "tool");
  CHECK(log.last().at("data").at("message") == "the MCP server s is not available: it " + why);
  server["optional"] = true;
  worker.send(mcp_chat(id + "2", {{"s", server}}, {}));
  const auto& other = worker.end_of(id + "2");
  CHECK(other.outcome() == "done");
  CHECK(other.all("warning").at(0).at("data").at("code") == "mcp_unavailable");
}

TEST_CASE("fault 80: a server that cannot be started or ends at once ends the chat, unless it is optional") {
  Upstream upstream;
  TestWorker worker({"--allow-env", "GRANTED"}, {"GRANTED=granted-value"});
  worker.keep_output();
  Canary canary(worker, upstream);
  check_unavailable(worker, "none", {{"command", "no-such-program-of-ours"}},
                    "cannot be started: No such file or directory");
  check_unavailable(worker, "file", {{"command", "/etc/passwd"}}, "cannot be started: Permission denied");
  check_unavailable(worker, "folder", {{"command", "sh"}, {"cwd", "/no/such/folder"}},
                    "cannot be started: No such file or directory");
  Json dies = shell(
      "echo early >&2; i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo word-$i >&2; done;"
      "echo token $TOKEN >&2; exit 5");
  dies["env"] = {{"TOKEN", "${GRANTED}"}};
  check_unavailable(worker, "dies", dies, "exited with code 5");
  check_unavailable(worker, "ends", shell("read line; exit 0"), "exited with code 0");
  check_unavailable(worker, "killed", shell("kill -SEGV $$"), "was ended by signal 11");
  check_unavailable(worker, "http", {{"url", "http://127.0.0.1:1/mcp"}}, "cannot be reached: connect_error");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
  // Its last words are in the log and in no frame.
  const std::string& words = worker.process().stderr_text();
  CHECK(words.find("word-500") != std::string::npos);
  CHECK(words.find("early") == std::string::npos);
  CHECK(words.find("token [redacted]") != std::string::npos);
  CHECK(words.find("granted-value") == std::string::npos);
  CHECK(worker.all_output().find("word-500") == std::string::npos);
}

TEST_CASE("fault 81: a crash fails every call under way, and the next chat gets another server") {
  const TemporaryFolder folder;
  const std::string mark = folder.path() + "/crashed";
  // Its first process takes two calls and crashes; the second one answers.
  const Json server = shell_server("if [ -e " + mark + ".2 ]; then " + kSayPid + "; elif [ -e " + mark +
                                   " ]; then touch " + mark + ".2; kill -SEGV $$; else touch " + mark + "; fi");
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  worker.send(mcp_chat("a", {{"s", server}}, {{"s__go"}, {"s__go"}}));
  const auto& log = worker.end_of("a");
  CHECK(log.outcome() == "done");
  CHECK(log.count("tool_result") == 2);
  for (const Json& frame : log.all("tool_result")) {
    CHECK(frame.at("data").at("output") == error_text("the MCP server was ended by signal 11"));
  }
  worker.send(mcp_chat("b", {{"s", server}}, {{"s__go"}}));
  const auto& next = worker.end_of("b");
  CHECK(next.outcome() == "done");
  CHECK(outputs(next).at("s__go").at("type") == "text");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 82: a server that hangs in its handshake or in a call") {
  const TemporaryFolder folder;
  const std::string seen = folder.path() + "/seen", pids = folder.path() + "/pids";
  Upstream upstream;
  TestWorker worker({"--mcp-connect-ms", "300"});
  Canary canary(worker, upstream);
  // What it started is in its process group and ignores the end of its input.
  check_unavailable(worker, "mute", shell("sleep 1000 & echo $$ $! >>" + pids + "; wait"),
                    "was not ready within 300 ms");
  Json server = shell_server(": ", "note() { echo \"$1\" >>" + seen + "; }\n");
  server["timeoutMs"] = 100;
  worker.send(mcp_chat("call", {{"s", server}}, {{"s__go"}}));
  const auto& log = worker.end_of("call");
  CHECK(log.outcome() == "done");
  CHECK(outputs(log).at("s__go").at("type") == "error-text");
  CHECK(eventually([&] { return contents(seen).find("notifications/cancelled") != std::string::npos; }));
  const auto started = pids_in(pids);
  CHECK(started.size() == 4);
  for (const pid_t pid : started) CHECK(eventually([&] { return !alive(pid); }));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 83: what is no message is skipped; more than a hundred of it, or a line without end, is no server") {
  const std::string garbage = R"sh(
garbage() { i=0; while [ $i -lt $1 ]; do i=$((i+1)); echo 'Listening... {"jsonrpc":"2.0","id":'; done; }
printf '\000\000\377\376{"\n[1,2\n{"jsonrpc":"2.0"}\n"text"\n{}\n'
)sh";
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  worker.send(mcp_chat("some", {{"s", shell_server("garbage 40; " + kSayPid, garbage + "garbage 50\n")}}, {{"s__go"}}));
  CHECK(outputs(worker.end_of("some")).at("s__go").at("type") == "text");
  check_unavailable(worker, "much", shell_server(kSayPid, garbage + "garbage 100\n"),
                    "says too much that is no message");
  worker.send(mcp_chat("later", {{"s", shell_server("garbage 101", garbage)}}, {{"s__go"}}));
  CHECK(outputs(worker.end_of("later")).at("s__go") == error_text("the MCP server says too much that is no message"));

  worker.reset_peak_rss();
  const auto before = worker.peak_rss();
  worker.send(mcp_chat("long", {{"s", shell_server("head -c 100000000 /dev/zero | tr '\\0' x")}}, {{"s__go"}}));
  CHECK(outputs(worker.end_of("long")).at("s__go") == error_text("the MCP server wrote a line that is too long"));
  const auto grown = worker.peak_rss() - before;
  MESSAGE("a line of 100 MB: " << grown / kMiB << " MiB at most");
  if (!kSanitized) CHECK(grown < 140 * kMiB);  // 64 MiB, in a buffer that doubles
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 84: a flood on stderr costs no memory, holds up neither the server nor anybody else") {
  Upstream upstream;
  for (const bool logged : {false, true}) {
    CAPTURE(logged);
    TestWorker worker({"--log-level", logged ? "debug" : "warn"});
    Canary canary(worker, upstream);
    const std::string flood = logged ? "yes 'a word of warning' | head -c 4000000 >&2; "  // each line is a log line
                                     : "head -c 268435456 /dev/zero >&2; ";
    worker.send(mcp_chat("warm", {{"s", shell_server(kSayPid)}}, {{"s__go"}}));
    worker.end_of("warm");
    worker.reset_peak_rss();
    const auto before = worker.peak_rss();
    const auto cpu_before = tools::cpu_time(worker.process().pid());
    worker.send(mcp_chat("a", {{"s", shell_server(flood + kSayPid)}}, {{"s__go"}}));
    CHECK(outputs(worker.end_of("a")).at("s__go").at("type") == "text");
    const auto cpu = *tools::cpu_time(worker.process().pid()) - *cpu_before;
    const auto grown = worker.peak_rss() - before;
    MESSAGE("flood: " << grown / 1024 << " KiB, CPU " << std::chrono::duration_cast<Milliseconds>(cpu).count()
                      << " ms");
    if (!kSanitized) CHECK(grown < 4 * kMiB);
    canary.check();
    CHECK(worker.close_and_exit() == 0);
  }
}

TEST_CASE("fault 85: nothing of a server is left when the worker goes, however it goes") {
  enum class End { input, signals, kill };
  for (const End end : {End::input, End::signals, End::kill}) {
    CAPTURE(static_cast<int>(end));
    const TemporaryFolder folder;
    const std::string pids = folder.path() + "/pids";
    // It, its child and a daemon in a session of its own: all ignore SIGTERM, none minds its stdin's end.
    Json server = shell_server(kSayPid, "trap '' TERM; echo $$ >>" + pids + "; sleep 1000 & echo $! >>" + pids +
                                            "\n(setsid sh -c 'echo $$ >>" + pids +
                                            "; exec sleep 1000' >/dev/null 2>&1 </dev/null &)\n");
    TestWorker worker;
    worker.send(mcp_chat("a", {{"s", after_its_input(server, "while :; do sleep 1; done")}}, {{"s__go"}}));
    CHECK(worker.end_of("a").outcome() == "done");
    REQUIRE(eventually([&] { return pids_in(pids).size() == 3; }));
    for (const pid_t pid : pids_in(pids)) CHECK(alive(pid));
    const pid_t pid = worker.process().pid();
    if (end == End::input) {
      CHECK(worker.close_and_exit() == 0);
    } else if (end == End::signals) {  // two of them end the worker at once
      kill(pid, SIGTERM);
      kill(pid, SIGTERM);
      CHECK(worker.exit_code() >= 0);
    } else {
      kill(pid, SIGKILL);
    }
    for (const pid_t left : pids_in(pids)) CHECK(eventually([&] { return !alive(left); }));
  }
}

TEST_CASE("fault 86: a server has nine variables, those that the request gives it, and three descriptors") {
  TestWorker worker({}, {"OPENAI_API_KEY=sk-not-for-servers", "OTHER=value", "LD_LIBRARY_PATH=/nowhere", "LANG=C",
                         "LC_ALL=C", "TMPDIR=/tmp", "SSLKEYLOGFILE=/nowhere"});
  const TemporaryFolder folder;
  const std::string environment = folder.path() + "/environ", descriptors = folder.path() + "/descriptors";
  Json server =
      shell_server("cat /proc/$$/environ >" + environment + "; ls /proc/$$/fd >" + descriptors + "; " + kSayPid);
  server["env"] = {{"CONFIGURED", "yes"}, {"LANG", "de"}};
  worker.send(mcp_chat("a", {{"s", server}}, {{"s__go"}}));
  CHECK(worker.end_of("a").outcome() == "done");
  std::map<std::string, std::string> seen;
  std::istringstream text(contents(environment));
  for (std::string line; std::getline(text, line, '\0');)
    seen[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  CHECK(seen["CONFIGURED"] == "yes");
  CHECK(seen["LANG"] == "de");
  CHECK(seen["LC_ALL"] == "C");
  const std::set<std::string> allowed = {"PATH", "HOME",    "LANG",  "LC_ALL", "TMPDIR",
                                         "USER", "LOGNAME", "SHELL", "TERM",   "CONFIGURED"};
  for (const auto& [name, value] : seen) CHECK_MESSAGE(allowed.contains(name), name);
  // The shell keeps the file that it redirects to beyond the tenth.
  std::istringstream fds(contents(descriptors));
  std::set<int> open = {std::istream_iterator<int>(fds), {}};
  std::erase_if(open, [](int fd) { return fd >= 10; });
  CHECK(open == std::set<int>{0, 1, 2});
  CHECK(worker.close_and_exit() == 0);
}

// An MCP server over HTTP that misbehaves as a test says.
class HttpMcp {
 public:
  using Answer = std::function<std::optional<Script>(const tools::Request&, const Json& message)>;

  // `answer` may answer in place of a server that works.
  explicit HttpMcp(Answer answer) : answer_(std::move(answer)) {
    auto server = tools::UpstreamServer::start([this](const tools::Request& request) { return respond(request); });
    if (!server) FAIL(server.error());
    server_ = std::move(*server);
  }
  [[nodiscard]] Json definition() const { return {{"s", {{"url", server_->url() + "/mcp"}}}}; }
  // The methods of the messages so far, and of the requests that carry none.
  [[nodiscard]] std::vector<std::string> methods() const {
    const std::lock_guard lock(mutex_);
    return methods_;
  }
  [[nodiscard]] auto count(std::string_view method) const { return std::ranges::count(methods(), method); }

 private:
  Script respond(const tools::Request& request) {
    const Json message = Json::parse(request.body, nullptr, false);
    const bool post = request.method == "POST" && message.is_object();
    const std::string method = post ? message.value("method", "") : request.method;
    {
      const std::lock_guard lock(mutex_);
      methods_.push_back(method);
    }
    if (auto script = answer_(request, message)) return *std::move(script);
    if (!post) return {.status = 405};
    if (!message.contains("id")) return {.status = 202};
    Json result = Json::object();
    if (method == "initialize") {
      result = {{"protocolVersion", "2025-11-25"},
                {"capabilities", {{"tools", Json::object()}}},
                {"serverInfo", {{"name", "s"}}}};
    } else if (method == "tools/list") {
      result = {{"tools", Json::array({Json{{"name", "go"}, {"inputSchema", {{"type", "object"}}}}})}};
    } else {
      result = {{"content", Json::array({Json{{"type", "text"}, {"text", "went"}}})}};
    }
    Script script =
        tools::json_script(200, Json{{"jsonrpc", "2.0"}, {"id", message.at("id")}, {"result", result}}.dump());
    if (method == "initialize") script.headers.emplace_back("mcp-session-id", "session");
    return script;
  }

  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> methods_;
  std::unique_ptr<tools::UpstreamServer> server_;  // the last member: its thread uses the others
};

Json go_over_http(TestWorker& worker, const std::string& id, const HttpMcp& server) {
  worker.send(mcp_chat(id, server.definition(), {{"s__go"}}));
  const auto& log = worker.end_of(id);
  CHECK(log.outcome() == "done");
  return log.outcome() == "done" ? outputs(log).at("s__go") : Json();
}

const Json kWent = {{"type", "text"}, {"value", "went"}};

TEST_CASE("fault 87: over HTTP a session that was forgotten is begun anew, once, and the call made again") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  int calls = 0;
  const HttpMcp forgets_once([&](const tools::Request&, const Json& message) -> std::optional<Script> {
    const bool call = message.is_object() && message.value("method", "") == "tools/call";
    if (call && ++calls == 1) return Script{.status = 404};
    return std::nullopt;
  });
  CHECK(go_over_http(worker, "once", forgets_once) == kWent);
  CHECK(forgets_once.count("initialize") == 2);
  CHECK(forgets_once.count("tools/call") == 2);
  const HttpMcp forgets([&](const tools::Request&, const Json& message) -> std::optional<Script> {
    const bool call = message.is_object() && message.value("method", "") == "tools/call";
    return call ? std::optional(Script{.status = 404}) : std::nullopt;
  });
  CHECK(go_over_http(worker, "ever", forgets) == error_text("the MCP server lost the session twice"));
  CHECK(forgets.count("tools/call") == 2);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 87: over HTTP a stream that breaks off is resumed from its last event, or the call fails") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  std::string id, last_event;
  // The answer comes with the GET that resumes.
  const auto breaks_off = [&](bool numbered) {
    return [&, numbered](const tools::Request& request, const Json& message) -> std::optional<Script> {
      if (message.is_object() && message.value("method", "") == "tools/call") {
        id = message.at("id").dump();
        Script script = event_stream(numbered ? "id: 7\nretry: 10\ndata:\n\n" : ": nothing\n\n");
        return script;
      }
      if (request.method != "GET" || request.header("last-event-id").empty()) return std::nullopt;
      last_event = request.header("last-event-id");
      return event_stream("id: 8\ndata: {\"jsonrpc\":\"2.0\",\"id\":" + id +
                          R"(,"result":{"content":[{"type":"text","text":"went"}]}})" + "\n\n");
    };
  };
  const HttpMcp numbered(breaks_off(true));
  CHECK(go_over_http(worker, "numbered", numbered) == kWent);
  CHECK(last_event == "7");
  CHECK(numbered.count("tools/call") == 1);  // it may have been carried out
  const HttpMcp plain(breaks_off(false));
  CHECK(go_over_http(worker, "plain", plain) == error_text("the MCP server ended its answer before it was complete"));
  CHECK(plain.count("tools/call") == 1);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 87: over HTTP redirects are refused, 405 means that nobody speaks unasked, 202 is no answer") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const HttpMcp elsewhere([](const tools::Request&, const Json&) { return std::nullopt; });
  const HttpMcp redirects([&](const tools::Request&, const Json&) -> std::optional<Script> {
    return Script{.status = 307, .headers = {{"location", elsewhere.definition().at("s").at("url")}}};
  });
  worker.send(mcp_chat("redirect", redirects.definition(), {}));
  const auto& log = worker.end_of("redirect");
  CHECK(log.outcome() == "mcp_unavailable");
  CHECK(elsewhere.methods().empty());
  // The capability to say that the tools changed makes the worker listen.
  const HttpMcp deaf([](const tools::Request&, const Json& message) -> std::optional<Script> {
    if (!message.is_object() || message.value("method", "") != "initialize") return std::nullopt;
    const Json result = {{"protocolVersion", "2025-11-25"},
                         {"capabilities", {{"tools", {{"listChanged", true}}}}},
                         {"serverInfo", {{"name", "s"}}}};
    return tools::json_script(200, Json{{"jsonrpc", "2.0"}, {"id", message.at("id")}, {"result", result}}.dump());
  });
  CHECK(go_over_http(worker, "deaf", deaf) == kWent);
  CHECK(deaf.count("GET") == 1);
  const HttpMcp accepts([](const tools::Request&, const Json& message) -> std::optional<Script> {
    const bool call = message.is_object() && message.value("method", "") == "tools/call";
    return call ? std::optional(Script{.status = 202}) : std::nullopt;
  });
  CHECK(go_over_http(worker, "accepts", accepts) ==
        error_text("the MCP server answered with something else than JSON or an event stream"));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
