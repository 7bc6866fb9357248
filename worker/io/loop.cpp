#include "worker/io/loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "worker/io/signal_pipe.hpp"

namespace aiw {
namespace {

constexpr std::size_t kEventsPerWake = 64;

std::uint32_t to_epoll(unsigned wanted) {
  std::uint32_t events = 0;
  if (wanted & static_cast<unsigned>(Readiness::read)) events |= EPOLLIN;
  if (wanted & static_cast<unsigned>(Readiness::write)) events |= EPOLLOUT;
  return events;
}

unsigned from_epoll(std::uint32_t events) {
  unsigned ready = 0;
  if (events & EPOLLIN) ready |= static_cast<unsigned>(Readiness::read);
  if (events & EPOLLOUT) ready |= static_cast<unsigned>(Readiness::write);
  if (events & (EPOLLERR | EPOLLHUP)) ready |= static_cast<unsigned>(Readiness::error);
  return ready;
}

int checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return fd;
}

class PendingCall;
using Timers = std::multimap<Instant, PendingCall*>;

// A scheduled call. It is in the timer table until it runs. Its owner may destroy it while it runs.
class PendingCall : public Timer {
 public:
  PendingCall(Timers& timers, Instant when, std::function<void()> action)
      : timers_(timers), action_(std::move(action)), at_(timers.emplace(when, this)) {}
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;
  ~PendingCall() override { leave(); }

  std::function<void()> leave() {
    if (std::exchange(pending_, false)) timers_.erase(at_);
    return std::move(action_);
  }

 private:
  Timers& timers_;
  std::function<void()> action_;
  const Timers::iterator at_;
  bool pending_ = true;
};

}  // namespace

struct Loop::Impl {
  // Watch of one descriptor. The generation tells its events from those of an earlier watch of the same descriptor.
  struct Watch {
    std::function<void(unsigned)> action;
    std::uint32_t generation = 0;
    std::uint32_t events = 0;
    bool active = false;
  };

  const int epoll_fd = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const int wake_fd = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  std::vector<Watch> watches;  // indexed by descriptor
  std::uint32_t last_generation = 0;
  Timers timers;
  std::unique_ptr<SignalPipe> signals;

  std::atomic<std::thread::id> loop_thread;
  std::atomic<bool> stopped = false;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;  // guarded by mutex
  std::vector<std::function<void()>> running;
  std::atomic<bool> has_posted = false;
  // Ready descriptors; the first ready_done of them were dispatched.
  std::array<epoll_event, kEventsPerWake> ready;
  std::size_t ready_count = 0;
  std::size_t ready_done = 0;
  std::uint64_t turn = 0;
  bool turn_cut = false;      // the other ready descriptors wait for the next turn
  std::exception_ptr raised;  // guarded by mutex
  std::function<void()> turn_ended = [] {};

  ~Impl() {
    signals.reset();
    close(wake_fd);
    close(epoll_fd);
  }

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_fd, &one, sizeof one);  // a full counter means a pending wake-up
  }
  int timeout_ms() const;
  void wait_and_dispatch();
  void dispatch(const epoll_event& event);
  void run_due_timers();
  void run_posted();
};

// Returns the milliseconds until the next timer, rounded up so that it never fires early; -1: no timer.
int Loop::Impl::timeout_ms() const {
  if (has_posted || stopped) return 0;
  if (timers.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers.begin()->first - Instant::clock::now()).count();
  return left <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left, INT_MAX));
}

void Loop::Impl::wait_and_dispatch() {
  ++turn;
  turn_cut = false;
  if (ready_done == ready_count) {
    const int count = epoll_wait(epoll_fd, ready.data(), static_cast<int>(ready.size()), timeout_ms());
    ready_count = static_cast<std::size_t>(std::max(count, 0));
    ready_done = 0;
  }
  while (ready_done < ready_count && !turn_cut) dispatch(ready[ready_done++]);
}

void Loop::Impl::dispatch(const epoll_event& event) {
  const auto fd = static_cast<std::size_t>(event.data.u64 & UINT32_MAX);
  const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
  if (watches[fd].generation != generation || !watches[fd].active) return;
  // The action may remove its own watch. It is therefore moved out of the table, and moved back if its watch still
  // exists.
  auto action = std::move(watches[fd].action);
  action(from_epoll(event.events));
  if (watches[fd].generation == generation && watches[fd].active) watches[fd].action = std::move(action);
}

