// The process: descriptors, signals and the server between them, until there is a reason to exit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <random>

#include "worker/agent/server.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/io/inbox.hpp"
#include "worker/io/loop.hpp"
#include "worker/io/stdout_writer.hpp"
#include "worker/leanspec/leanspec.hpp"
#include "worker/options.hpp"
#include "worker/process/parent_watch.hpp"
#include "worker/process/process_limits.hpp"

namespace aiw {

class Worker {
 public:
  explicit Worker(const Options& options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Serves stdin and stdout. Returns the exit code.
  int run();

 private:
  void serve();
  void handle(Request request);
  void input_ended(int error);
  void output_relieved();
  void output_broken(int error);
  void watch_parent();
  void parent_gone();
  [[nodiscard]] bool busy() const;
  void on_signal(int signal);
  void begin_drain(int signal);
  void drain_over();
  void fail_all(const Error& error) noexcept;
  void check_memory();
  void leave(int code);
  void leave_when_written();
  void leave_when_answered(std::function<void()> leave);
  [[nodiscard]] bool answers_to_the_end() const;
  [[nodiscard]] int exit_code_at_end() const;
  void make_mcp_pool();
  void close_sandbox() const;
  void log_stats() const;

  const Options options_;
  const std::unique_ptr<FrameEncoder> encoder_;
  KeyPolicy keys_;
  std::mt19937_64 random_;
  const std::size_t memory_limit_;  // bytes; 0: unknown
  MemoryGauge memory_;
  Loop loop_;
  MemoryAccounts accounts_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<ChildLauncher> launcher_;
  std::unique_ptr<McpPool> mcp_;
  std::optional<LeanSpec> leanspec_;  // in its dialect only
  std::unique_ptr<StdoutWriter> output_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Inbox> inbox_;
  std::unique_ptr<ParentWatch> parent_;
  std::unique_ptr<Timer> drain_limit_;
  bool input_paused_ = false;
  bool input_failed_ = false;
  std::optional<int> draining_signal_;
  std::optional<int> exit_code_;
};

}  // namespace aiw
