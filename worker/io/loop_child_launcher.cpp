#include "worker/io/loop_child_launcher.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <list>
#include <utility>

#include "worker/io/spawn_child.hpp"

namespace aiw {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
// What a child said before it ended is still read; a descendant that got away may hold the pipe and write for ever.
constexpr int kReadsAfterExit = 1024;

std::string describe(int status) {
  if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
  return "it exited with code " + std::to_string(WEXITSTATUS(status));
}

// One child until it is reaped. The launcher holds it; who asked for it holds a Handle.
class Child : public std::enable_shared_from_this<Child> {
 public:
  Child(Loop& loop, const ChildEnding& ending, const SpawnedChild& spawned, ChildHandler& handler)
      : loop_(loop), ending_(ending), spawned_(spawned), handler_(&handler) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    for (int* fd : {&spawned_.stdin_fd, &spawned_.stdout_fd, &spawned_.stderr_fd, &spawned_.pid_fd}) drop(*fd);
  }

  void watch(std::function<void(Child*)> on_reaped) {
    on_reaped_ = std::move(on_reaped);
    const auto self = weak_from_this();
    const auto guarded = [self](auto member) {
      return [self, member](unsigned) {
        if (const auto child = self.lock()) ((*child).*member)();
      };
    };
    loop_.watch(spawned_.stdout_fd, kRead, guarded(&Child::output_ready));
    loop_.watch(spawned_.stderr_fd, kRead, guarded(&Child::diagnostics_ready));
    loop_.watch(spawned_.pid_fd, kRead, guarded(&Child::ended));
  }

  void write(std::string bytes) {
    if (spawned_.stdin_fd < 0 || bytes.empty()) return;
    unwritten_ += bytes.size();
    queue_.push_back(std::move(bytes));
    if (!writing_) flush();
  }
  [[nodiscard]] std::size_t unwritten() const { return unwritten_; }

  // Nobody listens any more.
  void end() {
    handler_ = nullptr;
    broken_.reset();
    close_stdin();
    if (reaped_) return;
    timer_ = loop_.call_at(loop_.now() + ending_.after_stdin, [this] {
      signal_group(SIGTERM);
      timer_ = loop_.call_at(loop_.now() + ending_.after_sigterm, [this] { signal_group(SIGKILL); });
    });
  }

