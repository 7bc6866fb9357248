// ai-worker: JSON lines in, model answers out.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <system_error>

#include "worker/emergency_memory.hpp"
#include "worker/exit_codes.hpp"
#include "worker/io/log.hpp"
#include "worker/options.hpp"
#include "worker/process/child_host.hpp"
#include "worker/process_setup.hpp"
#include "worker/worker.hpp"

namespace {

// What is said of it is fixed: an exception's own words may quote a request.
struct Failure {
  const char* line;
  int exit_code;
};
constexpr Failure kOutOfMemory{"ai-worker: out of memory\n", aiw::kExitResource};
constexpr Failure kRefused{"ai-worker: the system gives no thread or descriptor\n", aiw::kExitResource};
constexpr Failure kInternalError{"ai-worker: internal error\n", aiw::kExitInternal};

bool is_shortage(const std::error_code& code) {
  using std::errc;
  return code == errc::not_enough_memory || code == errc::resource_unavailable_try_again ||
         code == errc::too_many_files_open || code == errc::too_many_files_open_in_system;
}

// Why the exception that is being handled was thrown. A thread that gets no memory says so by another exception.
Failure failure_of_exception() noexcept {
  try {
    if (std::current_exception() != nullptr) throw;
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  } catch (const std::system_error& error) {
    if (is_shortage(error.code()) && !aiw::memory_has_failed()) return kRefused;
  } catch (...) {  // as it is
  }
  return aiw::memory_has_failed() ? kOutOfMemory : kInternalError;
}

int run(int argc, char** argv) {
  const aiw::ParsedOptions parsed = aiw::parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  if (!parsed.options.allow_core) aiw::forbid_core_files();  // before anything is read
  aiw::init_log(parsed.options.log_level, parsed.options.log_format);
  return aiw::Worker(parsed.options).run();
}

// At once: what libraries do at exit takes memory, too, and the C library ends the process for lack of it (with 127).
// Also for an exception in a place that must not throw: nothing can be told any more, but the exit code and why.
[[noreturn]] void give_up() {
  const Failure failure = failure_of_exception();
  [[maybe_unused]] const auto written = write(STDERR_FILENO, failure.line, std::strlen(failure.line));
  _exit(failure.exit_code);
}

int guarded_run(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (...) {
    give_up();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (aiw::is_child_host(argc, argv)) return aiw::run_child_host();
  std::set_terminate(give_up);
  aiw::set_up_process();
  const int code = guarded_run(argc, argv);
  // What --help or --print-schema said may not have been taken.
  const bool told = std::cout.flush().good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return code == aiw::kExitOk && !told ? aiw::kExitOutput : code;
}
