#include "worker/io/stdout_writer.hpp"

#include <doctest/doctest.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>

#include "tests/support/test_pipe.hpp"

namespace {

using namespace std::chrono_literals;
using aiw::Loop;
using aiw::StdoutHandlers;
using aiw::StdoutOptions;
using aiw::StdoutWriter;
using aiw::test::Fd;
using aiw::test::FdPair;
using aiw::test::make_pipe;
using aiw::test::make_socket_pair;
using aiw::test::read_all;
using aiw::test::run_until_stopped;

void append(StdoutWriter& writer, std::string_view frame) {
  writer.tail() += frame;
  writer.frame_appended();
}

StdoutHandlers unexpected_end() {
  return {[] {}, [](int error) { FAIL("broken: " << error); }};
}

// Returns a frame with a length that depends on `number`, so that a torn or lost frame is visible.
std::string frame(int number) {
  return std::to_string(number) + std::string(static_cast<std::size_t>(number % 3000), 'x') + "\n";
}

// Writes many frames to the pair while a thread reads them. Checks that all bytes arrived and no descriptor flag
// changed.
void check_intact(FdPair pair) {
  const int flags = fcntl(pair.write.get(), F_GETFL);
  std::string expected;
  std::string got;
  std::jthread reader([&, fd = pair.read.get()] { got = read_all(fd); });
  {
    Loop loop;
    StdoutWriter writer(loop, pair.write.get(), {}, unexpected_end());
    for (int i = 0; i < 3000; ++i) {
      append(writer, frame(i));
      expected += frame(i);
    }
    writer.when_drained([&] { loop.stop(); });
    CHECK(run_until_stopped(loop));
    CHECK(writer.pending() == 0);
  }
  CHECK(fcntl(pair.write.get(), F_GETFL) == flags);
  pair.write.reset();
  reader.join();
  CHECK((got == expected));
}

// Runs a writer to `fd` with one frame until it breaks. Returns the reported errno.
int error_of(int fd, std::string_view bytes, StdoutOptions options = {}) {
  Loop loop;
  int error = 0;
  int drained = 0;
  StdoutWriter writer(loop, fd, options,
                      {[] {},
                       [&](int e) {
                         CHECK(error == 0);
                         error = e;
                       }});
  if (!bytes.empty()) append(writer, bytes);
  writer.when_drained([&] { ++drained; });
  const auto wait = [&](auto& self) -> void {
    if (error != 0 && drained == 1) return loop.stop();
    loop.post([&] { self(self); });
  };
  wait(wait);
  CHECK(run_until_stopped(loop));
  append(writer, "dropped\n");
  CHECK(writer.pending() == 0);
  return error;
}

}  // namespace

TEST_CASE("frames arrive complete and in order on every kind of descriptor, and no flag changes") {
  SUBCASE("pipe") { check_intact(make_pipe()); }
  SUBCASE("socket") { check_intact(make_socket_pair()); }
  SUBCASE("non-blocking pipe") {
    auto pair = make_pipe();
    fcntl(pair.write.get(), F_SETFL, O_NONBLOCK);
    check_intact(std::move(pair));
  }
  SUBCASE("terminal") {
    Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(master.get() >= 0);
    REQUIRE(grantpt(master.get()) == 0);
    REQUIRE(unlockpt(master.get()) == 0);
    Fd terminal(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal.get() >= 0);
    const int flags = fcntl(terminal.get(), F_GETFL);
    std::string got;
    std::jthread reader([&] { got = read_all(master.get(), 100 * 101); });
    Loop loop;
    StdoutWriter writer(loop, terminal.get(), {}, unexpected_end());
    for (int i = 0; i < 100; ++i) append(writer, std::string(99, 'x') + "\n");
    writer.when_drained([&] { loop.stop(); });
    CHECK(run_until_stopped(loop));
    reader.join();
    CHECK(got.size() == 100 * 101);  // a terminal writes LF as CR LF
    CHECK(fcntl(terminal.get(), F_GETFL) == flags);
  }
}

