// Interface between code that talks to a program over its standard streams and the code that runs processes.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiw {

// A command to run. No string may contain a NUL.
struct ChildCommand {
  std::string file{};  // a path if it contains a slash; otherwise looked up in PATH
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};  // in addition to the few variables that every child gets
  std::string cwd{};                                       // empty: this process's current folder
};

// Receives the events of one child, on the loop thread. It may destroy its ChildProcess in any of these calls.
class ChildHandler {
 public:
  virtual ~ChildHandler() = default;
  // Bytes of the child's stdout, cut anywhere, at most 64 KiB per call.
  virtual void on_output(std::string_view bytes) = 0;
  // Same for the child's stderr.
  virtual void on_diagnostics(std::string_view bytes) = 0;
  // Last call: the child exited, or closed its stdin or stdout. `how` is a description such as "it exited with code 1".
  virtual void on_gone(std::string_view how) = 0;
};

// A running child. Destroying it terminates the child and everything it started, in the background: its stdin is
// closed, then it gets SIGTERM and SIGKILL. The handler is not called any more.
class ChildProcess {
 public:
  virtual ~ChildProcess() = default;
  // Queues bytes for the child's stdin. Never blocks, and never calls the handler before it returns.
  virtual void write(std::string bytes) = 0;
  // While paused, the child's stdout is not read, so the child blocks once the pipe is full. Idempotent.
  virtual void set_output_paused(bool paused) = 0;
  // Returns the number of bytes that the child has not accepted yet.
  [[nodiscard]] virtual std::size_t unwritten() const = 0;
};

// Starts children. Its destructor waits for them to exit, for a second or two at most.
class ChildLauncher {
 public:
  virtual ~ChildLauncher() = default;
  // Starts a child. Never calls the handler before it returns. The handler must outlive the returned object. Error: the
  // reason why the child did not start.
  virtual std::expected<std::unique_ptr<ChildProcess>, std::string> spawn(const ChildCommand& command,
                                                                          ChildHandler& handler) = 0;
  // Returns the number of children that have not exited yet.
  [[nodiscard]] virtual std::size_t running() const = 0;
};

}  // namespace aiw
