#include "worker/io/signal_pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>

namespace aiw {
namespace {

std::atomic<int> write_fd = -1;  // global, because a signal handler has no other context
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void note_signal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  [[maybe_unused]] const auto written = write(write_fd, &byte, 1);  // a full pipe already holds 64 Ki signals
  errno = saved;
}

bool is_ignored(int signal) {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

SignalPipe::SignalPipe(std::initializer_list<int> signals) {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  read_fd_ = fds[0];
  write_fd = fds[1];
  struct sigaction action{};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  sigset_t ours;
  sigemptyset(&ours);
  for (const int signal : signals) {
    if (signal == SIGHUP && is_ignored(signal)) continue;
    struct sigaction former{};
    if (sigaction(signal, &action, &former) == 0) former_.emplace_back(signal, former);
    sigaddset(&ours, signal);
  }
  pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

SignalPipe::~SignalPipe() {
  for (const auto& [signal, former] : former_) sigaction(signal, &former, nullptr);
  close(write_fd.exchange(-1));
  close(read_fd_);
}

void SignalPipe::drain(const std::function<void(int)>& action) const {
  std::array<unsigned char, 64> signals;
  for (;;) {
    const auto count = read(read_fd_, signals.data(), signals.size());
    if (count <= 0) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) action(signals[i]);
  }
}

}  // namespace aiw
