#include "worker/io/output_descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

namespace aiw {
namespace {

bool writable_now(int fd) {
  pollfd entry{fd, POLLOUT, 0};
  return poll(&entry, 1, 0) > 0;  // an error counts as writable: the write reports it
}

}  // namespace

OutputDescriptor::OutputDescriptor(int fd) : fd_(fd) {
  struct stat status{};
  if (fstat(fd, &status) != 0) return;  // the first write reports EBADF
  if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::socket;
  } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    const auto path = "/proc/self/fd/" + std::to_string(fd);
    own_fd_ = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own_fd_ < 0) kind_ = Kind::polled;  // no /proc, a pipe of another user, or a pipe without a reader
  }
}

OutputDescriptor::~OutputDescriptor() {
  if (own_fd_ >= 0) close(own_fd_);
}

OutputDescriptor::Written OutputDescriptor::write(const char* data, std::size_t size) const {
  for (;;) {
    ssize_t count = 0;
    if (kind_ == Kind::socket) {
      count = send(fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (kind_ == Kind::polled) {
      if (!writable_now(fd_)) return {0, EAGAIN};
      count = ::write(fd_, data, std::min<std::size_t>(size, PIPE_BUF));  // guaranteed by poll(2) for a writable pipe
    } else {
      count = ::write(fd(), data, size);
    }
    if (count >= 0) return {static_cast<std::size_t>(count), 0};
    if (errno != EINTR) return {0, errno};
  }
}

}  // namespace aiw
