// Events of one chat on their way to stdout: numbered, merged while the reader lags, never dropped.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "protocol/dialect.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/frame_output.hpp"

namespace aiw {

class Outbox;

// Outboxes that hold frames back because stdout is congested, in the order in which they may write again.
class Backlog {
 public:
  explicit Backlog(FrameOutput& output) : output_(output) {}

  // Called when stdout takes frames again. Lets the outboxes write in turn until all are empty or stdout is congested.
  void relieve();
  // Called when the reader took `bytes` but stdout stays congested, because of acks, rejections or ends of chats. The
  // outboxes write an eighth of that, in turn. The queue still gets shorter, and a slow reader still gets some deltas.
  void share(std::size_t bytes);
  // Bytes that wait: frames held by the outboxes and the queue of stdout.
  [[nodiscard]] std::size_t total() const { return held_ + output_.pending(); }

 private:
  friend class Outbox;
  Outbox& next();
  FrameOutput& output_;
  std::list<Outbox*> waiting_;
  std::size_t held_ = 0;
  std::int64_t share_ = 0;  // bytes that outboxes may still write; negative after a long frame
};

struct OutboxLimits {
  std::size_t max_delta_bytes = 64 << 10;       // a longer delta is split
  std::size_t max_held = 1 << 20;               // bytes held for one chat before its upstream is paused
  std::size_t max_total = 64 << 20;             // bytes held for all chats and stdout before every upstream is paused
  std::chrono::milliseconds delta_interval{0};  // time for which deltas of one part are merged; 0: not merged
  std::size_t delta_size = 0;                   // size at which a merged delta is sent early; 0: no such size
};

class Outbox {
 public:
  // All references must outlive the outbox. The action of on_relieved() is called when must_pause() may have become
  // false.
  Outbox(std::string chat_id, std::unique_ptr<EventEncoder> encoder, FrameOutput& output, Backlog& backlog,
         Clock& clock, const OutboxLimits& limits);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  [[nodiscard]] const std::string& chat_id() const { return chat_id_; }
  void on_relieved(std::function<void()> action) { on_relieved_ = std::move(action); }

  void send(const ChatEvent& event);
  // Sends the delta that is being merged, if there is one.
  void flush();
  // Writes everything that is held, then `event`, even if the reader lags. The chat is over, so this is bounded.
  void send_last(const ChatEvent& event);
  // True once send_last() has written its event.
  [[nodiscard]] bool over() const { return over_; }
  // True while so much is held that the upstream must pause (back-pressure).
  [[nodiscard]] bool must_pause() const;

 private:
  friend class Backlog;
  struct OpenDelta {
    int step = 0;
    int part = 0;
    ContentKind kind = ContentKind::text;
    std::string tool_call_id;
    std::string text;
  };

  void send_delta(const DeltaEvent& delta);
  bool extend(const DeltaEvent& delta);
  void open(const DeltaEvent& delta);
  void flush_if_long();
  void emit_split(DeltaEvent delta);
  void emit(const ChatEvent& event);
  void emit_redacted(const ChatEvent& event);
  void write_to_output(const ChatEvent& event, bool last = false);
  [[nodiscard]] std::size_t held_bytes() const { return held_.size() - released_ + (is_open_ ? open_.text.size() : 0); }
  [[nodiscard]] bool holding() const { return !held_.empty() || output_.congested(); }
  void hold(std::size_t added);
  std::size_t release_held(std::size_t at_most);
  void leave_backlog();

  const std::string chat_id_;
  const std::unique_ptr<EventEncoder> encoder_;
  FrameOutput& output_;
  Backlog& backlog_;
  Clock& clock_;
  const OutboxLimits limits_;
  std::function<void()> on_relieved_;
  std::uint64_t next_seq_ = 0;
  bool over_ = false;
  std::string held_;          // whole frames, numbered
  std::size_t released_ = 0;  // bytes of held_ that were written
  std::optional<std::list<Outbox*>::iterator> place_;
  OpenDelta open_;        // last delta, while it may still grow; comes after held_
  bool is_open_ = false;  // if false, open_ only keeps its memory for reuse
  std::unique_ptr<Timer> flush_timer_;
};

}  // namespace aiw
