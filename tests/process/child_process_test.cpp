// Tests with real children (shells).
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "tests/support/alive.hpp"
#include "tests/support/test_pipe.hpp"
#include "worker/process/loop_child_launcher.hpp"

using namespace aiw;
using namespace std::chrono_literals;
using aiw::test::alive;
using aiw::test::run_until_stopped;

namespace {

constexpr ChildEnding kQuick{.after_stdin = 100ms, .after_sigterm = 100ms, .at_exit = 100ms};

class Recorder : public ChildHandler {
 public:
  explicit Recorder(Loop& loop) : loop_(loop) {}
  void on_output(std::string_view bytes) override {
    output += bytes;
    if (stop_at.empty() || output.find(stop_at) == std::string::npos) return;
    stop_at.clear();
    if (then) return std::exchange(then, nullptr)();
    loop_.stop();
  }
  void on_diagnostics(std::string_view bytes) override {
    diagnostics += bytes;
    if (on_words) on_words();
  }
  void on_gone(std::string_view how) override {
    gone = how;
    loop_.stop();
  }

  // After `stop_at` was written, runs `action` and stops the loop after `time`, instead of stopping at once.
  void after(std::function<void()> action, std::chrono::milliseconds time) {
    then = [this, action = std::move(action), time] {
      stop_ = loop_.call_at(loop_.now() + time, [this] { loop_.stop(); });
      action();
    };
  }

  std::string output, diagnostics, gone, stop_at;
  std::function<void()> then, on_words;

 private:
  Loop& loop_;
  std::unique_ptr<Timer> stop_;
};

ChildCommand shell(std::string script) { return {.file = "sh", .args = {"-c", std::move(script)}}; }

// Runs `script` to its end and returns its output.
Recorder run(std::string script) {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  const auto child = launcher->spawn(shell(std::move(script)), recorder);
  REQUIRE(child);
  REQUIRE(run_until_stopped(loop));
  return recorder;
}

// Returns how a command ended, or the error if it cannot be started.
std::string fate(const ChildCommand& command) {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  const auto child = launcher->spawn(command, recorder);
  if (!child) return "it cannot be started: " + child.error();
  REQUIRE(run_until_stopped(loop));
  return recorder.gone;
}

bool gone_within(pid_t pid, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (alive(pid)) {
    if (std::chrono::steady_clock::now() > end) return false;
    usleep(5'000);
  }
  return true;
}

// Runs the loop for `time`.
void run_for(Loop& loop, std::chrono::milliseconds time) {
  const auto timer = loop.call_at(loop.now() + time, [&] { loop.stop(); });
  loop.run();
}

}  // namespace

TEST_CASE("child: its output, its environment and how it ended are reported") {
  setenv("AIW_TEST_SECRET", "s3cret", 1);
  const Recorder child = run("echo out; echo err >&2; env; exit 3");
  CHECK(child.output.starts_with("out\n"));
  CHECK(child.diagnostics == "err\n");
  CHECK(child.gone == "it exited with code 3");
  CHECK(child.output.find("PATH=") != std::string::npos);
  CHECK(child.output.find("s3cret") == std::string::npos);
  unsetenv("AIW_TEST_SECRET");
}

TEST_CASE("fault 109: a child with paused output waits, and its last output is still delivered") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  // The line on stderr signals that "one" is already in the stdout pipe.
  const auto child = launcher->spawn(shell("echo one; echo said >&2; read line; echo two; exit 3"), recorder);
  REQUIRE(child);
  (*child)->set_output_paused(true);
  (*child)->set_output_paused(true);
  std::string while_paused = "nothing";
  std::function<void()> look = [&] {
    while_paused = recorder.output;
    (*child)->write("go\n");
  };
  recorder.on_words = [&] { std::exchange(look, [] {})(); };
  REQUIRE(run_until_stopped(loop));
  CHECK(while_paused.empty());
  CHECK(recorder.output == "one\ntwo\n");
  CHECK(recorder.gone == "it exited with code 3");
}

