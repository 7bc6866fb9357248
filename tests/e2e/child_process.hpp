// A worker whose stdin and stdout are descriptors of any kind: sockets, terminals, non-blocking pipes.
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

// Blocking reads and writes on our ends, so only for short exchanges.
class ChildProcess {
 public:
  // Gives the child these descriptors as its 0 and 1; the caller closes its own copies.
  ChildProcess(int stdin_fd, int stdout_fd);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // -1 if it did not end in time; a death by signal is 1000 + its number.
  int exit_code();

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
};

void write_all(int fd, std::string_view bytes);
// Up to and including `until`, or to the end, or as long as kPatience allows.
std::string read_to(int fd, std::string_view until = {});
// Each line is one JSON value: its frame.
std::vector<Json> parse_lines(std::string_view text);

}  // namespace aiw::e2e
