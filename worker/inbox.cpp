#include "worker/inbox.hpp"

#include <new>
#include <numeric>
#include <utility>

namespace aiw {
namespace {

// Decoded lines that may wait for the loop; one batch may be larger.
constexpr std::size_t kMaxUnhandledBytes = 8 << 20;

}  // namespace

Inbox::Inbox(Loop& loop, int fd, std::size_t max_line_bytes, const DecodeOptions& options, InboxHandlers handlers)
    : loop_(loop), options_(options), handlers_(std::move(handlers)) {
  StdinHandlers reading;
  reading.on_lines = [this](std::vector<FramedLine> lines) { decode(std::move(lines)); };
  reading.on_end = [this](int error) {
    loop_.post([self = self_, error] {
      if (*self != nullptr) (*self)->handlers_.on_end(error);
    });
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

void Inbox::wait_for_room(std::size_t bytes) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return closing_ || unhandled_bytes_ == 0 || unhandled_bytes_ + bytes <= kMaxUnhandledBytes; });
  unhandled_bytes_ += bytes;
}

Request Inbox::decode_one(FramedLine line) const {
  try {
    return decode_line(std::move(line), options_);
  } catch (const std::bad_alloc&) {  // a long one; what it took is free again
    return decode_line({.text = {}, .too_large = false, .no_memory = true}, options_);
  }
}

// On the reader's thread.
void Inbox::decode(std::vector<FramedLine> lines) {
  const std::size_t bytes =
      std::accumulate(lines.begin(), lines.end(), std::size_t{0},
                      [](std::size_t sum, const FramedLine& line) { return sum + line.text.size(); });
  wait_for_room(bytes);
  auto requests = std::make_shared<std::vector<Request>>();
  requests->reserve(lines.size());
  for (auto& line : lines) requests->push_back(decode_one(std::move(line)));
  loop_.post([self = self_, requests, bytes] {
    if (*self == nullptr) return;
    Inbox& inbox = **self;
    for (auto& request : *requests) {
      inbox.handlers_.on_request(std::move(request));
      if (*self == nullptr) return;
    }
    {
      const std::lock_guard lock(inbox.mutex_);
      inbox.unhandled_bytes_ -= bytes;
    }
    inbox.room_.notify_one();
  });
}

}  // namespace aiw
