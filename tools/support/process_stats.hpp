// CPU time and memory of a process, as the kernel counts them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>

namespace aiw::tools {

// CPU time of all threads so far, including ended threads, in nanoseconds (the process's CPU clock).
std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid);

struct MemoryUse {
  std::size_t rss = 0;       // bytes
  std::size_t pss = 0;       // shared pages divided by the number of their users
  std::size_t peak_rss = 0;  // since the start or the last reset_peak_rss()
};
// Reads /proc/PID/smaps_rollup and status.
std::optional<MemoryUse> memory_use(pid_t pid);

bool reset_peak_rss(pid_t pid);

}  // namespace aiw::tools
