// The one terminal event that each accepted chat gets, enforced by type.
#pragma once

#include <functional>
#include <memory>
#include <new>
#include <utility>

#include "worker/agent/outbox.hpp"

namespace aiw {

// Move-only. Sends the events of a chat until done() or error() ends it. If neither was called, the destructor sends an
// error. So an accepted chat ends exactly once, on every path of its run.
class Reply {
 public:
  // `unanswered` is the error that the destructor sends; it must outlive the reply. `on_ended(ok)` is called once,
  // after the terminal event.
  Reply(std::unique_ptr<Outbox> outbox, const Error& unanswered, std::function<void(bool ok)> on_ended)
      : outbox_(std::move(outbox)), unanswered_(unanswered), on_ended_(std::move(on_ended)) {}
  Reply(Reply&&) = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (!open()) return;
    try {
      error({unanswered_, {}, {}});
    } catch (...) {  // out of memory even for this error: the process is about to end
      return;
    }
  }

  [[nodiscard]] bool open() const { return outbox_ != nullptr && !outbox_->over(); }
  // Handler that takes over a `done` to send it later, with the chat's reply. Views in `event` are valid only during
  // the call.
  using DoneKeeper = std::function<void(Reply reply, const DoneEvent& event)>;
  void keep_done(DoneKeeper keeper) { keeper_ = std::move(keeper); }

  // Sends events that are not terminal. Requires open().
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
      // Caused by long messages or by a delta that was not sent yet.
    } catch (const std::bad_alloc&) {
      if (!open()) throw;
      end(ErrorEvent{event.error, {}, {}}, false);
    }
  }

 private:
  void end(const ChatEvent& event, bool ok) {
    outbox_->send_last(event);  // if it throws, the reply stays open
    const auto outbox = std::move(outbox_);
    on_ended_(ok);
  }

  std::unique_ptr<Outbox> outbox_;
  const Error& unanswered_;
  std::function<void(bool ok)> on_ended_;
  DoneKeeper keeper_;
};

}  // namespace aiw
