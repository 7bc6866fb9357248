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

// Keeps long lines in separate mappings, which are returned to the system. Otherwise glibc raises the threshold after
// the first long line and keeps the next ones. The buffers of a busy stream are shorter and stay allocated.
void tune_allocator() {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  mallopt(M_ARENA_MAX, 2);
}

// Opens standard descriptors that the parent left closed. Otherwise the next opened file would get the number, and
// frames would be written to it. The replacements are never writable: stdin becomes an empty file, and the others
// cannot be read either.
void occupy_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) [[maybe_unused]]
      const int opened = open(fd == STDIN_FILENO ? "/dev/null" : "/", O_RDONLY);
  }
}

void set_signals() {
  // Undoes an inherited ignored SIGCHLD. With it the kernel would reap the MCP servers (sigaction(2)), and their pids
  // could be reused while we still signal them.
  std::signal(SIGCHLD, SIG_DFL);
  // With RLIMIT_FSIZE, a write to stdout or the log then fails with an error instead of a signal.
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
#ifndef AIW_SANITIZED  // the leak check reads the process like a debugger
  const rlimit none{};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

}  // namespace aiw
