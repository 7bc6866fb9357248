#include "tools/support/worker_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/optional.hpp>  // missing in Boost.Process v2
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace aiw::tools {

namespace process = boost::process::v2;
using Steady = std::chrono::steady_clock;
using Milliseconds = WorkerProcess::Milliseconds;

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read, write;
};

std::optional<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Descriptor(fds[0]), Descriptor(fds[1])};
}

void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

// Returns an absolute path, because execve does not search PATH. Empty if the program is not found.
std::filesystem::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return std::filesystem::absolute(name);
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    std::filesystem::path candidate = std::filesystem::path(folder) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

std::vector<std::string> environment_of(const WorkerCommand& command) {
  std::vector<std::string> all;
  auto overridden = [&](std::string_view entry) {
    std::string_view key = entry.substr(0, entry.find('=') + 1);
    return std::ranges::any_of(command.environment, [&](const std::string& own) { return own.starts_with(key); });
  };
  for (char** entry = ::environ; command.inherit_environment && *entry != nullptr; ++entry) {
    if (!overridden(*entry)) all.emplace_back(*entry);
  }
  all.insert(all.end(), command.environment.begin(), command.environment.end());
  return all;
}

int milliseconds_until(Steady::time_point deadline) {
  auto left = std::chrono::ceil<Milliseconds>(deadline - Steady::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

// Makes a write to a closed pipe fail with EPIPE instead of ending this program.
void ignore_sigpipe() {
  [[maybe_unused]] static const bool done = [] {
    std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
}

// Resets ignored signals, which survive exec: the child must start as from a shell, even if we run under nohup.
struct DefaultSignals {
  boost::system::error_code on_exec_setup(process::posix::default_launcher&, const std::filesystem::path&,
                                          const char* const*) {
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGHUP, SIG_DFL);
    return {};
  }
};

}  // namespace

WorkerCommand parse_command(std::string_view text) {
  WorkerCommand command;
  while (!text.empty()) {
    std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    std::string word(text.substr(0, text.find_first_of(" \t")));
    text.remove_prefix(word.size());
    if (command.program.empty()) {
      command.program = std::move(word);
    } else {
      command.args.push_back(std::move(word));
    }
  }
  return command;
}

class WorkerProcess::Impl {
 public:
  // Waits for one of the pipes, then reads stderr, and stdout if `take_stdout`, into the buffers. Returns false at the
  // deadline.
  bool turn(Steady::time_point deadline, bool want_write, bool take_stdout, bool want_exit) {
    std::array<pollfd, 4> fds{{{.fd = stderr_.get(), .events = POLLIN, .revents = 0},
                               {.fd = stdout_.get(), .events = POLLIN, .revents = 0},
                               {.fd = want_write ? stdin_.get() : -1, .events = POLLOUT, .revents = 0},
                               {.fd = want_exit ? pidfd_.get() : -1, .events = POLLIN, .revents = 0}}};
    int ready = ::poll(fds.data(), fds.size(), milliseconds_until(deadline));
    if (ready == 0) return false;
    if (ready < 0) return errno == EINTR;
    if (fds[0].revents != 0) drain_stderr();
    if (fds[1].revents != 0 && take_stdout) drain_stdout();
    return true;
  }

  // Reads stdout into the buffer, with one read of up to 256 KiB. A pipe holds 64 KiB by default.
  void drain_stdout() {
    constexpr std::size_t kBlock = 256u << 10;
    std::size_t size = buffer_.size();
    buffer_.resize(size + kBlock);
    ssize_t count = ::read(stdout_.get(), buffer_.data() + size, kBlock);
    buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) stdout_.close();
  }

  void drain_stderr() {
    std::array<char, 16384> block{};
    ssize_t count = stderr_.open() ? ::read(stderr_.get(), block.data(), block.size()) : 0;
    if (count > 0) {
      stderr_text_.append(block.data(), static_cast<std::size_t>(count));
      if (stderr_text_.size() > 2 * kMaxStderr) stderr_text_.erase(0, stderr_text_.size() - kMaxStderr);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      stderr_.close();
    }
  }

  boost::asio::io_context context_;  // required by Boost.Process; nothing runs on it
  std::optional<process::process> child_;
  Descriptor pidfd_;  // Boost 1.81 does not expose its own
  Descriptor stdin_, stdout_, stderr_;
  std::string buffer_;  // stdout; bytes from consumed_ on were not returned yet
  std::size_t consumed_ = 0;
  std::size_t scanned_ = 0;  // buffer_ has no line feed before this position
  std::string stderr_text_;
  std::optional<ExitStatus> exit_;
};