void Loop::Impl::run_due_timers() {
  if (timers.empty()) return;
  const auto now = Instant::clock::now();  // timers scheduled by these calls run in the next round
  while (!timers.empty() && timers.begin()->first <= now) {
    const auto action = timers.begin()->second->leave();
    action();
  }
}

void Loop::Impl::run_posted() {
  if (!has_posted) return;
  {
    const std::lock_guard lock(mutex);
    running.swap(posted);
    has_posted = false;
    if (raised != nullptr) std::rethrow_exception(std::exchange(raised, nullptr));
  }
  for (auto& action : running) action();
  running.clear();
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {
  std::signal(SIGPIPE, SIG_IGN);
  watch(impl_->wake_fd, static_cast<unsigned>(Readiness::read), [fd = impl_->wake_fd](unsigned) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd, &count, sizeof count);
  });
}

Loop::~Loop() = default;

void Loop::run() {
  impl_->loop_thread = std::this_thread::get_id();
  while (!impl_->stopped) {
    impl_->wait_and_dispatch();
    impl_->run_posted();      // posted calls often start requests, whose first step is a timer that is already due
    impl_->run_due_timers();  // output of those timers is posted and must leave before the next wait
    impl_->run_posted();
    impl_->turn_ended();
  }
}

void Loop::stop() {
  impl_->stopped = true;
  impl_->wake();
}

void Loop::post(std::function<void()> action) {
  bool first = false;
  {
    const std::lock_guard lock(impl_->mutex);
    first = impl_->posted.empty();
    impl_->posted.push_back(std::move(action));
    impl_->has_posted = true;
  }
  if (first && std::this_thread::get_id() != impl_->loop_thread) impl_->wake();
}

void Loop::post_at_once(std::function<void()> action) {
  cut_turn();
  post(std::move(action));
}

void Loop::cut_turn() { impl_->turn_cut = true; }

std::uint64_t Loop::turn() const { return impl_->turn; }

void Loop::raise(std::exception_ptr thrown) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->raised = std::move(thrown);
    impl_->has_posted = true;
  }
  impl_->wake();
}

void Loop::after_each_turn(std::function<void()> action) { impl_->turn_ended = std::move(action); }

Instant Loop::now() const { return Instant::clock::now(); }

std::unique_ptr<Timer> Loop::call_at(Instant when, std::function<void()> action) {
  return std::make_unique<PendingCall>(impl_->timers, when, std::move(action));
}

bool Loop::watch(int fd, unsigned wanted, std::function<void(unsigned)> action) {
  const auto slot = static_cast<std::size_t>(fd);
  if (slot >= impl_->watches.size()) impl_->watches.resize(slot + 1);
  auto& entry = impl_->watches[slot];
  epoll_event event{};
  event.events = to_epoll(wanted);
  event.data.u64 = std::uint64_t{++impl_->last_generation} << 32 | slot;
  int failed = epoll_ctl(impl_->epoll_fd, entry.active ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  // The kernel drops a closed descriptor on its own, so the table may be out of date.
  if (failed != 0 && errno == ENOENT) failed = epoll_ctl(impl_->epoll_fd, EPOLL_CTL_ADD, fd, &event);
  entry.active = failed == 0;
  entry.generation = impl_->last_generation;
  entry.action = failed == 0 ? std::move(action) : nullptr;
  return failed == 0;
}

void Loop::unwatch(int fd) {
  const auto slot = static_cast<std::size_t>(fd);
  if (slot >= impl_->watches.size() || !impl_->watches[slot].active) return;
  epoll_event unused{};
  epoll_ctl(impl_->epoll_fd, EPOLL_CTL_DEL, fd, &unused);
  impl_->watches[slot].active = false;
  impl_->watches[slot].action = nullptr;
}

void Loop::on_signals(std::initializer_list<int> signals, std::function<void(int)> action) {
  if (impl_->signals != nullptr) unwatch(impl_->signals->fd());
  impl_->signals.reset();
  impl_->signals = std::make_unique<SignalPipe>(signals);
  watch(impl_->signals->fd(), static_cast<unsigned>(Readiness::read),
        [this, action = std::move(action)](unsigned) { impl_->signals->drain(action); });
}

}  // namespace aiw
