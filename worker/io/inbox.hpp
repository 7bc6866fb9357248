// Passes requests from stdin to the dispatcher. Lines are decoded on the reader's thread, in order, and handled on the
// loop thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "protocol/decode.hpp"
#include "worker/io/loop.hpp"
#include "worker/io/stdin_reader.hpp"

namespace aiw {

struct InboxHandlers {
  std::function<void(Request request)> on_request;  // called on the loop thread
  std::function<void(int error)> on_end;            // called on the loop thread, after the last request
};

class Inbox {
 public:
  // Starts to read at once. `fd` must stay open and `loop` must live until the inbox is destroyed.
  Inbox(Loop& loop, int fd, std::size_t max_line_bytes, const DecodeOptions& options, InboxHandlers handlers);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Loop thread. While paused, no request is delivered and no lines are read.
  void set_paused(bool paused);
  // Loop thread. Lines that were already read are still delivered.
  void stop_reading();
  // Returns true if lines that were read have not been handled yet.
  [[nodiscard]] bool has_unhandled();

 private:
  // Decoded lines, in order.
  struct Batch {
    std::vector<Request> requests;
    std::size_t bytes = 0;  // approximate memory of the requests
  };

  [[nodiscard]] Request decode_one(FramedLine line) const;
  void decode(std::vector<FramedLine> lines);
  bool wait_for_room(std::size_t bytes);
  void post_turn();
  void take_turn();
  bool next_batch();

  Loop& loop_;
  const DecodeOptions options_;
  const InboxHandlers handlers_;
  std::mutex mutex_;
  std::condition_variable room_;
  // Guarded by mutex_:
  std::deque<Batch> batches_;
  std::size_t unhandled_bytes_ = 0;  // approximate memory of lines not yet handled by the loop
  std::optional<int> end_;           // set at end of input: errno, or 0
  bool turn_posted_ = false;
  bool closing_ = false;
  // Batch being handled. Loop thread only.
  Batch current_;
  std::size_t next_ = 0;  // index of the next request in current_
  bool paused_ = false;
  bool stopped_ = false;
  // Keeps posted calls from using a destroyed inbox.
  std::shared_ptr<Inbox*> self_ = std::make_shared<Inbox*>(this);
  std::unique_ptr<StdinReader> reader_;  // last member: its thread uses all members above
};

}  // namespace aiw