std::expected<std::unique_ptr<WorkerProcess>, std::string> WorkerProcess::spawn(const WorkerCommand& command) {
  ignore_sigpipe();
  auto in = make_pipe(), out = make_pipe(), err = make_pipe();
  if (!in || !out || !err) return std::unexpected(std::string("cannot make pipes: ") + std::strerror(errno));
  std::filesystem::path program = find_program(command.program);
  if (program.empty()) return std::unexpected("no such program: " + command.program);

  auto impl = std::make_unique<Impl>();
  std::vector<std::string> environment = environment_of(command);
  std::vector<const char*> entries;
  for (const std::string& entry : environment) entries.push_back(entry.c_str());
  entries.push_back(nullptr);

  boost::system::error_code error;
  process::default_process_launcher launcher;
  launcher.env = entries.data();
  boost::asio::any_io_executor executor = impl->context_.get_executor();
  process::process_stdio pipes{.in = in->read.get(), .out = out->write.get(), .err = err->write.get()};
  impl->child_.emplace(launcher(executor, error, program, command.args, pipes, DefaultSignals{}));
  if (error) return std::unexpected("cannot start " + program.string() + ": " + error.message());
  impl->pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, impl->child_->id(), 0)));
  impl->stdin_ = std::move(in->write);
  impl->stdout_ = std::move(out->read);
  impl->stderr_ = std::move(err->read);
  for (int fd : {impl->stdin_.get(), impl->stdout_.get(), impl->stderr_.get()}) set_non_blocking(fd);
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(std::move(impl)));
}

WorkerProcess::WorkerProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WorkerProcess::~WorkerProcess() {
  if (impl_->exit_) return;
  ::kill(pid(), SIGKILL);
  wait_exit(Milliseconds{10'000});
}

pid_t WorkerProcess::pid() const { return impl_->child_->id(); }

bool WorkerProcess::write_line(std::string_view line, Milliseconds timeout) {
  std::string bytes;
  bytes.reserve(line.size() + 1);
  bytes.append(line).push_back('\n');
  return write(bytes, timeout);
}

std::optional<std::size_t> WorkerProcess::write_some(std::string_view bytes) {
  while (impl_->stdin_.open()) {
    ssize_t count = ::write(impl_->stdin_.get(), bytes.data(), bytes.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) break;
  }
  return std::nullopt;
}

bool WorkerProcess::wait_ready(bool to_write, Milliseconds timeout) {
  return impl_->consumed_ < impl_->buffer_.size() || impl_->turn(Steady::now() + timeout, to_write, false, false);
}

bool WorkerProcess::write(std::string_view bytes, Milliseconds timeout) {
  auto deadline = Steady::now() + timeout;
  while (!bytes.empty()) {
    auto count = write_some(bytes);
    if (!count) return false;
    bytes.remove_prefix(*count);
    if (*count == 0 && !impl_->turn(deadline, true, true, false)) return false;
  }
  return true;
}

void WorkerProcess::close_stdin() { impl_->stdin_.close(); }
void WorkerProcess::close_stdout() { impl_->stdout_.close(); }

std::optional<std::string> WorkerProcess::read_line(Milliseconds timeout) {
  auto deadline = Steady::now() + timeout;
  Impl& impl = *impl_;
  while (true) {
    std::size_t end = impl.buffer_.find('\n', std::max(impl.scanned_, impl.consumed_));
    bool last = end == std::string::npos && !impl.stdout_.open() && impl.consumed_ < impl.buffer_.size();
    if (end != std::string::npos || last) {
      std::string line = impl.buffer_.substr(impl.consumed_, last ? end : end - impl.consumed_);
      impl.consumed_ = std::min(impl.consumed_ + line.size() + 1, impl.buffer_.size());
      impl.scanned_ = impl.consumed_;
      return line;
    }
    impl.buffer_.erase(0, std::exchange(impl.consumed_, 0));
    impl.scanned_ = impl.buffer_.size();
    if (!impl.stdout_.open() || !impl.turn(deadline, false, true, false)) return std::nullopt;
  }
}

std::size_t WorkerProcess::read_some(std::span<char> into, Milliseconds timeout) {
  auto deadline = Steady::now() + timeout;
  Impl& impl = *impl_;
  if (std::size_t kept = std::min(impl.buffer_.size() - impl.consumed_, into.size()); kept > 0) {
    std::memcpy(into.data(), impl.buffer_.data() + impl.consumed_, kept);
    impl.consumed_ += kept;
    return kept;
  }
  while (impl.stdout_.open() && !into.empty()) {
    ssize_t count = ::read(impl.stdout_.get(), into.data(), into.size());
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      impl.stdout_.close();
    } else if (!impl.turn(deadline, false, false, false)) {
      break;
    }
  }
  return 0;
}

bool WorkerProcess::stdout_ended() const { return !impl_->stdout_.open() && impl_->consumed_ == impl_->buffer_.size(); }

const std::string& WorkerProcess::stderr_text() {
  impl_->drain_stderr();
  return impl_->stderr_text_;
}

bool WorkerProcess::send_signal(int signal) { return !impl_->exit_ && ::kill(pid(), signal) == 0; }

std::optional<ExitStatus> WorkerProcess::wait_exit(Milliseconds timeout) {
  auto deadline = Steady::now() + timeout;
  while (!impl_->exit_) {
    int status = 0;
    pid_t result = ::waitpid(pid(), &status, WNOHANG);
    if (result == pid()) {
      impl_->exit_ = ExitStatus{.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                                .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    } else if (!impl_->turn(deadline, false, true, true) && Steady::now() >= deadline) {
      return std::nullopt;
    }
  }
  // The last output of the child is still in the pipes.
  while (impl_->stdout_.open() || impl_->stderr_.open()) {
    if (!impl_->turn(Steady::now(), false, true, false)) break;
  }
  return impl_->exit_;
}

}  // namespace aiw::tools
