// ai-worker: JSON lines in, model answers out.

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include "worker/emergency_memory.hpp"
#include "worker/exit_codes.hpp"
#include "worker/io/child_host.hpp"
#include "worker/io/log.hpp"
#include "worker/io/process_limits.hpp"
#include "worker/no_core.hpp"
#include "worker/options.hpp"
#include "worker/worker.hpp"

namespace {

// Long lines live in mappings of their own and go back to the system; without this, glibc raises the threshold after
// the first long line and keeps the next ones. The buffers of a busy stream are shorter and stay.
void tune_allocator() {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  mallopt(M_ARENA_MAX, 2);
}

// A descriptor that the parent left closed would become the next one that is opened, and frames would go there. What
// takes its place can be read to its end or not at all, and never be written.
void occupy_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) [[maybe_unused]]
      const int opened = open(fd == STDIN_FILENO ? "/dev/null" : "/", O_RDONLY);
  }
}

void set_signals() {
  // A parent that ignores SIGCHLD, and hands that on, would have the kernel reap the MCP servers (sigaction(2)): their
  // numbers could be another process' while we still signal them.
  std::signal(SIGCHLD, SIG_DFL);
  // A file that may not grow (RLIMIT_FSIZE) is an error of its write, be it stdout's or the log's.
  std::signal(SIGXFSZ, SIG_IGN);
}

constexpr const char* kOutOfMemory = "ai-worker: out of memory\n";
// What an exception says may quote a request.
constexpr const char* kInternalError = "ai-worker: internal error\n";

void complain(const char* line) { [[maybe_unused]] const auto written = write(STDERR_FILENO, line, std::strlen(line)); }

int run(int argc, char** argv) {
  const aiw::ParsedOptions parsed = aiw::parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  if (!parsed.options.allow_core) aiw::forbid_core_files();  // before anything is read
  aiw::init_log(parsed.options.log_level, parsed.options.log_format);
  return aiw::Worker(parsed.options).run();
}

// At once: what libraries do at exit takes memory, too, and the C library ends the process for lack of it (with 127).
[[noreturn]] void give_up(bool for_memory) {
  complain(for_memory ? kOutOfMemory : kInternalError);
  _exit(for_memory ? aiw::kExitResource : aiw::kExitInternal);
}

int guarded_run(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    give_up(true);
  } catch (const std::exception&) {
    give_up(aiw::memory_has_failed());  // a thread that cannot be started says so by another exception
  }
}

// An exception in a place that must not throw: nothing can be told any more, but the exit code and why.
[[noreturn]] void on_terminate() {
  bool memory = aiw::memory_has_failed();
  try {
    if (std::current_exception() != nullptr) std::rethrow_exception(std::current_exception());
  } catch (const std::bad_alloc&) {
    memory = true;
  } catch (...) {  // as it is
  }
  give_up(memory);
}

}  // namespace

int main(int argc, char** argv) {
  if (aiw::is_child_host(argc, argv)) return aiw::run_child_host();
  std::set_terminate(on_terminate);
  tune_allocator();
  occupy_standard_descriptors();
  aiw::raise_descriptor_limit();
  set_signals();
  const int code = guarded_run(argc, argv);
  // What --help or --print-schema said may not have been taken.
  const bool told = std::cout.flush().good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return code == aiw::kExitOk && !told ? aiw::kExitOutput : code;
}
