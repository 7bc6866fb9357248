// Signals as bytes in a pipe. Unlike a signalfd this blocks no signal, so child processes inherit no odd mask.
#pragma once

#include <csignal>
#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

namespace aiw {

// One at a time in a process. The signals' former actions return with the destructor.
class SignalPipe {
 public:
  // A parent may have left the signals blocked; they are not any more, for the calling thread. A SIGHUP that is ignored
  // stays so: whoever starts a process like that (nohup) means it to outlive a terminal.
  explicit SignalPipe(std::initializer_list<int> signals);
  ~SignalPipe();
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;

  // Readable when a signal came.
  [[nodiscard]] int fd() const { return read_fd_; }
  // Calls `action` for each signal that came, in order.
  void drain(const std::function<void(int signal)>& action) const;

 private:
  int read_fd_ = -1;
  std::vector<std::pair<int, struct sigaction>> former_;
};

}  // namespace aiw
