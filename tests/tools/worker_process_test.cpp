#include "tools/support/worker_process.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include "tools/support/process_stats.hpp"

namespace aiw::tools {
namespace {

using Milliseconds = WorkerProcess::Milliseconds;
constexpr Milliseconds kLong{5000};

std::unique_ptr<WorkerProcess> shell(const std::string& script) {
  auto worker = WorkerProcess::spawn({.program = "sh", .args = {"-c", script}, .environment = {"AIW_PROBE=yes"}});
  REQUIRE(worker.has_value());
  return std::move(*worker);
}

TEST_CASE("lines are written and read, and a last line without a line feed counts") {
  auto worker = shell("read a; echo \"got $a $AIW_PROBE\"; printf tail");
  CHECK(worker->write_line("one"));
  CHECK(worker->read_line(kLong) == "got one yes");
  CHECK(worker->read_line(kLong) == "tail");
  CHECK_FALSE(worker->read_line(kLong).has_value());
  CHECK(worker->stdout_ended());
  auto exit = worker->wait_exit(kLong);
  REQUIRE(exit.has_value());
  CHECK(exit->code == 0);
}

TEST_CASE("more data than a pipe holds goes both ways without deadlock") {
  auto worker = shell("exec cat");
  std::string big(3'000'000, 'x');
  CHECK(worker->write_line(big));
  worker->close_stdin();
  CHECK(worker->read_line(kLong) == big);
  CHECK(worker->wait_exit(kLong).has_value());
}

TEST_CASE("exit codes, signals and stderr are reported") {
  auto failing = shell("echo oops >&2; exit 7");
  auto exit = failing->wait_exit(kLong);
  REQUIRE(exit.has_value());
  CHECK(exit->code == 7);
  CHECK(failing->stderr_text() == "oops\n");
  CHECK_FALSE(failing->write_line("anyone?"));

  auto sleeping = shell("exec sleep 60");
  CHECK_FALSE(sleeping->wait_exit(Milliseconds{20}).has_value());
  CHECK_FALSE(sleeping->read_line(Milliseconds{20}).has_value());
  CHECK_FALSE(sleeping->stdout_ended());
  CHECK(sleeping->send_signal(SIGTERM));
  exit = sleeping->wait_exit(kLong);
  REQUIRE(exit.has_value());
  CHECK(exit->signal == SIGTERM);
}

TEST_CASE("a closed stdout ends the child by SIGPIPE, as under a shell") {
  auto worker = shell("exec yes");
  worker->close_stdout();
  auto exit = worker->wait_exit(kLong);
  REQUIRE(exit.has_value());
  CHECK(exit->signal == SIGPIPE);
}

TEST_CASE("a program that does not exist is an error") {
  CHECK_FALSE(WorkerProcess::spawn({.program = "/no/such/program"}).has_value());
  CHECK_FALSE(WorkerProcess::spawn({.program = "no-such-program-anywhere"}).has_value());
}

TEST_CASE("the CPU time and memory of a process can be read") {
  auto worker = shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ready; exec sleep 60");
  CHECK(worker->read_line(kLong) == "ready");
  auto cpu = cpu_time(worker->pid());
  REQUIRE(cpu.has_value());
  CHECK(*cpu > std::chrono::microseconds(500));
  auto memory = memory_use(worker->pid());
  REQUIRE(memory.has_value());
  CHECK(memory->rss > 0);
  CHECK(memory->pss <= memory->rss);
  CHECK(memory->peak_rss >= memory->rss / 2);
  CHECK(reset_peak_rss(worker->pid()));
}

TEST_CASE("a command is split at white space") {
  WorkerCommand command = parse_command("  node  worker.js --flag ");
  CHECK(command.program == "node");
  CHECK(command.args == std::vector<std::string>{"worker.js", "--flag"});
}

}  // namespace
}  // namespace aiw::tools
