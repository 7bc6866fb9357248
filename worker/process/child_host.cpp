#include "worker/process/child_host.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "worker/process/child_keeper.hpp"
#include "worker/process/process_limits.hpp"
#include "worker/process/spawn_child.hpp"

namespace aiw {
namespace {

constexpr std::string_view kArgument = "--child-host";
constexpr int kRequests = STDIN_FILENO;  // descriptor of the host's request socket

// Environment of the host: the variables that children may inherit, and those needed to load this program.
std::vector<std::string> host_environment() {
  std::vector<std::string> out;
  const auto pass_on = [&](const char* name) {
    if (const char* value = std::getenv(name)) out.push_back(std::string(name) + '=' + value);
  };
  std::ranges::for_each(kChildVariables, pass_on);
  for (const char* name : {"LD_LIBRARY_PATH", "ASAN_OPTIONS"}) pass_on(name);
  return out;
}

class SpawnSettings {
 public:
  explicit SpawnSettings(int requests) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, requests, kRequests);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    // Replaces the parent's stderr. A parent that waits for end of file there would wait for the host.
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    // Starts a new session, so that signals from a terminal or a parent to the worker's group do not reach the host.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

// The child host: forks a keeper for each request. Keepers outlive the host if it is killed.
class Host {
 public:
  explicit Host(UniqueFd signals) : signals_(std::move(signals)) {}

  void run() {
    while (!worker_left_ || !keepers_.empty()) {
      std::array<pollfd, 2> fds = {pollfd{signals_.get(), POLLIN, 0}, pollfd{worker_left_ ? -1 : kRequests, POLLIN, 0}};
      poll(fds.data(), fds.size(), -1);
      if (fds[0].revents != 0) reap();
      if (fds[1].revents != 0) take_request();
    }
  }

 private:
  void take_request() {
    auto request = receive_child_request(kRequests);
    if (!request) {
      worker_left_ = request.error() != EBADMSG;
      return;
    }
    const pid_t pid = fork();
    if (pid < 0) return send_child_notice(request->control.get(), {ChildNotice::Kind::not_started, errno});
    if (pid > 0) keepers_.insert(pid);
    if (pid > 0) return;
    close(kRequests);
    open("/dev/null", O_RDONLY | O_CLOEXEC);  // fills descriptor 0 again, so that no other file gets it
    signals_.reset();
    keep_child(*std::move(request));
    _exit(0);
  }

  // Reaps keepers, and the children of killed keepers. A keeper that was stopped by its child is continued.
  void reap() {
    signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof info) > 0) continue;
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
      if (WIFSTOPPED(status)) {
        if (keepers_.contains(pid)) kill(pid, SIGCONT);
        continue;
      }
      killed_ = (keepers_.erase(pid) > 0 && WIFSIGNALED(status)) || killed_;
    }
    if (killed_) signal_descendants(SIGKILL, keepers_);
  }

  UniqueFd signals_;
  std::set<pid_t> keepers_;
  bool killed_ = false;  // at least one keeper was killed
  bool worker_left_ = false;
};

}  // namespace

bool is_child_host(int argc, char** argv) { return argc == 2 && argv[1] == kArgument; }

int run_child_host() {
  prctl(PR_SET_DUMPABLE, 0);  // commands may contain keys
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t child_ends;
  sigemptyset(&child_ends);
  sigaddset(&child_ends, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ends, nullptr);
  // A request to terminate must not leave children without a host.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  Host(UniqueFd(signalfd(-1, &child_ends, SFD_CLOEXEC | SFD_NONBLOCK))).run();
  return 0;
}

std::expected<StartedChildHost, int> start_child_host() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return std::unexpected(errno);
  StartedChildHost host;
  host.requests.reset(ends[0]);
  const UniqueFd theirs(ends[1]);
  const SpawnSettings settings(theirs.get());
  std::string name = "ai-worker", argument(kArgument);
  const std::array<char*, 3> arguments = {name.data(), argument.data(), nullptr};
  auto environment = host_environment();
  std::vector<char*> variables;
  for (auto& text : environment) variables.push_back(text.data());
  variables.push_back(nullptr);
  const int error = posix_spawn(&host.pid, "/proc/self/exe", &settings.actions, &settings.attributes, arguments.data(),
                                variables.data());
  if (error != 0) return std::unexpected(error);
  restore_descriptor_limit(host.pid);                                         // must precede the first child
  host.pid_fd.reset(static_cast<int>(syscall(SYS_pidfd_open, host.pid, 0)));  // close-on-exec is implied
  return host;
}

}  // namespace aiw
