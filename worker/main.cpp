// ai-worker: reads JSON request lines and writes model responses.

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

// Fixed text for each failure, because the text of an exception may quote a request.
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

// Classifies the exception being handled. Failed allocations may surface as another exception, for example from a
// thread start.
Failure failure_of_exception() noexcept {
  try {
    if (std::current_exception() != nullptr) throw;
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  } catch (const std::system_error& error) {
    if (is_shortage(error.code()) && !aiw::emergency_memory_used()) return kRefused;
  } catch (...) {  // any other exception
  }
  return aiw::emergency_memory_used() ? kOutOfMemory : kInternalError;
}

int run(int argc, char** argv) {
  const aiw::ParsedOptions parsed = aiw::parse_options(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  if (!parsed.options.allow_core) aiw::forbid_core_files();  // before any input is read
  aiw::init_log(parsed.options.log_level, parsed.options.log_format);
  return aiw::Worker(parsed.options).run();
}

// Exits at once. The exit handlers of libraries allocate memory, and without memory the C library aborts the exit (with
// code 127). Also handles an exception from a noexcept function; then only the exit code and the reason can be
// reported.
[[noreturn]] void exit_at_once() {
  const Failure failure = failure_of_exception();
  [[maybe_unused]] const auto written = write(STDERR_FILENO, failure.line, std::strlen(failure.line));
  _exit(failure.exit_code);
}

int guarded_run(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (...) {
    exit_at_once();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (aiw::is_child_host(argc, argv)) return aiw::run_child_host();
  std::set_terminate(exit_at_once);
  aiw::set_up_process();
  const int code = guarded_run(argc, argv);
  // The output of --help or --print-schema may have failed.
  const bool told = std::cout.flush().good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return code == aiw::kExitOk && !told ? aiw::kExitOutput : code;
}
