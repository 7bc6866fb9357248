// Worker whose stdin and stdout are any kind of descriptor: sockets, terminals, non-blocking pipes.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "tests/e2e/test_worker.hpp"

namespace aiw::e2e {

// Owns a descriptor.
class Handle {
 public:
  explicit Handle(int fd = -1) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Handle() { close(); }
  void close();
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

struct HandlePair {
  Handle ours, theirs;
};
HandlePair pipe_to_child();
HandlePair pipe_from_child();
HandlePair socket_pair();

// Reads and writes on the test's ends block, so use it only for short exchanges.
class ChildProcess {
 public:
  // Gives these descriptors to the child as 0 and 1. The caller closes its own copies.
  ChildProcess(int stdin_fd, int stdout_fd);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Returns the exit code: -1 if the child did not exit in time, 1000 + the signal number after a fatal signal.
  int exit_code();

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
};

void write_all(int fd, std::string_view bytes);
// Reads up to and including `until`, or to the end of input, but no longer than kPatience.
std::string read_to(int fd, std::string_view until = {});
// Parses one JSON value, a frame, from each line.
std::vector<Json> parse_lines(std::string_view text);

}  // namespace aiw::e2e
