// Event loop of the loop thread: timers, calls from other threads, and ready descriptors.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>

#include "worker/base/clock.hpp"

namespace aiw {

enum class Readiness : unsigned { read = 1, write = 2, error = 4 };

// Uses one level-triggered epoll set, so that a wake-up costs one epoll_wait only. Asio's edge-triggered reactor needs
// three calls (its epoll_wait, ours, and an epoll_ctl to rearm). All members except `post`, `stop` and `raise` must be
// called on the thread that runs `run`. The first loop sets SIGPIPE to ignored for the process.
class Loop : public Clock {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Handles events until stop(). An exception thrown by an action leaves run().
  void run();
  // Any thread: makes run() return after the current turn.
  void stop();
  // Any thread: runs `action` on the loop thread, in the order of the posts.
  void post(std::function<void()> action);
  // Loop thread: like post(), but no other descriptor is dispatched before `action`.
  void post_at_once(std::function<void()> action);
  // Loop thread: stops dispatching ready descriptors in this turn, so that posts and timers run first. The remaining
  // ready descriptors are dispatched before any that become ready later.
  void cut_turn();
  // Loop thread: number of the current turn.
  [[nodiscard]] std::uint64_t turn() const;
  // Any thread: makes run() throw `thrown` soon. Allocates no memory.
  void raise(std::exception_ptr thrown);
  // Sets a call for the end of each turn, when no other action is running.
  void after_each_turn(std::function<void()> action);

  [[nodiscard]] Instant now() const override;
  std::unique_ptr<Timer> call_at(Instant when, std::function<void()> action) override;

  // Watches a descriptor, level-triggered. The caller keeps the descriptor, and its flags do not change. `wanted` is a
  // bit set of Readiness read/write. The action receives the ready bits, and `error` (even if not wanted) for an error
  // or a hang-up. It may watch and unwatch any descriptor. Returns false (EPERM) for a regular file, which is always
  // ready. A second watch of a descriptor replaces the first.
  bool watch(int fd, unsigned wanted, std::function<void(unsigned ready)> action);
  // Must be called before the descriptor is closed.
  void unwatch(int fd);
  // Calls `action` on the loop thread when the process receives one of these signals. Their default effect is disabled
  // until the loop is destroyed. Only one loop of a process may use this.
  void on_signals(std::initializer_list<int> signals, std::function<void(int signal)> action);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw
