// Writes that never block, to a descriptor of any kind whose flags stay as they are.
#pragma once

#include <cstddef>

namespace aiw {

// A pipe, FIFO or terminal is opened anew, without O_NONBLOCK showing on the description that others share; a socket is
// sent to with MSG_DONTWAIT; files and the like are written as they are.
class OutputDescriptor {
 public:
  // `fd` stays the caller's.
  explicit OutputDescriptor(int fd);
  ~OutputDescriptor();
  OutputDescriptor(const OutputDescriptor&) = delete;
  OutputDescriptor& operator=(const OutputDescriptor&) = delete;

  // What to poll.
  [[nodiscard]] int fd() const { return own_fd_ >= 0 ? own_fd_ : fd_; }
  struct Written {
    std::size_t count = 0;
    int error = 0;  // EAGAIN: not now
  };
  // Writes what fits now.
  [[nodiscard]] Written write(const char* data, std::size_t size) const;

 private:
  enum class Kind { plain, socket, polled };

  const int fd_;
  int own_fd_ = -1;
  Kind kind_ = Kind::plain;
};

}  // namespace aiw
