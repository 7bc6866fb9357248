// Pipe or socket pair that closes with the test, and a limit on the time that a loop may run.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "worker/io/loop.hpp"

namespace aiw::test {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct FdPair {
  Fd read;
  Fd write;
};

inline FdPair make_pipe() {
  std::array<int, 2> fds{};
  REQUIRE(pipe2(fds.data(), O_CLOEXEC) == 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

inline FdPair make_socket_pair() {
  std::array<int, 2> fds{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

inline void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = write(fd, bytes.data(), bytes.size());
    REQUIRE(count > 0);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// Reads until the input is closed, or until `enough` bytes were read.
inline std::string read_all(int fd, std::size_t enough = std::string::npos) {
  std::string out;
  std::array<char, 65536> chunk;
  while (out.size() < enough) {
    const auto count = read(fd, chunk.data(), chunk.size());
    if (count <= 0) break;
    out.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return out;
}

// Runs the loop until it is stopped. Returns false if that took longer than 30 seconds.
inline bool run_until_stopped(Loop& loop) {
  bool in_time = true;
  const auto limit = loop.call_at(loop.now() + std::chrono::seconds(30), [&] {
    in_time = false;
    loop.stop();
  });
  loop.run();
  return in_time;
}

}  // namespace aiw::test
