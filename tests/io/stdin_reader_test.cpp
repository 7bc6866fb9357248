#include "worker/io/stdin_reader.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_pipe.hpp"

namespace {

using aiw::FramedLine;
using aiw::StdinHandlers;
using aiw::StdinReader;
using aiw::test::Fd;
using aiw::test::make_pipe;
using aiw::test::make_socket_pair;
using aiw::test::write_all;

constexpr std::size_t kMaxLine = 32 << 20;
using Lines = std::vector<std::string>;

// Lines and end that a reader delivers. The test's thread can wait for them.
class Received {
 public:
  StdinHandlers handlers() {
    return {[this](std::vector<FramedLine> lines) {
              const std::lock_guard lock(mutex_);
              for (auto& line : lines) lines_.push_back(line.too_large ? "<too large>" : std::move(line.text));
              changed_.notify_all();
            },
            [this](int error) {
              const std::lock_guard lock(mutex_);
              CHECK_FALSE(end_);
              end_ = error;
              changed_.notify_all();
            }};
  }
  int wait_end() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return end_.has_value(); }));
    return *end_;
  }
  Lines wait_lines(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return lines_.size() >= count; }));
    return lines_;
  }
  Lines lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Lines lines_;
  std::optional<int> end_;
};

}  // namespace

TEST_CASE("lines are read from a pipe and from a socket, blocking or not, and no flag changes") {
  for (const bool socket : {false, true}) {
    for (const bool non_blocking : {false, true}) {
      CAPTURE(socket);
      CAPTURE(non_blocking);
      auto pair = socket ? make_socket_pair() : make_pipe();
      if (non_blocking) fcntl(pair.read.get(), F_SETFL, fcntl(pair.read.get(), F_GETFL) | O_NONBLOCK);
      const int flags = fcntl(pair.read.get(), F_GETFL);
      Received received;
      const StdinReader reader(pair.read.get(), kMaxLine, received.handlers());
      write_all(pair.write.get(), "one\n");
      CHECK(received.wait_lines(1) == Lines{"one"});
      const std::string large(10 << 20, 'x');
      write_all(pair.write.get(), large + "\ntwo\nthr");
      write_all(pair.write.get(), "ee");
      pair.write.reset();
      CHECK(received.wait_end() == 0);
      CHECK((received.lines() == Lines{"one", large, "two", "three"}));
      CHECK(fcntl(pair.read.get(), F_GETFL) == flags);
    }
  }
}

TEST_CASE("input of one byte at a time gives the same lines") {
  auto pipe = make_pipe();
  Received received;
  const StdinReader reader(pipe.read.get(), 10, received.handlers());
  for (const char c : std::string("\xEF\xBB\xBF{\"\xC3\xA9\"}\r\n\n12345678901\nz")) {
    write_all(pipe.write.get(), std::string(1, c));
  }
  pipe.write.reset();
  CHECK(received.wait_end() == 0);
  CHECK(received.lines() == Lines{"{\"\xC3\xA9\"}", "<too large>", "z"});
}

TEST_CASE("a file and /dev/null are read to their end") {
  std::string path = "/tmp/aiw_stdin_XXXXXX";
  const Fd file(mkstemp(path.data()));
  REQUIRE(file.get() >= 0);
  const std::string large(3 << 20, 'y');
  write_all(file.get(), "a\n" + large + "\nb");
  REQUIRE(lseek(file.get(), 0, SEEK_SET) == 0);
  Received received;
  const StdinReader reader(file.get(), kMaxLine, received.handlers());
  CHECK(received.wait_end() == 0);
  CHECK((received.lines() == Lines{"a", large, "b"}));
  unlink(path.c_str());

  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Received nothing;
  const StdinReader null_reader(null.get(), kMaxLine, nothing.handlers());
  CHECK(nothing.wait_end() == 0);
  CHECK(nothing.lines().empty());
}

TEST_CASE("a descriptor that cannot be read is reported with its errno") {
  Received bad;
  const StdinReader reader(1000, kMaxLine, bad.handlers());
  CHECK(bad.wait_end() == EBADF);
  const Fd directory(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Received is_directory;
  const StdinReader directory_reader(directory.get(), kMaxLine, is_directory.handlers());
  CHECK(is_directory.wait_end() == EISDIR);
}

TEST_CASE("a paused reader does not consume its input") {
  auto pipe = make_pipe();
  Received received;
  StdinReader reader(pipe.read.get(), kMaxLine, received.handlers());
  write_all(pipe.write.get(), "before\n");
  received.wait_lines(1);
  reader.set_paused(true);
  write_all(pipe.write.get(), "maybe\n");  // a read that was already waiting may still see this line
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto seen = received.lines().size();
  write_all(pipe.write.get(), "after\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(received.lines().size() == seen);
  reader.set_paused(false);
  CHECK(received.wait_lines(3) == Lines{"before", "maybe", "after"});
}

TEST_CASE("the destructor stops a wait, paused or not, without on_end") {
  const auto pipe = make_pipe();
  Received received;
  {
    const StdinReader waiting(pipe.read.get(), kMaxLine, received.handlers());
    StdinReader paused(pipe.read.get(), kMaxLine, received.handlers());
    paused.set_paused(true);
  }
  CHECK(received.lines().empty());
}
