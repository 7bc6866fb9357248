// Without this, Boost 1.81 needs its own filesystem library. With it, Boost needs some of its own headers but does not
// include them.
#define BOOST_PROCESS_USE_STD_FS 1

#include "worker/process/spawn_child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

#include "worker/base/own_fd.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <boost/asio/io_context.hpp>
#include <boost/optional.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/type_traits/decay.hpp>
#include <boost/type_traits/is_convertible.hpp>
#pragma GCC diagnostic pop

namespace aiw {
namespace {

namespace process = boost::process::v2;
using boost::system::error_code;

// Blocks signals until the child has called exec. Otherwise one of our handlers could run in the child, in our memory.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

// Code between vfork and exec. It runs in our memory, so it makes system calls only.
struct InChild {
  std::array<int, 3> streams;
  const char* cwd;  // nullptr: do not change

  template <typename Launcher>
  error_code on_exec_setup(Launcher&, const std::filesystem::path&, const char* const*&) const {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // if the keeper dies, nobody can terminate the child
    for (int to = 0; to < 3; ++to) {
      if (dup2(streams[static_cast<std::size_t>(to)], to) < 0) return last_error();
    }
    if (cwd != nullptr && chdir(cwd) != 0) return last_error();
    restore_signals();
    return {};
  }
  // Boost 1.81 tests for this signature but calls the next one. Without _exit it would call exit(), which runs our
  // destructors.
  template <typename Launcher>
  void on_exec_error(Launcher&, const error_code&, const std::filesystem::path&, const char* const*&,
                     const error_code&) const {
    _exit(127);
  }
  template <typename Launcher>
  void on_exec_error(Launcher&, const std::filesystem::path&, const char* const*&, const error_code&) const {
    _exit(127);
  }

 private:
  static error_code last_error() { return {errno, boost::system::system_category()}; }
  // Ignored signals stay ignored across exec; ours is SIGPIPE.
  static void restore_signals() {
    for (int signal = 1; signal < NSIG; ++signal) {
      if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }
};

std::vector<std::string> environment_of(const ChildCommand& command) {
  std::vector<std::string> out;
  for (const char* name : kChildVariables) {
    const bool given = std::ranges::any_of(command.env, [&](const auto& pair) { return pair.first == name; });
    const char* value = given ? nullptr : std::getenv(name);
    if (value != nullptr) out.push_back(std::string(name) + '=' + value);
  }
  for (const auto& [name, value] : command.env) out.push_back(name + '=' + value);
  return out;
}

bool is_program(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

// Finds a program like execvp, in the child's PATH.
std::optional<std::string> find_program(const std::string& file, const std::vector<std::string>& environment) {
  if (file.find('/') != std::string::npos) return file;
  constexpr std::string_view kPath = "PATH=";
  const auto entry = std::ranges::find_if(environment, [&](const auto& text) { return text.starts_with(kPath); });
  const std::string path = entry == environment.end() ? "/usr/local/bin:/usr/bin:/bin" : entry->substr(kPath.size());
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    const std::string candidate = (folder.empty() ? "." : folder) + '/' + file;
    if (is_program(candidate)) return candidate;
    begin = end + 1;
  }
  return std::nullopt;
}

// Returns true if a launch can open its temporary descriptors. Otherwise Asio's context throws and leaks those it
// already opened.
bool can_open_descriptors() {
  constexpr std::size_t kWanted = 8;
  std::array<UniqueFd, kWanted> probes;
  for (auto& probe : probes) {
    probe.reset(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    if (probe.get() < 0) return false;
  }
  return true;
}

// Returns the child's pid, or a negative errno.
pid_t launch(const std::string& program, const ChildCommand& command, const std::vector<std::string>& environment,
             const InChild& in_child) {
  if (!can_open_descriptors()) return -EMFILE;
  std::vector<const char*> variables;
  for (const auto& text : environment) variables.push_back(text.c_str());
  variables.push_back(nullptr);
  // Uses a separate context without services, because Boost notifies services of the fork in memory shared with the
  // child.
  boost::asio::io_context context;
  process::posix::vfork_launcher launcher;
  launcher.env = variables.data();
  error_code error;
  const BlockSignals blocked;
  auto child = launcher(context.get_executor(), error, std::filesystem::path(program), command.args, in_child);
  if (error) {
    if (launcher.pid > 0) waitpid(launcher.pid, nullptr, 0);
    return -error.value();
  }
  child.detach();  // the keeper terminates it
  return launcher.pid;
}

}  // namespace

std::expected<pid_t, int> spawn_child(const ChildCommand& command, const std::array<int, 3>& streams) {
  const auto environment = environment_of(command);
  const auto program = find_program(command.file, environment);
  if (!program) return std::unexpected(ENOENT);
  const InChild in_child{streams, command.cwd.empty() ? nullptr : command.cwd.c_str()};
  const pid_t pid = launch(*program, command, environment, in_child);
  if (pid < 0) return std::unexpected(-pid);
  return pid;
}

}  // namespace aiw
