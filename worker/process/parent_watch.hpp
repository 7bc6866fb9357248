// The death of the process that started this one, told even where another process holds the pipes open.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "worker/io/loop.hpp"

namespace aiw {

enum class ParentWatching {
  automatic,  // unless whoever started this process means it to live on by itself
  on,
  off,
};

// A pidfd and not PR_SET_PDEATHSIG, which tells of the end of the thread that forked (prctl(2)). And not a look whether
// getppid() is 1: an orphan may be given to a subreaper.
class ParentWatch {
 public:
  // `parent` is what getppid() was as early as possible. `on_gone` is called once, on the loop thread, never from
  // within the constructor. A parent that died before `parent` was asked for cannot be told from one that is meant to
  // stay: whoever the process was given to is watched. One in another PID namespace (0) cannot be watched at all.
  ParentWatch(Loop& loop, pid_t parent, std::function<void()> on_gone);
  ~ParentWatch();
  ParentWatch(const ParentWatch&) = delete;
  ParentWatch& operator=(const ParentWatch&) = delete;

  [[nodiscard]] bool active() const { return fd_ >= 0 || lost_ != nullptr; }

 private:
  Loop& loop_;
  std::function<void()> on_gone_;
  int fd_ = -1;
  std::unique_ptr<Timer> lost_;  // it died while we began to watch
};

// Whether this process was started to outlive its parent: with SIGHUP ignored, as nohup does it, or to read a regular
// file, which ends whoever lives. To be asked before signals are handled.
[[nodiscard]] bool started_to_outlive_parent();

}  // namespace aiw
