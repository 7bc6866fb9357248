#include "worker/io/stdin_reader.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

namespace aiw {
namespace {

constexpr std::size_t kSmallestRead = std::size_t{64} << 10;  // capacity of a pipe
constexpr std::size_t kLargestRead = std::size_t{1} << 20;    // for files and sockets that deliver as much
constexpr std::size_t kLinesAtOnce = 1024;                    // because short lines take more memory than their bytes

int make_eventfd() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

}  // namespace

struct StdinReader::Impl {
  const int fd;
  const StdinHandlers handlers;
  LineFramer framer;
  const int wake_fd = make_eventfd();
  std::atomic<bool> paused = false;
  std::atomic<bool> stopped = false;
  std::atomic<bool> busy = false;
  std::size_t read_size = kSmallestRead;
  std::vector<FramedLine> lines;  // lines not delivered yet
  std::thread thread;

  Impl(int its_fd, std::size_t max_line_bytes, StdinHandlers its_handlers)
      : fd(its_fd), handlers(std::move(its_handlers)), framer(max_line_bytes) {}
  ~Impl() { close(wake_fd); }

  void start();
  void wake() const;
  void run();
  void read_all();
  bool wait_readable() const;
  bool begin_read();
  std::span<char> make_room();
  int read_some();
  std::optional<FramedLine> next_line(bool at_end);
  void deliver(bool at_end);
};

// Blocks all signals in the thread, because the loop handles them.
void StdinReader::Impl::start() {
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  thread = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  pthread_setname_np(thread.native_handle(), "stdin");
}

void StdinReader::Impl::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_fd, &one, sizeof one);
}

void StdinReader::Impl::run() {
  try {
    read_all();
  } catch (...) {
    if (handlers.on_failed) handlers.on_failed(std::current_exception());
  }
}

void StdinReader::Impl::read_all() {
  constexpr int kMore = -1;
  int end = kMore;
  while (end == kMore) {
    if (!wait_readable()) return;
    if (!begin_read()) continue;
    end = read_some();
    deliver(end != kMore);
    busy = false;
  }
  handlers.on_end(end);
}

// Waits until `fd` is readable. Returns false if stopped.
bool StdinReader::Impl::wait_readable() const {
  while (!stopped) {
    std::array<pollfd, 2> entries{{{wake_fd, POLLIN, 0}, {paused ? -1 : fd, POLLIN, 0}}};
    poll(entries.data(), entries.size(), -1);
    if (entries[0].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = read(wake_fd, &count, sizeof count);
    } else if (entries[1].revents != 0) {
      return !stopped;
    }
  }
  return false;
}

// Sets busy. Returns false if a pause came first. The pausing thread sees either an idle reader, or a busy one whose
// read it must wait for.
bool StdinReader::Impl::begin_read() {
  busy = true;
  if (paused) busy = false;
  return busy;
}

// Drops a line that no memory can be allocated for. The next line may be shorter.
std::span<char> StdinReader::Impl::make_room() {
  try {
    return framer.prepare(read_size);
  } catch (const std::bad_alloc&) {
    lines.push_back(framer.drop_line());
    return framer.prepare(kSmallestRead);
  }
}

// Returns -1 to continue, 0 at end of input, else the errno.
int StdinReader::Impl::read_some() {
  const auto room = make_room();
  const auto count = read(fd, room.data(), room.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN ? -1 : errno;
  if (count == 0) return 0;
  const auto size = static_cast<std::size_t>(count);
  framer.commit(size);
  read_size = size == read_size ? std::min(read_size * 2, kLargestRead) : kSmallestRead;
  return -1;
}

void StdinReader::Impl::deliver(bool at_end) {
  while (auto line = next_line(at_end)) {
    lines.push_back(std::move(*line));
    if (lines.size() == kLinesAtOnce) handlers.on_lines(std::exchange(lines, {}));
  }
  if (!lines.empty()) handlers.on_lines(std::exchange(lines, {}));
}

// On bad_alloc the framer has skipped a line that it could not return.
std::optional<FramedLine> StdinReader::Impl::next_line(bool at_end) {
  try {
    auto line = framer.next();
    return line || !at_end ? std::move(line) : framer.finish();
  } catch (const std::bad_alloc&) {
    return FramedLine{.text = {}, .too_large = false, .no_memory = true};
  }
}

StdinReader::StdinReader(int fd, std::size_t max_line_bytes, StdinHandlers handlers)
    : impl_(std::make_unique<Impl>(fd, max_line_bytes, std::move(handlers))) {
  impl_->start();
}

StdinReader::~StdinReader() {
  impl_->stopped = true;
  impl_->wake();
  impl_->thread.join();
}

bool StdinReader::busy() const { return impl_->busy; }

void StdinReader::set_paused(bool paused) {
  if (impl_->paused.exchange(paused) != paused) impl_->wake();
}

}  // namespace aiw
