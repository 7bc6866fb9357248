// The events of one chat on their way to stdout: numbered, merged while the reader lags, never dropped.
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

// The outboxes that hold frames back because stdout is congested, in the order in which they are let out again.
class Backlog {
 public:
  explicit Backlog(FrameOutput& output) : output_(output) {}

  // Stdout takes frames again: lets each outbox write some in turn until all are empty or it is congested anew.
  void relieve();
  // The reader took so many bytes, but stdout stays congested, by answers to lines or ends of chats: the outboxes write
  // an eighth as many, in turn. So little that what waits grows shorter, and enough for a trickle not to wait for that.
  void share(std::size_t bytes);
  // All bytes that wait, here and in front of stdout.
  [[nodiscard]] std::size_t total() const { return held_ + output_.pending(); }

 private:
  friend class Outbox;
  Outbox& next();
  FrameOutput& output_;
  std::list<Outbox*> waiting_;
  std::size_t held_ = 0;
  std::int64_t share_ = 0;  // bytes; below zero after a long frame
};

struct OutboxLimits {
  std::size_t max_delta_bytes = 64 << 10;       // a longer delta is split
  std::size_t max_held = 1 << 20;               // of one chat, before its upstream is paused
  std::size_t max_total = 64 << 20;             // of all chats and stdout, before every upstream is paused
  std::chrono::milliseconds delta_interval{0};  // deltas of one part are merged for so long
  std::size_t delta_size = 0;                   // and sent at this length; 0: none
};

class Outbox {
 public:
  // All references outlive the outbox. `on_relieved` is called when must_pause() may have become false.
  Outbox(std::string chat_id, std::unique_ptr<EventEncoder> encoder, FrameOutput& output, Backlog& backlog,
         Clock& clock, const OutboxLimits& limits);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  [[nodiscard]] const std::string& chat_id() const { return chat_id_; }
  void on_relieved(std::function<void()> action) { on_relieved_ = std::move(action); }

  void send(const ChatEvent& event);
  // Sends a delta that was merged for a while.
  void flush();
  // Writes everything that is held, then `event`, whether the reader lags or not: the chat is over and bounded.
  void send_last(const ChatEvent& event);
  // True once send_last has written its event.
  [[nodiscard]] bool over() const { return over_; }
  // True while so much is held that the upstream should not bring more.
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
  [[nodiscard]] std::size_t held_bytes() const { return held_.size() - let_out_ + (is_open_ ? open_.text.size() : 0); }
  [[nodiscard]] bool holding() const { return !held_.empty() || output_.congested(); }
  void hold(std::size_t added);
  std::size_t let_out(std::size_t at_most);
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
  std::string held_;         // whole frames, numbered
  std::size_t let_out_ = 0;  // bytes of held_ that were written
  std::optional<std::list<Outbox*>::iterator> place_;
  OpenDelta open_;        // the last event, if it may still grow; it comes after held_
  bool is_open_ = false;  // else open_ only keeps its memory
  std::unique_ptr<Timer> flush_timer_;
};

}  // namespace aiw
