#include "tests/e2e/child_process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace aiw::e2e {

void Handle::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

HandlePair pipe_from_child() {
  std::array<int, 2> fds{};
  REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0);
  return {Handle(fds[0]), Handle(fds[1])};
}

HandlePair pipe_to_child() {
  HandlePair pair = pipe_from_child();
  std::swap(pair.ours, pair.theirs);
  return pair;
}

HandlePair socket_pair() {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {Handle(fds[0]), Handle(fds[1])};
}

ChildProcess::ChildProcess(int stdin_fd, int stdout_fd) {
  std::signal(SIGPIPE, SIG_IGN);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // dup2 in this order would lose stdout if the caller passed 0 for it. No caller does.
  posix_spawn_file_actions_adddup2(&actions, stdin_fd, 0);
  posix_spawn_file_actions_adddup2(&actions, stdout_fd, 1);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::string program = worker_binary();
  std::array<char*, 2> argv = {program.data(), nullptr};
  const int error = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes, argv.data(), ::environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  REQUIRE(error == 0);
}

ChildProcess::~ChildProcess() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

int ChildProcess::exit_code() {
  int status = 0;
  reaped_ = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  if (!reaped_) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EAGAIN) {
      pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&waiting, 1, 1000);
      continue;
    }
    REQUIRE(count > 0);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string read_to(int fd, std::string_view until) {
  std::string text;
  std::array<char, 65536> block{};
  const auto deadline = Steady::now() + kPatience;
  while (until.empty() || text.find(until) == std::string::npos) {
    REQUIRE_MESSAGE(Steady::now() < deadline, "waited in vain after " << text.size() << " bytes");
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 1000) != 1) continue;
    const ssize_t count = ::read(fd, block.data(), block.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) return text;  // a closed terminal reads as EIO
    text.append(block.data(), static_cast<std::size_t>(count));
  }
  return text;
}

std::vector<Json> parse_lines(std::string_view text) {
  std::vector<Json> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    Json json = Json::parse(line, nullptr, false);
    CHECK_MESSAGE(!json.is_discarded(), "a torn line: " << line.substr(0, 200));
    keep_frame(Words::v1, line);
    lines.push_back(std::move(json));
  }
  return lines;
}

}  // namespace aiw::e2e
