// MCP servers that fail in every way that a program can, while another chat runs.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"
#include "tools/support/process_stats.hpp"

namespace aiw::e2e {
namespace {

Json shell(const std::string& script) { return {{"command", "sh"}, {"args", Json::array({"-c", script})}}; }

// Appends `script`, which the server runs after its stdin was closed.
Json after_its_input(Json server, const std::string& script) {
  server["args"][1] = server["args"][1].get<std::string>() + '\n' + script;
  return server;
}

std::vector<pid_t> pids_in(const std::string& file) {
  std::istringstream text(contents(file));
  return {std::istream_iterator<pid_t>(text), {}};
}

std::string not_started(const std::string& why) {
  return kThreadSanitized ? "exited with code 127" : "cannot be started: " + why;
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

TEST_CASE("fault 80: a server that cannot start or exits at once fails the chat, unless it is optional") {
  Upstream upstream;
  TestWorker worker({"--allow-env", "GRANTED"}, {"GRANTED=granted-value"});
  worker.keep_output();
  Canary canary(worker, upstream);
  check_unavailable(worker, "none", {{"command", "no-such-program-of-ours"}},
                    "cannot be started: No such file or directory");
  check_unavailable(worker, "file", {{"command", "/etc/passwd"}}, not_started("Permission denied"));
  check_unavailable(worker, "folder", {{"command", "sh"}, {"cwd", "/no/such/folder"}},
                    not_started("No such file or directory"));
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
  // The last stderr lines of the server are in the log and in no frame.
  const std::string& words = worker.process().stderr_text();
  CHECK(words.find("word-500") != std::string::npos);
  CHECK(words.find("early") == std::string::npos);
  CHECK(words.find("token [redacted]") != std::string::npos);
  CHECK(words.find("granted-value") == std::string::npos);
  CHECK(worker.all_output().find("word-500") == std::string::npos);
}

TEST_CASE("fault 81: a crash fails every running call, and the next chat gets a new server") {
  const TemporaryFolder folder;
  const std::string mark = folder.path() + "/crashed";
  // The first process takes two calls and crashes; the second one answers.
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
    CHECK(frame.at("data").at("output") == mcp_error("the MCP server was ended by signal 11"));
  }
  worker.send(mcp_chat("b", {{"s", server}}, {{"s__go"}}));
  const auto& next = worker.end_of("b");
  CHECK(next.outcome() == "done");
  CHECK(outputs(next).at("s__go").at("type") == "text");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 82: a server that hangs in its handshake or in a call hits the timeout and leaves no process") {
  const TemporaryFolder folder;
  const std::string seen = folder.path() + "/seen", pids = folder.path() + "/pids";
  Upstream upstream;
  TestWorker worker({"--mcp-connect-ms", "1500"});
  Canary canary(worker, upstream);
  // The server's child is in the same process group. Both ignore that their stdin is closed.
  check_unavailable(worker, "mute", shell("sleep 1000 & echo $$ $! >>" + pids + "; wait"),
                    "was not ready within 1500 ms");
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

TEST_CASE(
    "fault 83: lines that are not messages are skipped; more than a hundred of them, or an endless line, stop the "
    "server") {
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
                    "sent too much that is not a message");
  worker.send(mcp_chat("later", {{"s", shell_server("garbage 101", garbage)}}, {{"s__go"}}));
  CHECK(outputs(worker.end_of("later")).at("s__go") == mcp_error("the MCP server sent too much that is not a message"));

  worker.reset_peak_rss();
  const auto before = worker.peak_rss();
  worker.send(mcp_chat("long", {{"s", shell_server("head -c 100000000 /dev/zero | tr '\\0' x")}}, {{"s__go"}}));
  CHECK(outputs(worker.end_of("long")).at("s__go") == mcp_error("the MCP server wrote a line that is too long"));
  const auto grown = worker.peak_rss() - before;
  MESSAGE("a line of 100 MB: " << grown / kMiB << " MiB at most");
  if (!kSanitized) CHECK(grown < 140 * kMiB);  // limit of 64 MiB, in a buffer that doubles
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 83: a response that only lenient parsers accept is used, one that no parser accepts fails its call") {
  TestWorker worker({"--mcp-connect-ms", "5000"});
  const auto answer_of = [&](const std::string& id, Json server) {
    server["timeoutMs"] = 60'000;
    worker.send(mcp_chat(id, {{"s", server}}, {{"s__go"}}));
    const auto& log = worker.end_of(id);
    CHECK(log.outcome() == "done");
    return log.outcome() == "done" ? outputs(log).at("s__go") : Json();
  };
  // Unusual but readable from the handshake on: string ids, a byte order mark, a raw tab and a duplicate member.
  const std::string careless = R"sh(
say() { printf '\357\273\277{"jsonrpc":"2.0","_meta":"a\tb","id":"%s","id":"%s","result":%s}\n' 0 "$1" "$2"; }
)sh";
  // The functions of the script are replaced when the first line has arrived.
  const std::string replace = "note() { " + careless + "}\n";
  CHECK(answer_of("careless", shell_server(kSayPid, replace)).at("type") == "text");
  CHECK(
      answer_of(
          "deep",
          shell_server(
              R"sh(say "$(id "$line")" "{\"structuredContent\":$(printf '%0200d' 0 | tr 0 '[')1$(printf '%0200d' 0 | tr 0 ']')}")sh")) ==
      Json{{"type", "text"}, {"value", std::string(200, '[') + "1" + std::string(200, ']')}});
  CHECK(answer_of("wrong", shell_server(R"sh(say "$(id "$line")" '{"content":[],}')sh")) ==
        mcp_error("the MCP server sent a response that cannot be read: expected a key in quotes"));
  CHECK(answer_of("cut", shell_server(R"sh(echo "{\"id\":$(id "$line"),\"result\":{\"content\":[{")sh")) ==
        mcp_error("the MCP server sent a response that cannot be read: expected a key in quotes"));
  // The list ends when the server returns the same cursor again.
  const std::string pages = R"sh(
say() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$(printf '%s' "$2" | sed 's/{"tools":\[/{"nextCursor":"x","tools":[/')"; }
)sh";
  CHECK(answer_of("cursor", shell_server(kSayPid, "note() { " + pages + "}\n")).at("type") == "text");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 84: a flood on stderr uses no memory and blocks neither the server nor other chats") {
  Upstream upstream;
  for (const bool logged : {false, true}) {
    CAPTURE(logged);
    TestWorker worker({"--log-level", logged ? "debug" : "warn"});
    Canary canary(worker, upstream);
    const std::string flood = logged ? "yes 'a word of warning' | head -c 4000000 >&2; "  // a log line for each
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

TEST_CASE("fault 109: servers that flood stdout with log messages delay no chat, and their dropped lines are counted") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const auto begun = std::chrono::steady_clock::now();
  const std::string flood =
      R"((yes '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"noise"}}') & )";
  constexpr int kServers = 4;
  for (int i = 0; i < kServers; ++i) {
    const std::string id = std::to_string(i);
    worker.send(mcp_chat(id, {{"s", shell_server(kSayPid + "; " + flood, ": " + id)}}, {{"s__go"}}));
  }
  for (int i = 0; i < kServers; ++i) CHECK(outputs(worker.end_of(std::to_string(i))).at("s__go").at("type") == "text");
  CHECK(eventually([&] { return worker.process().stderr_text().contains(R"(event="log lines were dropped")"); }));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
  const std::string log = worker.process().stderr_text();
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begun).count();
  MESSAGE(std::ranges::count(log, '\n') << " lines in " << seconds << " s");
  CHECK(std::ranges::count(log, '\n') <= kServers * (205 + 25 * seconds));
}

TEST_CASE("fault 85: no process of a server is left after the worker ends, however it ends") {
  enum class End { input, signals, kill };
  for (const End end : {End::input, End::signals, End::kill}) {
    CAPTURE(static_cast<int>(end));
    const TemporaryFolder folder;
    const std::string pids = folder.path() + "/pids";
    // The server, its child and a daemon in its own session: all ignore SIGTERM and go on after their stdin is closed.
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
    } else if (end == End::signals) {  // the second signal ends the worker at once
      kill(pid, SIGTERM);
      kill(pid, SIGTERM);
      CHECK(worker.exit_code() >= 0);
    } else {
      kill(pid, SIGKILL);
    }
    for (const pid_t left : pids_in(pids)) CHECK(eventually([&] { return !alive(left); }));
  }
}

TEST_CASE("fault 86: a server gets at most nine variables of the worker, its own env, and descriptors 0 to 2") {
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
  // The shell uses descriptors from 10 on for its redirections.
  std::istringstream fds(contents(descriptors));
  std::set<int> open = {std::istream_iterator<int>(fds), {}};
  std::erase_if(open, [](int fd) { return fd >= 10; });
  CHECK(open == std::set<int>{0, 1, 2});
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
