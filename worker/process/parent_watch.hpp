// Detects the death of the process that started this one, even if another process keeps the pipes open.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "worker/io/loop.hpp"

namespace aiw {

enum class ParentWatching {
  automatic,  // on, unless this process was started to outlive its parent
  on,
  off,
};

// Uses a pidfd instead of PR_SET_PDEATHSIG, which reports the exit of the forking thread (prctl(2)). Does not check
// getppid() == 1, because an orphan may be adopted by a subreaper.
class ParentWatch {
 public:
  // `parent` is the result of getppid(), read as early as possible. `on_gone` is called once, on the loop thread, never
  // from the constructor. If the parent died before getppid() was read, the new parent is watched instead; this cannot
  // be detected. A parent in another PID namespace (0) cannot be watched.
  ParentWatch(Loop& loop, pid_t parent, std::function<void()> on_gone);
  ~ParentWatch();
  ParentWatch(const ParentWatch&) = delete;
  ParentWatch& operator=(const ParentWatch&) = delete;

  [[nodiscard]] bool active() const { return fd_ >= 0 || lost_ != nullptr; }

 private:
  Loop& loop_;
  std::function<void()> on_gone_;
  int fd_ = -1;
  std::unique_ptr<Timer> lost_;  // set if the parent died before the watch began
};

// Returns true if this process was started to outlive its parent: SIGHUP is ignored (as by nohup), or stdin is a
// regular file, which ends regardless of the parent. Call it before signals are handled.
[[nodiscard]] bool started_to_outlive_parent();

}  // namespace aiw
