// The one answer that an accepted chat gets, enforced by type.
#pragma once

#include <functional>
#include <memory>
#include <new>
#include <utility>

#include "worker/agent/outbox.hpp"

namespace aiw {

// Move-only. Events go through it until `done` or `error` ends it; if neither is called, its destructor answers with an
// error. So an accepted chat ends exactly once, whatever path its session takes.
class Reply {
 public:
  // `unanswered` is what the destructor says, and outlives the reply. `on_ended(ok)` is called once, after the terminal
  // event.
  Reply(std::unique_ptr<Outbox> outbox, const Error& unanswered, std::function<void(bool ok)> on_ended)
      : outbox_(std::move(outbox)), unanswered_(unanswered), on_ended_(std::move(on_ended)) {}
  Reply(Reply&&) = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (!open()) return;
    try {
      error({unanswered_, {}, {}});
    } catch (...) {  // no memory even for that: the process is about to end
      return;
    }
  }

  [[nodiscard]] bool open() const { return outbox_ != nullptr && !outbox_->over(); }
  // Takes over a `done`, to say it later: the reply that it is given is the chat's. The event's views end with the
  // call.
  using DoneKeeper = std::function<void(Reply reply, const DoneEvent& event)>;
  void keep_done(DoneKeeper keeper) { keeper_ = std::move(keeper); }

  // While open: the way for every event that is not terminal.
  [[nodiscard]] Outbox& events() { return *outbox_; }

  void done(const DoneEvent& event) {
    if (const auto keeper = std::exchange(keeper_, nullptr)) {
      return keeper(Reply(std::move(outbox_), unanswered_, std::move(on_ended_)), event);
    }
    end(event, true);
  }
  void error(const ErrorEvent& event) {
    try {
      end(event, false);
    } catch (const std::bad_alloc&) {  // of messages that are long, or of a delta that was not sent yet
      if (!open()) throw;
      end(ErrorEvent{event.error, {}, {}}, false);
    }
  }

 private:
  void end(const ChatEvent& event, bool ok) {
    outbox_->send_last(event);  // the reply stays open if it throws
    const auto outbox = std::move(outbox_);
    on_ended_(ok);
  }

  std::unique_ptr<Outbox> outbox_;
  const Error& unanswered_;
  std::function<void(bool ok)> on_ended_;
  DoneKeeper keeper_;
};

}  // namespace aiw
