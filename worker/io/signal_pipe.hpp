// Delivers signals as bytes in a pipe. Unlike a signalfd this blocks no signal, so child processes inherit no unusual
// mask.
#pragma once

#include <csignal>
#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

namespace aiw {

// At most one per process. The destructor restores the previous signal actions.
class SignalPipe {
 public:
  // Unblocks the signals for the calling thread, since a parent may have left them blocked. An ignored SIGHUP stays
  // ignored: a process started like that (nohup) is meant to outlive the terminal.
  explicit SignalPipe(std::initializer_list<int> signals);
  ~SignalPipe();
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;

  // Readable when a signal has arrived.
  [[nodiscard]] int fd() const { return read_fd_; }
  // Calls `action` for each signal that has arrived, in order.
  void drain(const std::function<void(int signal)>& action) const;

 private:
  int read_fd_ = -1;
  std::vector<std::pair<int, struct sigaction>> former_;
};

}  // namespace aiw