  void close_stdin() {
    drop(spawned_.stdin_fd);
    queue_.clear();
    unwritten_ = 0;
  }
  // The group exists at least until its leader is reaped.
  void signal_group(int signal) const {
    if (reaped_) return;
    kill(-spawned_.pid, signal);
    kill(spawned_.pid, signal);  // it may have joined another group
  }
  [[nodiscard]] int pid_fd() const { return spawned_.pid_fd; }
  // Waits for its end if it has not come.
  void reap() {
    if (reaped_) return;
    siginfo_t info{};
    while (waitid(P_PID, static_cast<id_t>(spawned_.pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
    signal_group(SIGKILL);  // what it started and left behind
    while (waitpid(spawned_.pid, &status_, 0) < 0 && errno == EINTR) continue;
    reaped_ = true;
  }

 private:
  static constexpr unsigned kRead = static_cast<unsigned>(Readiness::read);
  static constexpr unsigned kWrite = static_cast<unsigned>(Readiness::write);
  enum class Got { bytes, nothing, end };

  void drop(int& fd) {
    if (fd < 0) return;
    loop_.unwatch(fd);
    close(std::exchange(fd, -1));
  }

  Got read_once(int fd, void (ChildHandler::*on_bytes)(std::string_view)) {
    std::array<char, kReadBytes> bytes;
    const auto count = read(fd, bytes.data(), bytes.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR ? Got::nothing : Got::end;
    if (count == 0) return Got::end;
    if (handler_ != nullptr) (handler_->*on_bytes)({bytes.data(), static_cast<std::size_t>(count)});
    return Got::bytes;
  }

  void output_ready() {
    if (read_once(spawned_.stdout_fd, &ChildHandler::on_output) != Got::end) return;
    drop(spawned_.stdout_fd);
    // Mostly it is about to exit, and how says more than that.
    if (handler_ != nullptr) gone_soon("it closed its output");
  }
  void diagnostics_ready() {
    if (read_once(spawned_.stderr_fd, &ChildHandler::on_diagnostics) == Got::end) drop(spawned_.stderr_fd);
  }

  void ended() {
    loop_.unwatch(spawned_.pid_fd);
    reap();
    timer_.reset();
    close_stdin();
    for (int reads = 0; spawned_.stderr_fd >= 0 && reads < kReadsAfterExit; ++reads) {
      if (read_once(spawned_.stderr_fd, &ChildHandler::on_diagnostics) != Got::bytes) break;
    }
    for (int reads = 0; spawned_.stdout_fd >= 0 && reads < kReadsAfterExit; ++reads) {
      if (read_once(spawned_.stdout_fd, &ChildHandler::on_output) != Got::bytes) break;
    }
    drop(spawned_.stdout_fd);
    drop(spawned_.stderr_fd);
    gone(describe(status_));
    on_reaped_(this);
  }

  void gone(std::string_view how) {
    broken_.reset();
    if (ChildHandler* const handler = std::exchange(handler_, nullptr)) handler->on_gone(how);
  }
  void gone_soon(std::string how) {
    if (broken_) return;
    broken_ = loop_.call_at(loop_.now() + std::chrono::milliseconds(100), [this, how = std::move(how)] {
      const auto self = shared_from_this();
      gone(how);
    });
  }

  void flush() {
    while (!queue_.empty()) {
      const std::string& front = queue_.front();
      const auto count = ::write(spawned_.stdin_fd, front.data() + written_, front.size() - written_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return await_space();
      if (count < 0) {
        close_stdin();
        if (handler_ != nullptr) gone_soon("it closed its input");
        return;
      }
      written_ += static_cast<std::size_t>(count);
      unwritten_ -= static_cast<std::size_t>(count);
      if (written_ < front.size()) continue;
      written_ = 0;
      queue_.pop_front();
    }
    if (std::exchange(writing_, false)) loop_.unwatch(spawned_.stdin_fd);
  }
  void await_space() {
    if (std::exchange(writing_, true)) return;
    loop_.watch(spawned_.stdin_fd, kWrite, [self = weak_from_this()](unsigned) {
      if (const auto child = self.lock()) child->flush();
    });
  }

  Loop& loop_;
  const ChildEnding ending_;
  SpawnedChild spawned_;
  ChildHandler* handler_;
  std::function<void(Child*)> on_reaped_;
  std::deque<std::string> queue_;
  std::size_t written_ = 0;  // of the queue's first
  std::size_t unwritten_ = 0;
  bool writing_ = false;
  bool reaped_ = false;
  int status_ = 0;
  std::unique_ptr<Timer> timer_, broken_;
};

class Handle : public ChildProcess {
 public:
  explicit Handle(std::shared_ptr<Child> child) : child_(std::move(child)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() override { child_->end(); }
  void write(std::string bytes) override { child_->write(std::move(bytes)); }
  [[nodiscard]] std::size_t unwritten() const override { return child_->unwritten(); }

 private:
  std::shared_ptr<Child> child_;
};

class LoopChildLauncher : public ChildLauncher {
 public:
  LoopChildLauncher(Loop& loop, const ChildEnding& ending) : loop_(loop), ending_(ending) {}
  LoopChildLauncher(const LoopChildLauncher&) = delete;
  LoopChildLauncher& operator=(const LoopChildLauncher&) = delete;
  // The loop does not run any more.
  ~LoopChildLauncher() override {
    for (const auto& child : children_) child->close_stdin();
    wait_for_all(ending_.at_exit);
    for (const auto& child : children_) child->signal_group(SIGTERM);
    wait_for_all(ending_.at_exit);
    for (const auto& child : children_) child->signal_group(SIGKILL);
    for (const auto& child : children_) child->reap();
  }

  std::expected<std::unique_ptr<ChildProcess>, std::string> spawn(const ChildCommand& command,
                                                                  ChildHandler& handler) override {
    const auto spawned = spawn_child(command);
    if (!spawned) return std::unexpected(std::string(std::strerror(spawned.error())));
    auto child = std::make_shared<Child>(loop_, ending_, *spawned, handler);
    child->watch([this](Child* reaped) { std::erase_if(children_, [&](auto& c) { return c.get() == reaped; }); });
    children_.push_back(child);
    return std::make_unique<Handle>(std::move(child));
  }
  [[nodiscard]] std::size_t running() const override { return children_.size(); }

 private:
  void wait_for_all(std::chrono::milliseconds limit) {
    const Instant end = loop_.now() + limit;
    while (!children_.empty() && loop_.now() < end) {
      std::vector<pollfd> fds;
      for (const auto& child : children_) fds.push_back({child->pid_fd(), POLLIN, 0});
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - loop_.now()).count();
      if (poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) continue;
      auto fd = fds.begin();
      std::erase_if(children_, [&](const auto& child) {
        if ((fd++)->revents == 0) return false;
        child->reap();
        return true;
      });
    }
  }

  Loop& loop_;
  const ChildEnding ending_;
  std::list<std::shared_ptr<Child>> children_;
};

}  // namespace

std::unique_ptr<ChildLauncher> make_child_launcher(Loop& loop, const ChildEnding& ending) {
  return std::make_unique<LoopChildLauncher>(loop, ending);
}

}  // namespace aiw
