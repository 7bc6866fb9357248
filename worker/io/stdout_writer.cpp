#include "worker/io/stdout_writer.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "worker/io/frame_queue.hpp"
#include "worker/io/output_descriptor.hpp"

namespace aiw {
namespace {

constexpr std::size_t kWriteAtOnce = std::size_t{64} << 10;   // written before the current event ends
constexpr std::size_t kWorthTelling = std::size_t{64} << 10;  // bytes between two on_progress calls
constexpr std::chrono::milliseconds kPartialFramePatience{1'000};

}  // namespace

struct StdoutWriter::Impl {
  Loop& loop;
  const OutputDescriptor out;
  const StdoutOptions options;
  const StdoutHandlers handlers;
  FrameQueue queue;
  bool flush_posted = false;
  bool blocked = false;  // the last write was incomplete; continue only when the descriptor is ready
  bool congested = false;
  bool broken = false;
  bool closed = false;  // the StdoutWriter was destroyed
  Instant last_progress;
  std::size_t untold = 0;  // bytes written while congested, not reported yet
  std::unique_ptr<Timer> stall_timer;
  std::vector<std::function<void()>> drained;

  Impl(Loop& its_loop, int fd, const StdoutOptions& its_options, StdoutHandlers its_handlers)
      : loop(its_loop), out(fd), options(its_options), handlers(std::move(its_handlers)) {
    watch(0);
  }

  void watch(unsigned wanted);
  void on_ready(unsigned ready);
  void flush();
  void write_queue();
  template <typename Next>
  void write_blocking(Instant end, std::chrono::milliseconds patience, Next next) noexcept;
  void set_blocked(bool now_blocked);
  void check_stall();
  void fail(int error);
  void after_write();
};

// The loop reports errors and hang-ups even if `wanted` is 0.
void StdoutWriter::Impl::watch(unsigned wanted) {
  loop.watch(out.fd(), wanted, [this](unsigned ready) { on_ready(ready); });
}

void StdoutWriter::Impl::on_ready(unsigned ready) {
  if (ready & static_cast<unsigned>(Readiness::error)) return fail(EPIPE);
  flush();
}

void StdoutWriter::Impl::flush() {
  if (broken || closed) return;
  write_queue();
  if (!broken) after_write();
}

void StdoutWriter::Impl::write_queue() {
  while (queue.size() > 0) {
    const std::string_view bytes = queue.front();
    const auto written = out.write(bytes.data(), bytes.size());
    if (written.error == EAGAIN) break;
    if (written.error != 0) return fail(written.error);
    queue.pop(written.count);
    untold += written.count;
    last_progress = loop.now();
  }
  set_blocked(queue.size() > 0);
}

void StdoutWriter::Impl::set_blocked(bool now_blocked) {
  if (std::exchange(blocked, now_blocked) == now_blocked) return;
  watch(blocked ? static_cast<unsigned>(Readiness::write) : 0);
  stall_timer.reset();
  if (!blocked || options.stall_timeout.count() == 0) return;
  last_progress = loop.now();
  stall_timer = loop.call_at(last_progress + options.stall_timeout, [this] { check_stall(); });
}

void StdoutWriter::Impl::check_stall() {
  const auto due = last_progress + options.stall_timeout;
  if (loop.now() >= due) return fail(ETIMEDOUT);
  stall_timer = loop.call_at(due, [this] { check_stall(); });
}

void StdoutWriter::Impl::fail(int error) {
  if (std::exchange(broken, true)) return;
  loop.unwatch(out.fd());
  stall_timer.reset();
  congested = false;          // nothing is left to wait for
  handlers.on_broken(error);  // the handler may still read pending(), whose bytes are lost
  queue.clear();
  after_write();
}

// The handlers may append frames, which wait for the next flush.
void StdoutWriter::Impl::after_write() {
  if (congested && queue.size() < options.low_water) {
    congested = false;
    handlers.on_relieved();
  } else if (congested && untold >= kWorthTelling) {
    handlers.on_progress(std::exchange(untold, 0));
  }
  if (drained.empty() || queue.size() > 0) return;
  for (const auto& done : std::exchange(drained, {})) done();
}

StdoutWriter::StdoutWriter(Loop& loop, int fd, const StdoutOptions& options, StdoutHandlers handlers)
    : impl_(std::make_unique<Impl>(loop, fd, options, std::move(handlers))) {}

StdoutWriter::~StdoutWriter() {
  impl_->closed = true;
  write_out({});
  impl_->write_blocking(impl_->last_progress + kPartialFramePatience, kPartialFramePatience,
                        [this] { return impl_->queue.partial_frame(); });
  impl_->stall_timer.reset();
  auto& loop = impl_->loop;
  if (!impl_->broken) loop.unwatch(impl_->out.fd());
  if (!impl_->flush_posted) return;
  // Keeps impl_ alive for the flush that is already posted. shared_ptr, because std::function requires a copyable
  // callable.
  loop.post([kept = std::shared_ptr<Impl>(std::move(impl_))] {});
}

std::string& StdoutWriter::tail() { return impl_->queue.tail(); }

void StdoutWriter::frame_appended() {
  auto& self = *impl_;
  if (self.broken) return self.queue.clear();
  self.queue.frame_ended();
  if (!self.blocked && self.queue.size() >= kWriteAtOnce) self.write_queue();
  if (self.queue.size() >= self.options.high_water && !std::exchange(self.congested, true)) self.untold = 0;
  if (self.blocked || std::exchange(self.flush_posted, true)) return;
  self.loop.post([&self] {
    self.flush_posted = false;
    self.flush();
  });
}

void StdoutWriter::take(std::string& frames) { impl_->queue.take(frames); }

void StdoutWriter::drop_unfinished() { impl_->queue.drop_unfinished(); }

// Writes the bytes of `next` until it returns none, or until `end`. Each progress moves `end` to `patience` from then.
template <typename Next>
void StdoutWriter::Impl::write_blocking(Instant end, std::chrono::milliseconds patience, Next next) noexcept {
  for (std::string_view bytes = next(); !broken && !bytes.empty(); bytes = next()) {
    const auto written = out.write(bytes.data(), bytes.size());
    queue.pop(written.count);
    if (written.count > 0) {
      last_progress = loop.now();
      end = last_progress + patience;
    }
    if (written.error == 0) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - loop.now()).count();
    if (written.error != EAGAIN || left <= 0) return;
    pollfd entry{out.fd(), POLLOUT, 0};
    poll(&entry, 1, static_cast<int>(left));
  }
}

void StdoutWriter::write_out(std::chrono::milliseconds patience) noexcept {
  impl_->write_blocking(impl_->loop.now() + patience, patience, [this] { return impl_->queue.front(); });
}

Instant StdoutWriter::last_progress() const { return impl_->last_progress; }

std::size_t StdoutWriter::pending() const { return impl_->queue.size(); }

bool StdoutWriter::congested() const { return impl_->congested; }

void StdoutWriter::when_drained(std::function<void()> done) {
  impl_->drained.push_back(std::move(done));
  if (std::exchange(impl_->flush_posted, true)) return;
  impl_->loop.post([self = impl_.get()] {
    self->flush_posted = false;
    if (self->closed) return;
    self->broken ? self->after_write() : self->flush();
  });
}

}  // namespace aiw