TEST_CASE("fault 109: the output of a flooding child is complete and in order after a pause") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  const auto child = launcher->spawn(shell("seq 100000"), recorder);
  REQUIRE(child);
  std::unique_ptr<Timer> resume;
  recorder.stop_at = "\n500\n";
  recorder.then = [&] {
    (*child)->set_output_paused(true);
    resume = loop.call_at(loop.now(), [&] { (*child)->set_output_paused(false); });
  };
  REQUIRE(run_until_stopped(loop));
  std::string all;
  for (int i = 1; i <= 100'000; ++i) all += std::to_string(i) + "\n";
  CHECK(recorder.output == all);
}

TEST_CASE("fault 86: a child has only descriptors 0 to 2, default signals and its own process group") {
  const auto fd = test::make_pipe();  // must not be visible in the child
  const Recorder child =
      run("ls /proc/self/fd | wc -l; ps -o pgid= -p $$; echo $$; grep -E '^Sig(Blk|Ign)' /proc/self/status");
  std::istringstream words(child.output);
  int descriptors = 0;
  pid_t group = 0, own = 0;
  words >> descriptors >> group >> own;
  CHECK(descriptors == 4);  // 0, 1, 2, and the folder that ls has open
  CHECK(group == own);
  CHECK(group != getpgrp());
  std::map<std::string, std::uint64_t> masks;
  for (std::string name; words >> name;) words >> std::hex >> masks[name];
  CHECK(masks.at("SigBlk:") == 0);
  // Mask: the C library uses signals 32 and 33 itself, and every posix_spawn leaves them ignored.
  CHECK((masks.at("SigIgn:") & 0x7fff'ffff) == 0);
}

TEST_CASE("child: what is written to it comes back in order, megabytes too") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  auto child = launcher->spawn({.file = "cat"}, recorder);
  REQUIRE(child);
  std::string sent;
  for (int i = 0; i < 40; ++i) {
    const std::string piece = std::string(100'000, static_cast<char>('a' + i % 26)) + "\n";
    sent += piece;
    (*child)->write(piece);
  }
  CHECK((*child)->unwritten() > 0);  // more than a pipe can hold
  (*child)->write("the end");
  sent += "the end";
  recorder.stop_at = "the end";
  recorder.after(
      [&] {
        CHECK((*child)->unwritten() == 0);
        child->reset();  // cat ends when its stdin is closed
      },
      50ms);
  REQUIRE(run_until_stopped(loop));
  CHECK(recorder.output == sent);
  CHECK(launcher->running() == 0);
}

TEST_CASE("fault 80: what cannot be started says why, however long the command is") {
  const std::string why = "it cannot be started: ";
  CHECK(fate({.file = "no-such-program-here"}) == why + "No such file or directory");
  CHECK(fate({.file = "/etc/passwd"}) == why + "Permission denied");
  CHECK(fate({.file = "sh", .cwd = "/no/such/folder"}) == why + "No such file or directory");
  // The first is longer than the kernel's limit for one argument, the second than its limit for all arguments. The last
  // one is not even sent to the host.
  for (const std::size_t bytes : {200'000u, 7'000'000u, 9'000'000u}) {
    CHECK(fate({.file = "true", .args = {std::string(bytes, 'x')}}) == why + "Argument list too long");
  }
  CHECK(fate({.file = "true", .args = {std::string(100'000, 'x')}}) == "it exited with code 0");
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left to reap
}

TEST_CASE("child: env overrides the environment, also for the PATH look-up, and cwd is its working directory") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  const auto child = launcher->spawn({.file = "sh",
                                      .args = {"-c", "pwd; echo $HOME $MORE"},
                                      .env = {{"HOME", "/elsewhere"}, {"MORE", "a b"}},
                                      .cwd = "/usr"},
                                     recorder);
  REQUIRE(child);
  REQUIRE(run_until_stopped(loop));
  CHECK(recorder.output == "/usr\n/elsewhere a b\n");
  CHECK(fate({.file = "sh", .env = {{"PATH", "/nowhere"}}}) == "it cannot be started: No such file or directory");
}

TEST_CASE(
    "faults 82, 85: a child that ignores the end of stdin and SIGTERM is killed with all processes that it started") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  recorder.stop_at = "ready";
  auto child = launcher->spawn(
      shell("trap '' TERM; (trap '' TERM; sleep 1000) & echo $! $$ ready; while :; do sleep 1; done"), recorder);
  REQUIRE(child);
  recorder.after(
      [&] {
        CHECK(alive(std::stoi(recorder.output)));
        child->reset();
      },
      400ms);
  REQUIRE(run_until_stopped(loop));
  const pid_t grandchild = std::stoi(recorder.output);
  const pid_t shell_pid = std::stoi(recorder.output.substr(recorder.output.find(' ')));
  CHECK(launcher->running() == 0);
  CHECK(gone_within(shell_pid, 1s));
  CHECK(gone_within(grandchild, 1s));
  CHECK(recorder.gone.empty());  // the handler was no longer attached
}

TEST_CASE("fault 85: processes that a dead child started are killed, too") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  const auto child = launcher->spawn(shell("sleep 1000 & echo $!; exit 0"), recorder);
  REQUIRE(child);
  REQUIRE(run_until_stopped(loop));
  CHECK(recorder.gone == "it exited with code 0");
  CHECK(gone_within(std::stoi(recorder.output), 1s));
}

// Starts a daemon and prints its pid. The daemon has its own session, was orphaned by its starter and ignores SIGTERM.
const std::string kDaemonise =
    "(setsid sh -c 'trap \"\" TERM; echo $$ >&3; exec 3>&-; exec sleep 1000' 3>&1 >/dev/null 2>&1 &); ";

TEST_CASE("fault 85: a daemon that left the child's session, group and parent ends with the child") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  recorder.stop_at = "\n";
  auto child = launcher->spawn(shell(kDaemonise + "exec cat"), recorder);
  REQUIRE(child);
  recorder.after([&] { child->reset(); }, 600ms);
  REQUIRE(run_until_stopped(loop));
  CHECK(gone_within(std::stoi(recorder.output), 5s));
  CHECK(launcher->running() == 0);
}

TEST_CASE("fault 85: the death of a keeper ends its child and that child's daemons, and no other child") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder other(loop), recorder(loop);
  const auto stays = launcher->spawn(shell("echo $$; exec cat"), other);
  REQUIRE(stays);
  recorder.stop_at = "ready";
  const auto child = launcher->spawn(shell(kDaemonise + "sleep 0.2; echo $$ $PPID ready; exec cat"), recorder);
  REQUIRE(child);
  std::vector<pid_t> pids(3);
  recorder.then = [&] {
    std::istringstream words(recorder.output);
    for (auto& pid : pids) words >> pid;
    kill(pids[2], SIGKILL);
  };
  REQUIRE(run_until_stopped(loop));
  CHECK(recorder.gone == "it was lost with the process that kept it");
  for (const pid_t pid : pids) CHECK(gone_within(pid, 5s));
  CHECK(alive(std::stoi(other.output)));
}

TEST_CASE("fault 85: a child that stops its keeper again and again is killed all the same") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  recorder.stop_at = "ready";
  auto child = launcher->spawn(
      shell("trap '' TERM; kill -STOP $PPID; echo $$ ready; while :; do kill -STOP $PPID; sleep 0.01; done"), recorder);
  REQUIRE(child);
  REQUIRE(run_until_stopped(loop));
  child->reset();
  CHECK(gone_within(std::stoi(recorder.output), 5s));
}

TEST_CASE("child: a child continues without its host, and the next child gets a new host") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder first(loop), second(loop);
  first.stop_at = "ready";
  auto child = launcher->spawn(shell("ps -o ppid= -p $PPID; echo ready; exec cat"), first);
  REQUIRE(child);
  std::expected<std::unique_ptr<ChildProcess>, std::string> next;
  first.after(
      [&] {
        const pid_t host = std::stoi(first.output);  // parent of the child's keeper
        kill(host, SIGKILL);
        CHECK(gone_within(host, 5s));
        first.stop_at = "again";
        (*child)->write("again");
        first.then = [&] { next = launcher->spawn(shell("echo here"), second); };
      },
      20s);
  REQUIRE(run_until_stopped(loop));
  CHECK(first.output.ends_with("again"));
  CHECK(second.output == "here\n");
  CHECK(second.gone == "it exited with code 0");
}

TEST_CASE("child: more children can start at once than the host's socket holds") {
  constexpr int kMany = 100;
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  struct Counter : ChildHandler {
    void on_output(std::string_view) override {}
    void on_diagnostics(std::string_view) override {}
    void on_gone(std::string_view how) override { on_end(how); }
    std::function<void(std::string_view)> on_end;
  } counter;
  int ended = 0;
  counter.on_end = [&](std::string_view how) {
    CHECK(how == "it exited with code 0");
    if (++ended == kMany) loop.stop();
  };
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < kMany; ++i) {
    auto child = launcher->spawn({.file = "true"}, counter);
    REQUIRE(child);
    children.push_back(*std::move(child));
  }
  REQUIRE(run_until_stopped(loop));
  CHECK(ended == kMany);
}

