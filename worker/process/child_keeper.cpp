#include "worker/process/child_keeper.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "worker/process/spawn_child.hpp"

namespace aiw {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Limit on the cleanup of descendants. Afterwards, processes in uninterruptible sleep, or forking faster than they are
// killed, are left alone.
constexpr std::chrono::seconds kLastLimit{10};
constexpr milliseconds kLastPause{5};

// Returns the parent pid of a process: the fourth field of /proc/PID/stat (proc(5)), after a name that may contain any
// characters.
std::optional<pid_t> parent_of(const char* pid) {
  const UniqueFd file(open((std::string("/proc/") + pid + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  const auto count = file.valid() ? read(file.get(), text.data(), text.size() - 1) : -1;
  if (count <= 0) return std::nullopt;
  const std::string_view line(text.data(), static_cast<std::size_t>(count));
  const auto name_end = line.rfind(')');
  int parent = 0;
  if (name_end == std::string_view::npos || std::sscanf(line.data() + name_end, ") %*c %d", &parent) != 1) {
    return std::nullopt;
  }
  return parent;
}

std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
  while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    if (const auto parent = parent_of(entry->d_name)) out.emplace(*parent, pid);
  }
  return out;
}

class Keeper {
 public:
  Keeper(UniqueFd control, const ChildEnding& ending, UniqueFd signals)
      : control_(std::move(control)), ending_(ending), signals_(std::move(signals)) {}

  void run(pid_t child) {
    child_ = child;
    while (!reap()) wait();
    finish();
  }
  void notify(ChildNotice::Kind kind, int value) const { send_child_notice(control_.get(), {kind, value}); }

 private:
  enum class Step { none, sigterm, sigkill, last };

  // Reaps orphans that the child left to this process. Returns true when the child itself has exited. The child is not
  // reaped yet, so that its pid, which is also its group id, cannot be reused.
  [[nodiscard]] bool reap() const {
    while (true) {
      siginfo_t info{};
      if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return false;
      if (info.si_pid == child_) return true;
      waitpid(info.si_pid, nullptr, 0);
    }
  }

  void wait() {
    std::array<pollfd, 2> fds = {pollfd{signals_.get(), POLLIN, 0}, pollfd{left_ ? -1 : control_.get(), POLLIN, 0}};
    int timeout = -1;
    if (deadline_) {
      const auto rest = std::chrono::ceil<milliseconds>(*deadline_ - Clock::now()).count();
      timeout = static_cast<int>(std::max<std::int64_t>(rest, 0));
    }
    poll(fds.data(), fds.size(), timeout);
    if (fds[0].revents != 0) forget_signals();
    if (fds[1].revents != 0) hear();
    if (deadline_ && Clock::now() >= *deadline_) go_on();
  }
  void forget_signals() const {
    std::array<signalfd_siginfo, 16> infos;
    while (read(signals_.get(), infos.data(), sizeof infos) > 0) continue;
  }

  void hear() {
    char word = 0;
    const auto count = recv(control_.get(), &word, 1, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    left_ = count <= 0;
    begin_end(left_ ? ending_.at_exit : ending_.after_stdin);
  }
  // Starts or shortens the termination. The worker has closed the child's stdin; if the worker itself exits, the
  // remaining time is shorter.
  void begin_end(milliseconds time) {
    if (next_ == Step::none) next_ = Step::sigterm;
    const auto when = Clock::now() + time;
    if (next_ != Step::last && (!deadline_ || when < *deadline_)) deadline_ = when;
  }
  void go_on() {
    if (next_ == Step::sigterm) {
      signal_child(SIGTERM);
      next_ = Step::sigkill;
      deadline_ = Clock::now() + (left_ ? ending_.at_exit : ending_.after_sigterm);
    } else {
      signal_child(SIGKILL);
      next_ = Step::last;
      deadline_.reset();
    }
  }
  void signal_child(int signal) const {
    kill(-child_, signal);
    kill(child_, signal);  // in case the child has joined another group
  }

  void finish() const {
    signal_child(SIGKILL);  // kills processes that the child left behind in its group
    int status = 0;
    while (waitpid(child_, &status, 0) < 0 && errno == EINTR) continue;
    notify(ChildNotice::Kind::ended, status);
    const auto limit = Clock::now() + kLastLimit;
    while (!none_left() && Clock::now() < limit) {
      signal_descendants(SIGKILL);
      pollfd signal{signals_.get(), POLLIN, 0};
      poll(&signal, 1, static_cast<int>(kLastPause.count()));
      forget_signals();
    }
  }
  static bool none_left() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
    return errno == ECHILD;
  }

  const UniqueFd control_;
  const ChildEnding ending_;
  const UniqueFd signals_;
  pid_t child_ = -1;
  bool left_ = false;  // the worker has left
  Step next_ = Step::none;
  std::optional<Clock::time_point> deadline_;
};

}  // namespace

void signal_descendants(int signal, const std::set<pid_t>& except) {
  const auto children = children_by_parent();
  std::vector<pid_t> to_visit = {getpid()};
  while (!to_visit.empty()) {
    const auto [begin, end] = children.equal_range(to_visit.back());
    to_visit.pop_back();
    for (auto child = begin; child != end; ++child) {
      if (except.contains(child->second)) continue;
      kill(child->second, signal);
      to_visit.push_back(child->second);
    }
  }
}

void keep_child(ChildRequest request) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  sigset_t child_ends;
  sigemptyset(&child_ends);
  sigaddset(&child_ends, SIGCHLD);
  Keeper keeper(std::move(request.control), request.ending,
                UniqueFd(signalfd(-1, &child_ends, SFD_CLOEXEC | SFD_NONBLOCK)));
  const auto command = read_child_command(request.command.get());
  const auto& streams = request.streams;
  const auto child = command ? spawn_child(*command, {streams[0].get(), streams[1].get(), streams[2].get()})
                             : std::unexpected(command.error());
  // Must be sent before the streams are closed, so that their end is not mistaken for the child's exit.
  if (!child) return keeper.notify(ChildNotice::Kind::not_started, child.error());
  for (auto& stream : request.streams) stream.reset();
  keeper.run(*child);
}

}  // namespace aiw