TEST_CASE("frames are written to a regular file and to /dev/null") {
  std::string path = "/tmp/aiw_stdout_XXXXXX";
  const Fd file(mkstemp(path.data()));
  REQUIRE(file.get() >= 0);
  const Fd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  for (const int fd : {file.get(), null.get()}) {
    Loop loop;
    StdoutWriter writer(loop, fd, {}, unexpected_end());
    append(writer, "one\n");
    append(writer, "two\n");
    CHECK(writer.pending() == 8);
    writer.when_drained([&] { loop.stop(); });
    CHECK(run_until_stopped(loop));
  }
  REQUIRE(lseek(file.get(), 0, SEEK_SET) == 0);
  CHECK(read_all(file.get()) == "one\ntwo\n");
  unlink(path.c_str());
}

TEST_CASE("a full device, a bad descriptor and a closed reader are reported by errno") {
  const Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  CHECK(error_of(full.get(), "x\n") == ENOSPC);
  CHECK(error_of(1000, "x\n") == EBADF);
  auto pipe = make_pipe();
  pipe.read.reset();
  CHECK(error_of(pipe.write.get(), "x\n") == EPIPE);
  auto sockets = make_socket_pair();
  sockets.read.reset();
  CHECK(error_of(sockets.write.get(), "x\n") == EPIPE);
}

TEST_CASE("a reader that closes is detected without a write") {
  const auto check = [](FdPair pair) {
    Loop loop;
    int error = 0;
    StdoutWriter writer(loop, pair.write.get(), {},
                        {[] {},
                         [&](int e) {
                           error = e;
                           loop.stop();
                         }});
    loop.post([&] { pair.read.reset(); });
    CHECK(run_until_stopped(loop));
    CHECK(error == EPIPE);
  };
  check(make_pipe());
  check(make_socket_pair());
}

