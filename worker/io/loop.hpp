// The one loop thread: timers, calls from other threads, and descriptors that become ready.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>

#include "worker/base/clock.hpp"

namespace aiw {

enum class Readiness : unsigned { read = 1, write = 2, error = 4 };

// One level-triggered epoll set, so that a wake costs one epoll_wait and nothing else: Asio's reactor, which is edge
// triggered, needs three calls for it (its epoll_wait, ours, and an epoll_ctl to rearm). All members but `post` and
// `stop` belong to the thread that runs `run`. The process ignores SIGPIPE from the first loop on.
class Loop : public Clock {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Handles events until stop(). What an action throws comes out of it.
  void run();
  // Any thread.
  void stop();
  // Any thread: runs `action` on the loop thread, in the order of the posts.
  void post(std::function<void()> action);
  // Loop thread: as post, and no further descriptor has its turn before it.
  void post_at_once(std::function<void()> action);
  // Loop thread: enough was done for the other descriptors that are ready; posts and timers come first. Those that are
  // left have their turn before any that become ready later.
  void cut_turn();
  // Loop thread: which turn this is.
  [[nodiscard]] std::uint64_t turn() const;
  // Any thread: run() throws this soon. Takes no memory.
  void raise(std::exception_ptr thrown);
  // Called at the end of each turn, when no action is under way.
  void after_each_turn(std::function<void()> action);

  [[nodiscard]] Instant now() const override;
  std::unique_ptr<Timer> call_at(Instant when, std::function<void()> action) override;

  // Level-triggered readiness of a descriptor that stays the caller's; none of its flags change. `wanted` is a bit set
  // of Readiness read/write; the action gets what is ready, and `error` (also unasked) for an error or a hang-up. It
  // may watch and unwatch any descriptor. Returns false (EPERM) for a regular file, which is always ready. A second
  // watch of the same descriptor replaces the first.
  bool watch(int fd, unsigned wanted, std::function<void(unsigned ready)> action);
  // To be called before the descriptor is closed.
  void unwatch(int fd);
  // Calls `action` on the loop thread when the process gets one of these signals; they lose their default effect until
  // the loop ends. Only one loop of a process may do so.
  void on_signals(std::initializer_list<int> signals, std::function<void(int signal)> action);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw
