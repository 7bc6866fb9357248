#include "worker/io/loop.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_pipe.hpp"

namespace {

using namespace std::chrono_literals;
using aiw::Loop;
using aiw::Readiness;
using aiw::test::make_pipe;
using aiw::test::run_until_stopped;
using aiw::test::write_all;

constexpr auto kRead = static_cast<unsigned>(Readiness::read);
constexpr auto kWrite = static_cast<unsigned>(Readiness::write);
constexpr auto kError = static_cast<unsigned>(Readiness::error);

}  // namespace

TEST_CASE("timers fire in the order of their times, never from within call_at") {
  Loop loop;
  std::string order;
  const auto start = loop.now();
  const auto c = loop.call_at(start + 20ms, [&] { loop.stop(); });
  const auto b = loop.call_at(start + 10ms, [&] { order += 'b'; });
  const auto a = loop.call_at(start - 1s, [&] { order += 'a'; });
  CHECK(order.empty());
  CHECK(run_until_stopped(loop));
  CHECK(order == "ab");
  CHECK(loop.now() >= start + 20ms);
}

TEST_CASE("a destroyed timer does not fire, even if it was already due") {
  Loop loop;
  bool fired = false;
  std::unique_ptr<aiw::Timer> second;
  const auto first = loop.call_at(loop.now(), [&] {
    second.reset();
    loop.stop();
  });
  second = loop.call_at(loop.now(), [&] { fired = true; });
  CHECK(run_until_stopped(loop));
  CHECK_FALSE(fired);
}

TEST_CASE("a timer may destroy or replace itself") {
  Loop loop;
  int count = 0;
  std::unique_ptr<aiw::Timer> timer;
  std::function<void()> again = [&] {
    timer.reset();
    if (++count == 3) return loop.stop();
    timer = loop.call_at(loop.now(), again);
  };
  timer = loop.call_at(loop.now(), again);
  CHECK(run_until_stopped(loop));
  CHECK(count == 3);
}

