#include "worker/process/parent_watch.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/test_pipe.hpp"

namespace {

using aiw::Loop;
using aiw::ParentWatch;
using aiw::started_to_outlive_parent;
using aiw::test::run_until_stopped;

// Returns how many times the watch fired during 100 loop turns.
int fired(pid_t parent, bool* active = nullptr) {
  Loop loop;
  int count = 0;
  const ParentWatch watch(loop, parent, [&] { ++count; });
  if (active != nullptr) *active = watch.active();
  int rounds = 100;
  const auto turn = [&](auto& self) -> void {
    if (--rounds == 0) return loop.stop();
    loop.post([&] { self(self); });
  };
  turn(turn);
  CHECK(run_until_stopped(loop));
  return count;
}

TEST_CASE("fault 28: a parent that dies while the watch starts is reported as gone, once") {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  CHECK(fired(child) == 1);     // no process has this pid
  CHECK(fired(getpid()) == 1);  // a process has this pid, but it is not our parent
}

TEST_CASE("a living parent is not reported as gone, and a parent in another namespace cannot be watched") {
  bool active = false;
  CHECK(fired(getppid(), &active) == 0);
  CHECK(active);
  CHECK(fired(0, &active) == 0);
  CHECK_FALSE(active);
}

TEST_CASE("a process that starts with SIGHUP ignored is expected to outlive its parent and its terminal") {
  struct sigaction former{};
  struct sigaction ignored{};
  ignored.sa_handler = SIG_IGN;
  REQUIRE(sigaction(SIGHUP, &ignored, &former) == 0);
  CHECK(started_to_outlive_parent());
  {
    Loop loop;
    int seen = 0;
    loop.on_signals({SIGHUP, SIGUSR1}, [&](int signal) {
      seen = signal;
      loop.stop();
    });
    std::raise(SIGHUP);
    std::raise(SIGUSR1);
    CHECK(run_until_stopped(loop));
    CHECK(seen == SIGUSR1);
  }
  sigaction(SIGHUP, &former, nullptr);
}

}  // namespace