TEST_CASE("congestion starts at the high-water mark, stops below the low-water mark, and nothing is lost") {
  const auto pair = make_pipe();
  Loop loop;
  const StdoutOptions options{.high_water = 300'000, .low_water = 50'000};
  int relieved = 0;
  std::string got;
  StdoutWriter writer(loop, pair.write.get(), options,
                      {[&] {
                         ++relieved;
                         CHECK_FALSE(writer.congested());
                         append(writer, "last\n");
                       },
                       [](int error) { FAIL("broken: " << error); }});
  append(writer, std::string(200'000, 'a') + "\n");
  CHECK_FALSE(writer.congested());
  append(writer, std::string(200'000, 'b') + "\n");
  CHECK(writer.congested());
  std::jthread reader;
  loop.post([&] {
    loop.post([&] {
      CHECK(writer.congested());  // the pipe is full and nothing reads yet
      CHECK(writer.pending() > 300'000);
      reader = std::jthread([&] { got = read_all(pair.read.get(), 400'007); });
    });
  });
  writer.when_drained([&] { loop.stop(); });
  CHECK(run_until_stopped(loop));
  reader.join();
  CHECK(relieved == 1);
  CHECK(got.size() == 400'007);
  CHECK(got.ends_with("b\nlast\n"));
}

TEST_CASE("the progress of a slow reader is reported until it has caught up") {
  constexpr std::size_t kBytes = 1 << 20, kPipe = 64 << 10;
  const auto pair = make_pipe();
  Loop loop;
  std::size_t told = 0, calls = 0;
  StdoutHandlers handlers = unexpected_end();
  handlers.on_relieved = [&] { loop.stop(); };
  handlers.on_progress = [&](std::size_t bytes) {
    ++calls;
    told += bytes;
  };
  StdoutWriter writer(loop, pair.write.get(), {}, std::move(handlers));
  append(writer, std::string(kBytes - 1, 'x') + "\n");
  std::string block(kPipe, '\0');
  std::unique_ptr<aiw::Timer> next;
  std::function<void()> read_some = [&] {
    CHECK(read(pair.read.get(), block.data(), block.size()) > 0);
    next = loop.call_at(loop.now() + 1ms, read_some);
  };
  loop.post([&] { next = loop.call_at(loop.now() + 1ms, read_some); });
  CHECK(run_until_stopped(loop));
  CHECK(calls >= 10);  // each call reports about one full pipe
  CHECK(told > kBytes - (256 << 10));
  CHECK(told <= kBytes);
}

TEST_CASE("the memory of a burst is released after it is written") {
  const auto pair = make_pipe();
  Loop loop;
  StdoutWriter writer(loop, pair.write.get(), {}, unexpected_end());
  constexpr std::size_t kBurst = 8 << 20;
  append(writer, std::string(kBurst, 'x'));
  std::jthread reader([&] { read_all(pair.read.get(), kBurst); });
  writer.when_drained([&] { loop.stop(); });
  CHECK(run_until_stopped(loop));
  CHECK(writer.tail().capacity() <= (1 << 20));
}

TEST_CASE("a reader that reads nothing for the stall timeout ends the output with ETIMEDOUT") {
  const auto pipe = make_pipe();
  CHECK(error_of(pipe.write.get(), std::string(1'000'000, 'x'), {.stall_timeout = 20ms}) == ETIMEDOUT);
}

TEST_CASE("a writer destroyed with a pending flush writes what the descriptor accepts at once") {
  auto pipe = make_pipe();
  const auto full = make_pipe();
  Loop loop;
  {
    StdoutWriter writer(loop, pipe.write.get(), {}, unexpected_end());
    append(writer, "last words\n");
  }
  {  // no reader: the writer does not wait
    StdoutWriter writer(loop, full.write.get(), {.stall_timeout = 0ms}, unexpected_end());
    append(writer, std::string(1'000'000, 'x'));
  }
  loop.post([&] { loop.stop(); });
  CHECK(run_until_stopped(loop));
  pipe.write.reset();
  CHECK(read_all(pipe.read.get()) == "last words\n");
}

TEST_CASE("fault 88: without the loop, a slow reader gets every frame, even if that takes longer than the timeout") {
  auto pipe = make_pipe();
  std::string got;
  std::jthread reader([&] {
    std::array<char, 65536> chunk;
    for (ssize_t count = 1; count > 0;) {
      std::this_thread::sleep_for(20ms);
      count = read(pipe.read.get(), chunk.data(), chunk.size());
      got.append(chunk.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
  });
  constexpr std::size_t kFrames = 1'000;
  {
    Loop loop;
    StdoutWriter writer(loop, pipe.write.get(), {}, unexpected_end());
    for (std::size_t i = 0; i < kFrames; ++i) append(writer, std::string(1'999, 'x') + "\n");
    writer.write_out(400ms);  // the reader needs about 30 turns of 20 ms for 2 MB
    CHECK(writer.pending() == 0);
  }
  pipe.write.reset();
  reader.join();
  CHECK(got.size() == kFrames * 2'000);
}

TEST_CASE("fault 88: the destructor finishes a partly written frame for a reader that reads it") {
  auto pipe = make_pipe();
  std::string got;
  std::jthread reader;
  {
    Loop loop;
    StdoutWriter writer(loop, pipe.write.get(), {}, unexpected_end());
    for (int i = 0; i < 20; ++i) append(writer, std::string(1'000'000, 'x') + "\n");  // each is longer than the pipe
    loop.post([&] { loop.stop(); });
    CHECK(run_until_stopped(loop));
    CHECK(writer.pending() > 19'000'000);
    reader = std::jthread([&, fd = pipe.read.get()] {
      std::this_thread::sleep_for(50ms);  // for this time nothing more can be written
      got = read_all(fd);
    });
  }
  pipe.write.reset();
  reader.join();
  CHECK(got.size() >= 1'000'001);
  CHECK(got.size() % 1'000'001 == 0);
}