TEST_CASE("fault 85: destroying the launcher ends every child, without a loop") {
  Loop loop;
  auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder first(loop), second(loop);
  first.stop_at = second.stop_at = "ready";
  auto polite = launcher->spawn(shell("echo $$ ready; cat >/dev/null"), first);
  REQUIRE(polite);
  REQUIRE(run_until_stopped(loop));
  auto stubborn = launcher->spawn(shell("trap '' TERM; echo $$ ready; while :; do sleep 1; done"), second);
  REQUIRE(stubborn);
  usleep(100'000);  // by now the trap is set; the output waits in the pipe
  CHECK(launcher->running() == 2);
  polite->reset();
  stubborn->reset();
  launcher.reset();
  CHECK(gone_within(std::stoi(first.output), 1s));
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("child: a child that closes its output or its input counts as ended") {
  CHECK(run("exec >&-; exec 2>&-; sleep 5; exit 9").gone == "it closed its output");
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  recorder.stop_at = "closed";
  const auto child = launcher->spawn(shell("exec <&-; echo closed; exec sleep 1000"), recorder);
  REQUIRE(child);
  std::unique_ptr<Timer> next;  // repeated, because the keeper may not have closed its copy yet
  std::function<void()> write_again = [&] {
    (*child)->write("hello\n");
    next = loop.call_at(loop.now() + 20ms, write_again);
  };
  recorder.after(write_again, 20s);
  REQUIRE(run_until_stopped(loop));
  CHECK(recorder.gone == "it closed its input");
}

TEST_CASE("child: it may be destroyed within each of its callbacks") {
  struct GivingUp : Recorder {
    using Recorder::Recorder;
    void on_output(std::string_view) override { child.reset(); }
    std::unique_ptr<ChildProcess> child;
  };
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  GivingUp recorder(loop);
  auto child = launcher->spawn(shell("echo one; echo two; exit 1"), recorder);
  REQUIRE(child);
  recorder.child = *std::move(child);
  run_for(loop, 200ms);
  CHECK(recorder.gone.empty());
  CHECK(launcher->running() == 0);
}

TEST_CASE("child: a start with few or no free descriptors fails and has no other effect") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick, .start_host = true});
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const int next = dup(STDERR_FILENO);  // lowest free descriptor
  close(next);
  const auto open_descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  int failed = 0;
  for (int left = 0; left < 24; ++left) {  // a child needs three pipes, a socket pair and a memory file
    CAPTURE(left);
    Recorder recorder(loop);
    const auto open_before = open_descriptors();
    const rlimit few{static_cast<rlim_t>(next + left), before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    const auto child = launcher->spawn(shell("exit 0"), recorder);
    setrlimit(RLIMIT_NOFILE, &before);
    if (child) continue;
    CHECK(child.error() == "Too many open files");
    CHECK(open_descriptors() == open_before);
    ++failed;
  }
  CHECK(failed >= 9);
  CHECK(failed < 24);
}

TEST_CASE("fault 85: a child that joined the worker's process group and ignores SIGTERM is killed all the same") {
  Loop loop;
  const auto launcher = make_child_launcher(loop, {.ending = kQuick});
  Recorder recorder(loop);
  recorder.stop_at = "away";
  const auto child = launcher->spawn(
      {.file = "python3",
       .args = {"-c",
                "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                "os.setpgid(0, os.getpgid(os.getppid())); print('away', flush=True); time.sleep(1000)"}},
      recorder);
  REQUIRE(child);
  REQUIRE(run_until_stopped(loop));
}  // `child` ends only here, in its destructor
