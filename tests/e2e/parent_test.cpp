// Parent of the worker: its death while the pipes stay open, its threads, and what the worker inherits from it (rows 28
// and 29 of the table of faults).
#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

// Adopts orphans. The worker's parent is a shell that the test can kill; this process is the grandparent and holds the
// other ends of the pipes. As subreaper it adopts the orphans instead of init, so that it can wait for them.
class Orphanage {
 public:
  Orphanage() { REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); }
  Orphanage(const Orphanage&) = delete;
  Orphanage& operator=(const Orphanage&) = delete;
  ~Orphanage() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

  // Returns the exit code of an orphaned process; -1 if it does not exit.
  static int exit_code(pid_t orphan) {
    int status = 0;
    if (!eventually([&] { return ::waitpid(orphan, &status, WNOHANG) == orphan; })) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
};

// Runs the worker in a shell. The shell runs a command after the worker; otherwise it would exec the worker.
TestWorker under_living_shell(const std::string& before = {}, const std::string& arguments = {}) {
  return TestWorker::under_shell(before + " \"$0\" " + arguments + "; exit $?");
}

pid_t child_of(pid_t parent) {
  const std::string pid = std::to_string(parent);
  std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
  pid_t child = -1;
  file >> child;
  return child;
}

void read_to_end(TestWorker& worker) {
  while (worker.next()) continue;
  CHECK(worker.process().stdout_ended());
}

TEST_CASE("fault 28: when the parent is killed, the worker ends, even if another process holds its pipes") {
  const Orphanage orphanage;
  Upstream upstream;
  upstream.answer("hang", {{.ending = Ending::kHang, .before_head = true}});
  for (const bool busy : {false, true}) {
    CAPTURE(busy);
    TestWorker worker = under_living_shell();
    worker.ask({{"id", "h"}, {"type", "health"}});
    if (busy) {
      worker.send(upstream.chat("a", "hang"));
      REQUIRE(upstream.wait_for_request("hang"));
    }
    const pid_t pid = child_of(worker.process().pid());
    REQUIRE(pid > 0);
    const auto begin = Steady::now();
    REQUIRE(worker.process().send_signal(SIGKILL));
    CHECK(Orphanage::exit_code(pid) == (busy ? 75 : 0));
    MESSAGE("ended after " << std::chrono::duration_cast<Milliseconds>(Steady::now() - begin).count() << " ms");
    read_to_end(worker);  // a reader of the pipe still gets the last frames
    if (busy) CHECK(worker.log("a").outcome() == "shutting_down");
    CHECK(eventually([&] { return upstream.open_connections() == 0; }));
  }
}

TEST_CASE("fault 28: when the parent is killed, no process of an MCP server is left") {
  const Orphanage orphanage;
  const std::string path = std::string(AIW_BINARY_DIR) + "/e2e-orphans";
  std::remove(path.c_str());
  // The server sends nothing and does not read its stdin. It ignores SIGTERM and SIGHUP, and so does its child.
  const std::string script = "trap '' TERM HUP; sleep 1000 & echo $! $$ >'" + path + ".new'; mv '" + path + ".new' '" +
                             path + "'; while :; do sleep 1; done";
  TestWorker worker = under_living_shell();
  worker.send(mock_chat("a", Json::array({{{"text", "x"}}}),
                        {{"mcpServers", {{"stubborn", {{"command", "sh"}, {"args", Json::array({"-c", script})}}}}}}));
  pid_t server = -1;
  pid_t child = -1;
  REQUIRE(eventually([&] { return static_cast<bool>(std::ifstream(path) >> child >> server); }));
  CHECK(alive(server));
  CHECK(alive(child));
  const pid_t pid = child_of(worker.process().pid());
  REQUIRE(pid > 0);
  worker.process().send_signal(SIGKILL);
  CHECK(Orphanage::exit_code(pid) == 75);
  CHECK(eventually([&] { return !alive(server) && !alive(child); }));
  read_to_end(worker);
  CHECK(worker.log("a").outcome() == "shutting_down");
}

TEST_CASE("fault 28: a worker outlives its parent with --parent-watch off, under nohup, or with a file as stdin") {
  const Orphanage orphanage;
  Upstream upstream;
  for (const bool ignored : {false, true}) {
    CAPTURE(ignored);
    TestWorker worker = ignored ? under_living_shell("trap '' HUP;") : under_living_shell({}, "--parent-watch=off");
    Canary canary(worker, upstream, 60);
    worker.wait_for("canary", "delta", 3);
    const pid_t pid = child_of(worker.process().pid());
    worker.process().send_signal(SIGKILL);
    if (ignored) ::kill(pid, SIGHUP);
    canary.check();
    worker.process().close_stdin();
    CHECK(Orphanage::exit_code(pid) == 0);
  }
  const std::string path = std::string(AIW_BINARY_DIR) + "/e2e-orphan.jsonl";
  upstream.answer("slow",
                  {paced({text_event("a "), text_event("b "), text_event("c"), openai_ending()}, Milliseconds(100))});
  std::ofstream(path) << upstream.chat("file", "slow").dump() << '\n';
  TestWorker worker = under_living_shell({}, "<'" + path + "'");
  worker.wait_for("file", "delta");
  const pid_t pid = child_of(worker.process().pid());
  worker.process().send_signal(SIGKILL);
  CHECK(worker.end_of("file").text() == "a b c");
  CHECK(Orphanage::exit_code(pid) == 0);
}

TEST_CASE("fault 28: --parent-watch on applies under nohup, too") {
  const Orphanage orphanage;
  TestWorker worker = under_living_shell("trap '' HUP;", "--parent-watch on");
  worker.ask({{"id", "h"}, {"type", "health"}});
  const pid_t pid = child_of(worker.process().pid());
  worker.process().send_signal(SIGKILL);
  CHECK(Orphanage::exit_code(pid) == 0);
}

TEST_CASE("fault 29: the worker continues when only the parent's thread that started it exits") {
  Upstream upstream;
  std::unique_ptr<TestWorker> worker;
  std::thread([&] {
    worker = std::make_unique<TestWorker>();
    worker->ask({{"id", "before"}, {"type", "health"}});
  }).join();
  Canary canary(*worker, upstream);
  CHECK(worker->ask({{"id", "after"}, {"type", "health"}}).at("type") == "health_ok");
  canary.check();
  CHECK(worker->close_and_exit() == 0);
}

TEST_CASE("faults 28, 32: signal settings of the parent have no effect: blocked signals, SIGCHLD ignored") {
  // A shell cannot block signals. Children of Python inherit the signals that Python blocks or ignores.
  const std::string spawn =
      "exec python3 -c \"import os, signal, sys\n"
      "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
      "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
      "os.execv(sys.argv[1], sys.argv[1:])\" \"$0\"";
  TestWorker worker = TestWorker::under_shell(spawn);
  // The server exits at once. The worker can report its exit code only if it could reap the server.
  const Json server = {{"command", "sh"}, {"args", Json::array({"-c", "exit 7"})}};
  worker.send(mock_chat("a", Json::array({{{"text", "x"}}}), {{"mcpServers", {{"s", server}}}}));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.outcome() == "mcp_unavailable");
  CHECK(log.last().at("data").at("message").get<std::string>().find("code 7") != std::string::npos);
  worker.process().send_signal(SIGTERM);
  CHECK(worker.exit_code() == 0);
}

}  // namespace
}  // namespace aiw::e2e
