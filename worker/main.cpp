// ai-worker: JSON lines in, model answers out.

#include <unistd.h>

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
#include "worker/options.hpp"
#include "worker/process_setup.hpp"
#include "worker/worker.hpp"

namespace {

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
  aiw::set_up_process();
  const int code = guarded_run(argc, argv);
  // What --help or --print-schema said may not have been taken.
  const bool told = std::cout.flush().good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return code == aiw::kExitOk && !told ? aiw::kExitOutput : code;
}
