#include "worker/process/loop_child_launcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <optional>
#include <utility>

#include "worker/process/child_host_client.hpp"
#include "worker/secrets/wipe.hpp"

namespace aiw {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
// On a busy machine: time for a killed child to be gone, and for the exit status of a child that closed its pipes to
// arrive.
constexpr std::chrono::milliseconds kPatience{1'000};

std::string describe(const ChildNotice& notice) {
  const int status = notice.value;
  if (notice.kind == ChildNotice::Kind::not_started)
    return std::string("it cannot be started: ") + std::strerror(status);
  if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
  return "it exited with code " + std::to_string(WEXITSTATUS(status));
}

// Our ends of the connections to a child and to its keeper.
struct ChildEnds {
  UniqueFd control, input, output, diagnostics;
};

// One child, until all its processes are gone. Owned by the launcher; the caller owns a Handle.
class Child : public std::enable_shared_from_this<Child> {
 public:
  Child(Loop& loop, ChildEnds ends, ChildHandler& handler) : loop_(loop), ends_(std::move(ends)), handler_(&handler) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    for (UniqueFd* fd : {&ends_.control, &ends_.input, &ends_.output, &ends_.diagnostics}) drop(*fd);
  }

  void watch(std::function<void(Child*)> on_left) {
    on_left_ = std::move(on_left);
    const auto self = weak_from_this();
    const auto guarded = [self](auto member) {
      return [self, member](unsigned) {
        if (const auto child = self.lock()) ((*child).*member)();
      };
    };
    loop_.watch(ends_.control.get(), kRead, guarded(&Child::told));
    watch_output();
    loop_.watch(ends_.diagnostics.get(), kRead, guarded(&Child::diagnostics_ready));
  }

  void write(std::string bytes) {
    if (!ends_.input.valid() || bytes.empty()) return;
    unwritten_ += bytes.size();
    queue_.push_back(std::move(bytes));
    if (!writing_) flush();
  }
  [[nodiscard]] std::size_t unwritten() const { return unwritten_; }
  void set_output_paused(bool paused) {
    if (!ends_.output.valid() || std::exchange(output_paused_, paused) == paused) return;
    paused ? loop_.unwatch(ends_.output.get()) : watch_output();
  }

  // Terminates the child. Its handler is not called any more.
  void end() {
    handler_ = nullptr;
    broken_.reset();
    close_stdin();
    send(ends_.control.get(), &kEndChild, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  void end_soon() {
    close_stdin();
    shutdown(ends_.control.get(), SHUT_WR);
  }
  // Returns true if the keeper is gone at time `end`. Waits until then.
  [[nodiscard]] bool left_by(Instant end) const {
    std::array<char, sizeof(ChildNotice)> notice;
    while (true) {
      const auto time = std::chrono::ceil<std::chrono::milliseconds>(end - loop_.now()).count();
      pollfd control{ends_.control.get(), POLLIN, 0};
      if (poll(&control, 1, static_cast<int>(std::max<std::int64_t>(time, 0))) == 0) return false;
      if (recv(ends_.control.get(), notice.data(), notice.size(), MSG_DONTWAIT) == 0) return true;
    }
  }

 private:
  static constexpr unsigned kRead = static_cast<unsigned>(Readiness::read);
  static constexpr unsigned kWrite = static_cast<unsigned>(Readiness::write);

  void watch_output() {
    loop_.watch(ends_.output.get(), kRead, [self = weak_from_this()](unsigned) {
      if (const auto child = self.lock()) child->output_ready();
    });
  }

  void drop(UniqueFd& fd) {
    if (!fd.valid()) return;
    loop_.unwatch(fd.get());
    fd.reset();
  }
  void close_stdin() {
    drop(ends_.input);
    queue_.clear();
    unwritten_ = 0;
  }

  // Returns the number of bytes read; nullopt at the end of the stream.
  std::optional<std::size_t> read_once(const UniqueFd& fd, void (ChildHandler::*on_bytes)(std::string_view)) {
    std::array<char, kReadBytes> bytes;
    const auto count = read(fd.get(), bytes.data(), bytes.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (count <= 0) return std::nullopt;
    const auto size = static_cast<std::size_t>(count);
    if (handler_ != nullptr) (handler_->*on_bytes)({bytes.data(), size});
    wipe(bytes.data(), size);
    return size;
  }

  void output_ready() {
    if (read_once(ends_.output, &ChildHandler::on_output)) return;
    drop(ends_.output);
    // The child usually exits next, and its exit status is a better description.
    if (handler_ != nullptr) gone_soon("it closed its output");
  }
  void diagnostics_ready() {
    if (!read_once(ends_.diagnostics, &ChildHandler::on_diagnostics)) drop(ends_.diagnostics);
  }

  void told() {
    ChildNotice notice;
    const auto count = recv(ends_.control.get(), &notice, sizeof notice, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count == sizeof notice) return ended(describe(notice));
    ended("it was lost with the process that kept it");  // no effect if an exit was reported before
    drop(ends_.control);
    on_left_(this);
  }

  void ended(const std::string& how) {
    close_stdin();
    drain(ends_.diagnostics, &ChildHandler::on_diagnostics);
    drain(ends_.output, &ChildHandler::on_output);
    gone(how);
  }
  void drain(UniqueFd& fd, void (ChildHandler::*on_bytes)(std::string_view)) {
    if (!fd.valid()) return;
    // Read only what is in the pipe now, which includes the child's last output. A surviving descendant may hold the
    // pipe and write forever.
    int left = 0;
    ioctl(fd.get(), FIONREAD, &left);
    while (left > 0) {
      const auto size = read_once(fd, on_bytes).value_or(0);
      if (size == 0) break;
      left -= static_cast<int>(size);
    }
    drop(fd);
  }

  void gone(std::string_view how) {
    broken_.reset();
    if (ChildHandler* const handler = std::exchange(handler_, nullptr)) handler->on_gone(how);
  }
  void gone_soon(std::string how) {
    if (broken_) return;
    broken_ = loop_.call_at(loop_.now() + kPatience, [this, how = std::move(how)] {
      const auto self = shared_from_this();
      gone(how);
    });
  }

  void flush() {
    while (!queue_.empty()) {
      const std::string& front = queue_.front();
      const auto count = ::write(ends_.input.get(), front.data() + written_, front.size() - written_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return await_space();
      if (count < 0) {
        close_stdin();
        if (handler_ != nullptr) gone_soon("it closed its input");
        return;
      }
      written_ += static_cast<std::size_t>(count);
      unwritten_ -= static_cast<std::size_t>(count);
      if (written_ < front.size()) continue;
      written_ = 0;
      queue_.pop_front();
    }
    if (std::exchange(writing_, false)) loop_.unwatch(ends_.input.get());
  }
  void await_space() {
    if (std::exchange(writing_, true)) return;
    loop_.watch(ends_.input.get(), kWrite, [self = weak_from_this()](unsigned) {
      if (const auto child = self.lock()) child->flush();
    });
  }

  Loop& loop_;
  ChildEnds ends_;
  ChildHandler* handler_;
  std::function<void(Child*)> on_left_;
  std::deque<std::string> queue_;
  std::size_t written_ = 0;  // written bytes of the first queue entry
  std::size_t unwritten_ = 0;
  bool writing_ = false;
  bool output_paused_ = false;
  std::unique_ptr<Timer> broken_;
};

class Handle : public ChildProcess {
 public:
  explicit Handle(std::shared_ptr<Child> child) : child_(std::move(child)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() override { child_->end(); }
  void write(std::string bytes) override { child_->write(std::move(bytes)); }
  void set_output_paused(bool paused) override { child_->set_output_paused(paused); }
  [[nodiscard]] std::size_t unwritten() const override { return child_->unwritten(); }

 private:
  std::shared_ptr<Child> child_;
};

struct Pipe {
  UniqueFd read, write;
};
std::expected<Pipe, int> open_pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) return std::unexpected(errno);
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void set_nonblocking(const UniqueFd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

// A request and our side of its connections.
struct Connection {
  ChildRequest request;
  ChildEnds ends;
};
std::expected<Connection, int> connect_child(const ChildCommand& command, const ChildEnding& ending) {
  auto file = write_child_command(command);
  auto in = open_pipe(), out = open_pipe(), diagnostics = open_pipe();
  if (!file) return std::unexpected(file.error());
  for (const auto* pipe : {&in, &out, &diagnostics}) {
    if (!*pipe) return std::unexpected(pipe->error());
  }
  std::array<int, 2> control{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) != 0) return std::unexpected(errno);
  Connection connection{
      .request = {ending,
                  *std::move(file),
                  UniqueFd(control[1]),
                  {std::move(in->read), std::move(out->write), std::move(diagnostics->write)}},
      .ends = {UniqueFd(control[0]), std::move(in->write), std::move(out->read), std::move(diagnostics->read)}};
  for (const auto* fd : {&connection.ends.input, &connection.ends.output, &connection.ends.diagnostics}) {
    set_nonblocking(*fd);
  }
  return connection;
}

class LoopChildLauncher : public ChildLauncher {
 public:
  LoopChildLauncher(Loop& loop, const ChildLauncherOptions& options)
      : loop_(loop), ending_(options.ending), host_(loop) {
    if (options.start_host) host_.start();  // if this fails, every spawn() fails too
  }
  LoopChildLauncher(const LoopChildLauncher&) = delete;
  LoopChildLauncher& operator=(const LoopChildLauncher&) = delete;
  // The loop has stopped. Children that are not gone in time are left to their keepers, which stay alive.
  ~LoopChildLauncher() override {
    host_.drop_unsent();
    for (const auto& child : children_) child->end_soon();
    const Instant end = loop_.now() + 2 * ending_.at_exit + kPatience;
    for (const auto& child : children_) {
      if (!child->left_by(end)) break;
    }
  }

  std::expected<std::unique_ptr<ChildProcess>, std::string> spawn(const ChildCommand& command,
                                                                  ChildHandler& handler) override {
    auto connection = connect_child(command, ending_);
    const int error = connection ? host_.request(std::move(connection->request)) : connection.error();
    if (error != 0) return std::unexpected(std::string(std::strerror(error)));
    auto child = std::make_shared<Child>(loop_, std::move(connection->ends), handler);
    child->watch([this](Child* gone) { std::erase_if(children_, [&](auto& c) { return c.get() == gone; }); });
    children_.push_back(child);
    return std::make_unique<Handle>(std::move(child));
  }
  [[nodiscard]] std::size_t running() const override { return children_.size(); }

 private:
  Loop& loop_;
  const ChildEnding ending_;
  ChildHostClient host_;
  std::list<std::shared_ptr<Child>> children_;
};

}  // namespace

std::unique_ptr<ChildLauncher> make_child_launcher(Loop& loop, const ChildLauncherOptions& options) {
  return std::make_unique<LoopChildLauncher>(loop, options);
}

}  // namespace aiw
