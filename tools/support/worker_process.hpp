// A worker as a child process: its three pipes, its lines, its signals and its end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

struct WorkerCommand {
  std::string program = {};  // a path, or a name to be found in PATH
  std::vector<std::string> args = {};
  std::vector<std::string> environment = {};  // "NAME=value", beside or instead of the own environment
  bool inherit_environment = true;
};

// Splits at white space; no quoting. For --also name=command.
WorkerCommand parse_command(std::string_view text);

struct ExitStatus {
  int code = 0;    // meaningful if signal is 0
  int signal = 0;  // that killed it
};

// Not thread-safe. Every wait also drains stderr (the last max_stderr bytes are kept), and writing drains stdout into
// an unbounded buffer, so that no order of calls can deadlock with the child.
class WorkerProcess {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr std::size_t kMaxStderr = 1u << 20;

  // The error is a sentence; a program that cannot be executed is one.
  static std::expected<std::unique_ptr<WorkerProcess>, std::string> spawn(const WorkerCommand& command);
  // Kills the child if it still runs, and reaps it.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] pid_t pid() const;

  // Writes `line` and a line feed. False if the child closed its stdin or the time is over (part may be written).
  bool write_line(std::string_view line, Milliseconds timeout = Milliseconds{30'000});
  // Writes bytes as they are.
  bool write(std::string_view bytes, Milliseconds timeout = Milliseconds{30'000});
  // For callers that must not stop reading while they write: writes what the pipe takes at once, which may be nothing
  // (then wait_ready), and counts it. Nothing if the child closed its stdin.
  std::optional<std::size_t> write_some(std::string_view bytes);
  // Waits until stdout has bytes or its end, or, if `to_write`, stdin takes some. False when the time is over.
  bool wait_ready(bool to_write, Milliseconds timeout);
  void close_stdin();

  // The next line of stdout without its LF; a last line without LF counts. Nothing at the end of stdout or when the
  // time is over: stdout_ended() tells which.
  std::optional<std::string> read_line(Milliseconds timeout);
  // Some bytes of stdout: at least 1, or 0 at its end or when the time is over.
  std::size_t read_some(std::span<char> into, Milliseconds timeout);
  [[nodiscard]] bool stdout_ended() const;
  // Closes our end, so that the child's next write fails with EPIPE.
  void close_stdout();

  // What stderr brought so far (its last kMaxStderr bytes).
  const std::string& stderr_text();

  bool send_signal(int signal);
  // Waits for the end of the process while draining both outputs; stdout stays readable afterwards.
  std::optional<ExitStatus> wait_exit(Milliseconds timeout);

 private:
  class Impl;
  explicit WorkerProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw::tools
