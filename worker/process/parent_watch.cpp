#include "worker/process/parent_watch.hpp"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace aiw {

ParentWatch::ParentWatch(Loop& loop, pid_t parent, std::function<void()> on_gone)
    : loop_(loop), on_gone_(std::move(on_gone)) {
  if (parent == 0) return;
  fd_ = static_cast<int>(syscall(SYS_pidfd_open, parent, 0));  // close-on-exec is implied
  // `parent` is no longer our parent: it died, and its pid may already be reused.
  if (getppid() != parent) {
    lost_ = loop_.call_at(loop_.now(), [this] { on_gone_(); });
  } else if (fd_ >= 0) {
    loop_.watch(fd_, static_cast<unsigned>(Readiness::read), [this](unsigned) {
      loop_.unwatch(fd_);
      on_gone_();
    });
  }
}

ParentWatch::~ParentWatch() {
  if (fd_ < 0) return;
  loop_.unwatch(fd_);
  close(fd_);
}

bool started_to_outlive_parent() {
  struct sigaction action{};
  if (sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) return true;
  struct stat status{};
  return fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace aiw
