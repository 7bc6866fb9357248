// From stdin to the server: lines are decoded on the reader's thread, in order, and handled on the loop's.
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
  std::function<void(Request request)> on_request;  // on the loop thread
  std::function<void(int error)> on_end;            // on the loop thread, after the last request
};

class Inbox {
 public:
  // Reading begins at once. `fd` stays open and `loop` runs until the inbox is destroyed.
  Inbox(Loop& loop, int fd, std::size_t max_line_bytes, const DecodeOptions& options, InboxHandlers handlers);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Loop thread. While paused no request is handed over, and no more lines are read.
  void set_paused(bool paused);
  // Loop thread. What has been read is still handed over.
  void stop_reading();
  // Whether lines that were read wait for the loop.
  [[nodiscard]] bool has_unhandled();

 private:
  // Decoded lines, in order.
  struct Batch {
    std::vector<Request> requests;
    std::size_t bytes = 0;  // that they take, about
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
  // Under the mutex:
  std::deque<Batch> batches_;
  std::size_t unhandled_bytes_ = 0;  // that lines take which the loop has not handled yet
  std::optional<int> end_;           // the input ended, and how
  bool turn_posted_ = false;
  bool closing_ = false;
  // Of the loop thread: the batch that is being handled.
  Batch current_;
  std::size_t next_ = 0;  // of its requests
  bool paused_ = false;
  bool stopped_ = false;
  // The loop must not call into an inbox that is gone.
  std::shared_ptr<Inbox*> self_ = std::make_shared<Inbox*>(this);
  std::unique_ptr<StdinReader> reader_;  // last: its thread uses all of the above
};

}  // namespace aiw
