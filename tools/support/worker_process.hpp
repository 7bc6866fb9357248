// Worker as a child process: its three pipes, its lines, its signals and its exit.
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
  std::string program = {};  // a path, or a name to find in PATH
  std::vector<std::string> args = {};
  std::vector<std::string> environment = {};  // "NAME=value"; overrides inherited variables
  bool inherit_environment = true;
};

// Splits `text` at white space, without quoting. For --also name=command.
WorkerCommand parse_command(std::string_view text);

struct ExitStatus {
  int code = 0;    // valid if signal is 0
  int signal = 0;  // signal that ended the process; 0: none
};

// Not thread-safe. Every wait also drains stderr (at least its last kMaxStderr bytes are kept). Writes drain stdout
// into an unbounded buffer, so no order of calls can deadlock with the child.
class WorkerProcess {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr std::size_t kMaxStderr = 1u << 20;

  // Starts the program. Error: a sentence, also if the program cannot be executed.
  static std::expected<std::unique_ptr<WorkerProcess>, std::string> spawn(const WorkerCommand& command);
  // Kills the child if it still runs, and reaps it.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] pid_t pid() const;

  // Writes `line` and a line feed. Returns false if the child closed its stdin or on timeout (part may be written).
  bool write_line(std::string_view line, Milliseconds timeout = Milliseconds{30'000});
  // Writes bytes as they are.
  bool write(std::string_view bytes, Milliseconds timeout = Milliseconds{30'000});
  // Writes the bytes that the pipe accepts at once, maybe none (then call wait_ready), and returns their number.
  // Returns nullopt if the child closed its stdin. For callers that must keep reading while they write.
  std::optional<std::size_t> write_some(std::string_view bytes);
  // Waits until stdout has bytes or is closed, or, if `to_write`, until stdin accepts bytes. Returns false on timeout.
  bool wait_ready(bool to_write, Milliseconds timeout);
  void close_stdin();

  // Returns the next line of stdout without its LF; a last line without LF counts. Returns nullopt at the end of stdout
  // or on timeout: stdout_ended() shows which.
  std::optional<std::string> read_line(Milliseconds timeout);
  // Returns some bytes of stdout: at least 1; none at its end or on timeout.
  std::size_t read_some(std::span<char> into, Milliseconds timeout);
  [[nodiscard]] bool stdout_ended() const;
  // Closes our end of stdout, so that the child's next write fails with EPIPE.
  void close_stdout();

  // Returns the stderr output so far (at least its last kMaxStderr bytes).
  const std::string& stderr_text();

  bool send_signal(int signal);
  // Waits for the exit of the process and drains both outputs meanwhile. stdout can still be read afterwards.
  std::optional<ExitStatus> wait_exit(Milliseconds timeout);

 private:
  class Impl;
  explicit WorkerProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw::tools
