// The seam between whoever speaks to a program over its standard streams and the processes themselves.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiw {

// No string holds a NUL.
struct ChildCommand {
  std::string file{};  // with a slash: a path; else looked for in PATH
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};  // beside the few harmless ones that every child gets
  std::string cwd{};                                       // empty: this process' own
};

// Told of one child on the loop thread; may destroy its ChildProcess in any of these calls.
class ChildHandler {
 public:
  virtual ~ChildHandler() = default;
  // Bytes of its stdout, cut anywhere, at most 64 KiB at once.
  virtual void on_output(std::string_view bytes) = 0;
  // The same of its stderr.
  virtual void on_diagnostics(std::string_view bytes) = 0;
  // The last call: it ended, or closed one of its streams. `how` is "it exited with code 1" and the like.
  virtual void on_gone(std::string_view how) = 0;
};

// A running child. Destroying it ends the child and all that it started, in the background: its stdin is closed, then
// come SIGTERM and SIGKILL. Nothing is called back then.
class ChildProcess {
 public:
  virtual ~ChildProcess() = default;
  // Queues bytes for its stdin; never blocks and never calls back before it returns.
  virtual void write(std::string bytes) = 0;
  // While paused nothing of its stdout is read, so that it waits once the pipe is full; idempotent.
  virtual void set_output_paused(bool paused) = 0;
  // Bytes that it has not taken yet.
  [[nodiscard]] virtual std::size_t unwritten() const = 0;
};

// Children end before the launcher does: its destructor waits for them, a second or two at the most.
class ChildLauncher {
 public:
  virtual ~ChildLauncher() = default;
  // Never calls the handler before it returns; the handler outlives the child's object. Error: why it did not start.
  virtual std::expected<std::unique_ptr<ChildProcess>, std::string> spawn(const ChildCommand& command,
                                                                          ChildHandler& handler) = 0;
  // Children that have not ended yet.
  [[nodiscard]] virtual std::size_t running() const = 0;
};

}  // namespace aiw
