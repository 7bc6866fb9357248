#include "worker/process_setup.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "worker/process/process_limits.hpp"

namespace aiw {
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

}  // namespace

void set_up_process() {
  tune_allocator();
  occupy_standard_descriptors();
  raise_descriptor_limit();
  set_signals();
}

void forbid_core_files() {
#ifndef AIW_SANITIZED  // the leak check looks into the process as a debugger does
  const rlimit none{};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

}  // namespace aiw
