// ai-worker: JSON lines in, model answers out.

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "worker/exit_codes.hpp"
#include "worker/io/child_host.hpp"
#include "worker/io/log.hpp"
#include "worker/io/process_limits.hpp"
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

// A parent that ignores SIGCHLD, and hands that on, would have the kernel reap the MCP servers (sigaction(2)): their
// numbers could be another process' while we still signal them.
void restore_child_signal() { std::signal(SIGCHLD, SIG_DFL); }

int run(int argc, char** argv) {
  const aiw::ParsedOptions parsed = aiw::parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  aiw::init_log(parsed.options.log_level, parsed.options.log_format);
  return aiw::Worker(parsed.options).run();
}

}  // namespace

int main(int argc, char** argv) {
  if (aiw::is_child_host(argc, argv)) return aiw::run_child_host();
  tune_allocator();
  occupy_standard_descriptors();
  aiw::raise_descriptor_limit();
  restore_child_signal();
  int code = aiw::kExitInternal;
  try {
    code = run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("ai-worker: out of memory\n", stderr);
    code = aiw::kExitResource;
  } catch (const std::exception&) {
    // What it says may quote a request.
    std::fputs("ai-worker: internal error\n", stderr);
  }
  std::fflush(stdout);
  return code;
}
