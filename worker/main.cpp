// ai-worker: JSON lines in, model answers out.

#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "worker/exit_codes.hpp"
#include "worker/io/log.hpp"
#include "worker/options.hpp"
#include "worker/worker.hpp"

namespace {

// Long lines live in mappings of their own and go back to the system; without this, glibc raises the threshold after
// the first long line and keeps the next ones.
void tune_allocator() {
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_ARENA_MAX, 2);
}

int run(int argc, char** argv) {
  const aiw::ParsedOptions parsed = aiw::parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  aiw::init_log(parsed.options.log_level, parsed.options.log_format);
  return aiw::Worker(parsed.options).run();
}

}  // namespace

int main(int argc, char** argv) {
  tune_allocator();
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
