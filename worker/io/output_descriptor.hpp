// Non-blocking writes to any kind of descriptor, without changing its flags.
#pragma once

#include <cstddef>

namespace aiw {

// A pipe, FIFO or terminal is opened again, so that O_NONBLOCK does not affect the description shared with others. A
// socket is written with MSG_DONTWAIT. Files and other kinds are written directly.
class OutputDescriptor {
 public:
  // `fd` stays owned by the caller.
  explicit OutputDescriptor(int fd);
  ~OutputDescriptor();
  OutputDescriptor(const OutputDescriptor&) = delete;
  OutputDescriptor& operator=(const OutputDescriptor&) = delete;

  // Descriptor to poll.
  [[nodiscard]] int fd() const { return own_fd_ >= 0 ? own_fd_ : fd_; }
  struct Written {
    std::size_t count = 0;
    int error = 0;  // errno; EAGAIN: no space now
  };
  // Writes as many bytes as fit now.
  [[nodiscard]] Written write(const char* data, std::size_t size) const;

 private:
  enum class Kind { plain, socket, polled };

  const int fd_;
  int own_fd_ = -1;
  Kind kind_ = Kind::plain;
};

}  // namespace aiw
