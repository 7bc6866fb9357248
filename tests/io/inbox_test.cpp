#include "worker/io/inbox.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "tests/support/test_pipe.hpp"

using namespace aiw;
using namespace std::chrono_literals;
using aiw::test::Fd;
using aiw::test::FdPair;
using aiw::test::make_pipe;
using aiw::test::read_all;
using aiw::test::run_until_stopped;
using aiw::test::write_all;

namespace {

std::string health_lines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += R"({"id":"h)" + std::to_string(i) + R"(","type":"health"})" + "\n";
  return lines;
}

// Requests that an inbox delivers. The loop stops when the input is closed.
struct Taken {
  explicit Taken(int fd) : inbox(std::make_unique<Inbox>(loop, fd, 1 << 20, DecodeOptions{}, handlers())) {}

  InboxHandlers handlers() {
    return {[this](Request request) {
              ids.push_back(std::get<HealthRequest>(request).id);
              if (on_request) on_request();
            },
            [this](int) {
              ended = true;
              loop.stop();
            }};
  }
  void check_order() const {
    for (std::size_t i = 0; i < ids.size(); ++i) REQUIRE(ids[i] == "h" + std::to_string(i));
  }

  Loop loop;
  std::vector<std::string> ids;
  std::function<void()> on_request;
  bool ended = false;
  std::unique_ptr<Inbox> inbox;
};

TEST_CASE("fault 17: a flood of lines is handled in bounded batches, between which streams and timers run") {
  constexpr std::size_t kLines = 1'500;
  FdPair pipe = make_pipe();
  write_all(pipe.write.get(), health_lines(kLines));  // less than the pipe can hold
  Taken taken(pipe.read.get());
  std::size_t most = 0, before = 0;
  taken.loop.after_each_turn([&] {
    most = std::max(most, taken.ids.size() - before);
    before = taken.ids.size();
    if (before == kLines) taken.loop.stop();
  });
  REQUIRE(run_until_stopped(taken.loop));
  CHECK(most > 0);
  CHECK(most <= 256);
  taken.check_order();
}

TEST_CASE("fault 17: one-byte lines are read ahead only as far as their decoded form fits in bounded memory") {
  constexpr std::size_t kLines = 256 << 10;
  const Fd file(memfd_create("lines", MFD_CLOEXEC));
  std::string lines;
  for (std::size_t i = 0; i < kLines; ++i) lines += "x\n";
  write_all(file.get(), lines);
  const auto position = [&] { return lseek(file.get(), 0, SEEK_CUR); };
  REQUIRE(lseek(file.get(), 0, SEEK_SET) == 0);
  Loop loop;
  std::size_t handled = 0;
  InboxHandlers handlers;
  handlers.on_request = [&](const Request& request) {
    handled += std::holds_alternative<RejectedLine>(request) ? 1 : 0;
  };
  handlers.on_end = [&](int) { loop.stop(); };
  const Inbox inbox(loop, file.get(), 1 << 20, {}, std::move(handlers));
  for (off_t before = -1; before < 1 || before != position();) {  // until the inbox reads no more
    before = position();
    std::this_thread::sleep_for(200ms);
  }
  CHECK(position() <= 64 << 10);
  REQUIRE(run_until_stopped(loop));
  CHECK(handled == kLines);
}

TEST_CASE("fault 17: a paused inbox delivers nothing, not even lines that were already read") {
  FdPair pipe = make_pipe();
  write_all(pipe.write.get(), health_lines(1'000));
  pipe.write.reset();
  Taken taken(pipe.read.get());
  std::unique_ptr<Timer> again;
  bool was_paused = false;
  taken.on_request = [&] {
    if (taken.ids.size() != 10) return;
    taken.inbox->set_paused(true);
    again = taken.loop.call_at(taken.loop.now() + 200ms, [&] {
      was_paused = taken.ids.size() == 10 && !taken.ended;
      taken.inbox->set_paused(false);
    });
  };
  REQUIRE(run_until_stopped(taken.loop));
  CHECK(was_paused);
  CHECK(taken.ended);
  CHECK(taken.ids.size() == 1'000);
  taken.check_order();
}

TEST_CASE("inbox: after stop_reading, lines already read are delivered, and later lines are not") {
  FdPair pipe = make_pipe();
  write_all(pipe.write.get(), health_lines(1'000));
  Taken taken(pipe.read.get());
  std::unique_ptr<Timer> later;
  taken.on_request = [&] {
    if (taken.ids.size() != 1'000) return;
    taken.inbox->stop_reading();
    taken.inbox->set_paused(true);
    taken.inbox->set_paused(false);  // does not resume reading
    later = taken.loop.call_at(taken.loop.now() + 200ms, [&] { taken.loop.stop(); });
    write_all(pipe.write.get(), health_lines(1));
  };
  REQUIRE(run_until_stopped(taken.loop));
  CHECK(taken.ids.size() == 1'000);
}

TEST_CASE("inbox: has_unhandled reports lines that were read but not yet delivered, whenever reading stops") {
  const std::string lines = health_lines(1'500);
  std::size_t cut_short = 0;
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    FdPair pipe = make_pipe();
    Taken taken(pipe.read.get());
    write_all(pipe.write.get(), lines);
    const std::function<void()> stop_when_handled = [&] {
      if (!taken.inbox->has_unhandled()) return taken.loop.stop();
      taken.loop.post(stop_when_handled);
    };
    const auto stop = taken.loop.call_at(taken.loop.now() + 3us * round, [&] {
      taken.inbox->stop_reading();
      stop_when_handled();
    });
    REQUIRE(run_until_stopped(taken.loop));
    const std::size_t handled = taken.ids.size();
    taken.inbox.reset();
    pipe.write.reset();
    const std::size_t unread = read_all(pipe.read.get()).size();
    REQUIRE(handled == std::count(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(unread), '\n'));
    taken.check_order();
    cut_short += unread > 0 ? 1 : 0;
  }
  MESSAGE(cut_short << " of 200 rounds stopped before the end");
}

TEST_CASE("inbox: a request handler may destroy it") {
  FdPair pipe = make_pipe();
  write_all(pipe.write.get(), health_lines(100));
  Taken taken(pipe.read.get());
  taken.on_request = [&] {
    taken.inbox.reset();
    taken.loop.stop();
  };
  REQUIRE(run_until_stopped(taken.loop));
  CHECK(taken.ids.size() == 1);
}

}  // namespace