TEST_CASE("posts from other threads run on the loop thread, in order") {
  Loop loop;
  constexpr int kPosts = 10'000;
  std::vector<int> seen;
  std::jthread poster([&] {
    for (int i = 0; i < kPosts; ++i) loop.post([&, i] { seen.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  CHECK(run_until_stopped(loop));
  REQUIRE(seen.size() == kPosts);
  for (int i = 0; i < kPosts; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a post from the loop thread runs after the current event") {
  Loop loop;
  std::string order;
  loop.post([&] {
    loop.post([&] {
      order += 'b';
      loop.stop();
    });
    order += 'a';
  });
  CHECK(run_until_stopped(loop));
  CHECK(order == "ab");
}

TEST_CASE("stop works from another thread") {
  Loop loop;
  std::jthread stopper([&] { loop.stop(); });
  CHECK(run_until_stopped(loop));
}

TEST_CASE("a watch reports a ready descriptor until it is removed") {
  Loop loop;
  const auto pipe = make_pipe();
  int calls = 0;
  write_all(pipe.write.get(), "x");  // never read: the watch is level-triggered, so it fires again
  CHECK(loop.watch(pipe.read.get(), kRead, [&](unsigned ready) {
    CHECK(ready == kRead);
    if (++calls < 3) return;
    loop.unwatch(pipe.read.get());
    loop.post([&] { loop.post([&] { loop.stop(); }); });
  }));
  CHECK(run_until_stopped(loop));
  CHECK(calls == 3);
}

TEST_CASE("a second watch replaces the first, even from within its callback") {
  Loop loop;
  const auto pipe = make_pipe();
  std::string order;
  CHECK(loop.watch(pipe.write.get(), kWrite, [&](unsigned) { order += 'x'; }));
  CHECK(loop.watch(pipe.write.get(), kWrite, [&](unsigned) {
    order += 'a';
    loop.watch(pipe.write.get(), kWrite, [&](unsigned) {
      order += 'b';
      loop.stop();
    });
  }));
  CHECK(run_until_stopped(loop));
  CHECK(order == "ab");
}

TEST_CASE("a callback may unwatch another descriptor whose event is already pending") {
  Loop loop;
  const auto one = make_pipe();
  const auto two = make_pipe();
  int calls = 0;
  const auto once = [&](unsigned) {
    ++calls;
    loop.unwatch(one.write.get());
    loop.unwatch(two.write.get());
    loop.post([&] { loop.stop(); });
  };
  CHECK(loop.watch(one.write.get(), kWrite, once));
  CHECK(loop.watch(two.write.get(), kWrite, once));
  CHECK(run_until_stopped(loop));
  CHECK(calls == 1);
}

TEST_CASE("after a watched descriptor is closed, a new one with the same number can be watched") {
  Loop loop;
  auto pipe = make_pipe();
  const int number = pipe.write.get();
  CHECK(loop.watch(number, kWrite, [&](unsigned) { FAIL("the old watch was called"); }));
  pipe.write.reset();
  auto next = make_pipe();
  REQUIRE(dup2(next.write.get(), number) == number);
  const aiw::test::Fd reused(number);
  CHECK(loop.watch(number, kWrite, [&](unsigned) { loop.stop(); }));
  CHECK(run_until_stopped(loop));
}

TEST_CASE("a hang-up is reported without a request for it") {
  Loop loop;
  auto pipe = make_pipe();
  CHECK(loop.watch(pipe.write.get(), 0, [&](unsigned ready) {
    CHECK((ready & kError) != 0);
    loop.stop();
  }));
  pipe.read.reset();
  CHECK(run_until_stopped(loop));
}

TEST_CASE("a regular file cannot be watched") {
  Loop loop;
  const aiw::test::Fd file(open(AIW_SOURCE_DIR "/CMakeLists.txt", O_RDONLY | O_CLOEXEC));
  REQUIRE(file.get() >= 0);
  CHECK_FALSE(loop.watch(file.get(), kRead, [](unsigned) {}));
}

TEST_CASE("signals are delivered on the loop thread, in order, and get their previous effect back afterwards") {
  struct sigaction before{};
  sigaction(SIGUSR1, nullptr, &before);
  {
    Loop loop;
    std::vector<int> seen;
    loop.on_signals({SIGUSR1, SIGUSR2}, [&](int signal) {
      seen.push_back(signal);
      if (signal == SIGUSR2) loop.stop();
    });
    std::raise(SIGUSR1);
    std::raise(SIGUSR2);
    CHECK(run_until_stopped(loop));
    CHECK(seen == std::vector<int>{SIGUSR1, SIGUSR2});
  }
  struct sigaction after{};
  sigaction(SIGUSR1, nullptr, &after);
  CHECK((after.sa_handler == before.sa_handler));
}

TEST_CASE("signals that a parent left blocked are delivered, too") {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  REQUIRE(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
  {
    Loop loop;
    int seen = 0;
    loop.on_signals({SIGUSR1}, [&](int signal) {
      seen = signal;
      loop.stop();
    });
    std::raise(SIGUSR1);
    CHECK(run_until_stopped(loop));
    CHECK(seen == SIGUSR1);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("fault 101: an urgent post runs before the next ready descriptor, which still gets its turn") {
  Loop loop;
  std::string order;
  std::vector<aiw::test::FdPair> pipes;
  for (int i = 0; i < 3; ++i) {
    pipes.push_back(make_pipe());
    write_all(pipes.back().write.get(), "x");
    loop.watch(pipes.back().read.get(), kRead, [&, i](unsigned) {
      order += 'd';
      loop.unwatch(pipes[static_cast<std::size_t>(i)].read.get());
      loop.post_at_once([&] { order += 'p'; });
      if (order.size() == 5) loop.stop();
    });
  }
  CHECK(run_until_stopped(loop));
  CHECK(order == "dpdpdp");
}

TEST_CASE("fault 117: after a turn was cut short, the remaining descriptors come next, before those already served") {
  Loop loop;
  std::string order;
  std::vector<aiw::test::FdPair> pipes;
  for (int i = 0; i < 3; ++i) {
    pipes.push_back(make_pipe());
    write_all(pipes.back().write.get(), "x");  // stays readable
    loop.watch(pipes.back().read.get(), kRead, [&, i](unsigned) {
      order += static_cast<char>('0' + i);
      loop.post([&] { order += 'p'; });
      loop.cut_turn();
      if (order.size() == 11) loop.stop();
    });
  }
  CHECK(run_until_stopped(loop));
  CHECK(order == "0p1p2p0p1p2p");
}

TEST_CASE("fault 117: a descriptor that is no longer watched gets no turn, even if it was ready") {
  Loop loop;
  int calls = 0;
  std::vector<aiw::test::FdPair> pipes;
  for (int i = 0; i < 2; ++i) {
    pipes.push_back(make_pipe());
    write_all(pipes.back().write.get(), "x");
  }
  for (int i = 0; i < 2; ++i) {
    loop.watch(pipes[static_cast<std::size_t>(i)].read.get(), kRead, [&](unsigned) {
      ++calls;
      loop.cut_turn();
      for (const auto& pipe : pipes) loop.unwatch(pipe.read.get());
    });
  }
  const auto timer = loop.call_at(loop.now() + std::chrono::milliseconds(20), [&] { loop.stop(); });
  CHECK(run_until_stopped(loop));
  CHECK(calls == 1);
}
