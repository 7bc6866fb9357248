#include "worker/io/inbox.hpp"

#include <new>
#include <numeric>
#include <utility>

namespace aiw {
namespace {

// Limit on decoded lines that wait for the loop. A single batch may be larger.
constexpr std::size_t kMaxUnhandledBytes = 8 << 20;
// Minimum memory of a decoded line in addition to its text: the Request and one or two strings.
constexpr std::size_t kLineBytes = sizeof(Request) + 128;
// Requests handled in one turn of the loop, before streams and timers run.
constexpr int kTurnRequests = 128;

}  // namespace

Inbox::Inbox(Loop& loop, int fd, std::size_t max_line_bytes, const DecodeOptions& options, InboxHandlers handlers)
    : loop_(loop), options_(options), handlers_(std::move(handlers)) {
  StdinHandlers reading;
  reading.on_lines = [this](std::vector<FramedLine> lines) { decode(std::move(lines)); };
  reading.on_end = [this](int error) {
    {
      const std::lock_guard lock(mutex_);
      end_ = error;
    }
    post_turn();
  };
  reading.on_failed = [this](std::exception_ptr thrown) { loop_.raise(std::move(thrown)); };
  reader_ = std::make_unique<StdinReader>(fd, max_line_bytes, std::move(reading));
}

Inbox::~Inbox() {
  *self_ = nullptr;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  room_.notify_all();
  reader_.reset();
}

// Blocks while the limit is reached. Returns false if the inbox is being destroyed.
bool Inbox::wait_for_room(std::size_t bytes) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return closing_ || unhandled_bytes_ == 0 || unhandled_bytes_ + bytes <= kMaxUnhandledBytes; });
  unhandled_bytes_ += bytes;
  return !closing_;
}

Request Inbox::decode_one(FramedLine line) const {
  try {
    return decode_line(std::move(line), options_);
  } catch (const std::bad_alloc&) {  // probably a long line; its memory is free again
    return decode_line({.text = {}, .too_large = false, .no_memory = true}, options_);
  }
}

// Runs on the reader's thread.
void Inbox::decode(std::vector<FramedLine> lines) {
  const std::size_t bytes =
      std::accumulate(lines.begin(), lines.end(), std::size_t{0},
                      [](std::size_t sum, const FramedLine& line) { return sum + line.text.size() + kLineBytes; });
  if (!wait_for_room(bytes)) return;
  Batch batch{.requests = {}, .bytes = bytes};
  batch.requests.reserve(lines.size());
  for (auto& line : lines) batch.requests.push_back(decode_one(std::move(line)));
  {
    const std::lock_guard lock(mutex_);
    batches_.push_back(std::move(batch));
  }
  post_turn();
}

void Inbox::post_turn() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(turn_posted_, true)) return;
  }
  loop_.post([self = self_] {
    if (*self != nullptr) (*self)->take_turn();
  });
}

void Inbox::take_turn() {
  const auto self = self_;  // a handler may destroy this inbox
  for (int handled = 0; handled < kTurnRequests && !paused_; ++handled) {
    if (next_ == current_.requests.size() && !next_batch()) return;
    handlers_.on_request(std::move(current_.requests[next_++]));
    if (*self == nullptr) return;
  }
  {
    const std::lock_guard lock(mutex_);
    turn_posted_ = false;
  }
  if (!paused_) post_turn();
}

void Inbox::set_paused(bool paused) {
  paused_ = paused;
  reader_->set_paused(paused_ || stopped_);
  if (!paused_) post_turn();
}

void Inbox::stop_reading() {
  stopped_ = true;
  reader_->set_paused(true);
}

bool Inbox::has_unhandled() {
  if (reader_->busy()) return true;
  const std::lock_guard lock(mutex_);
  return unhandled_bytes_ > 0;
}

// Moves to the next batch. Returns false if there is none now.
bool Inbox::next_batch() {
  std::optional<int> end;
  {
    const std::lock_guard lock(mutex_);
    unhandled_bytes_ -= std::exchange(current_, {}).bytes;
    next_ = 0;
    if (batches_.empty()) {
      turn_posted_ = false;
      end = std::exchange(end_, std::nullopt);
    } else {
      current_ = std::move(batches_.front());
      batches_.pop_front();
    }
  }
  room_.notify_one();
  if (end) handlers_.on_end(*end);
  return !current_.requests.empty();
}

}  // namespace aiw
