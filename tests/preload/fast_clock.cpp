// Steady clock for LD_PRELOAD that runs 300 times as fast. Waits end sooner by the same factor: five minutes pass in
// one second.

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace {

constexpr long kRate = 300;
constexpr long kNanoseconds = 1'000'000'000;

timespec begin_of(clockid_t clock) {
  timespec time{};
  syscall(SYS_clock_gettime, clock, &time);
  return time;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (result != 0 || clock != CLOCK_MONOTONIC) return static_cast<int>(result);
  static const timespec begin = begin_of(CLOCK_MONOTONIC);
  const long seconds = time->tv_sec - begin.tv_sec, rest = time->tv_nsec - begin.tv_nsec;
  const long elapsed = std::max(0L, (seconds * kNanoseconds + rest) * kRate);
  time->tv_sec = begin.tv_sec + elapsed / kNanoseconds;
  time->tv_nsec = begin.tv_nsec + elapsed % kNanoseconds;
  if (time->tv_nsec >= kNanoseconds) ++time->tv_sec, time->tv_nsec -= kNanoseconds;
  return 0;
}

int epoll_wait(int epoll, epoll_event* events, int size, int timeout) {
  if (timeout > 0) timeout = std::max(1, timeout / static_cast<int>(kRate));
  return static_cast<int>(syscall(SYS_epoll_pwait, epoll, events, size, timeout, nullptr, 8));
}
}
