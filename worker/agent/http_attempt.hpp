// An attempt over HTTP: watches over time and reads the answer.
#pragma once

#include <list>
#include <memory>

#include "worker/agent/attempt.hpp"

namespace aiw {

class HttpAttempt;

// The HTTP side of an attempt. It outlives the attempt if the answer was complete before HTTP's end of it.
class Exchange : public HttpHandler {
 public:
  Exchange(HttpAttempt& owner, std::shared_ptr<const void> memory) : owner_(&owner), memory_(std::move(memory)) {}

  void start(HttpClient& http, HttpRequest request, const HttpLimits& limits) {
    transfer_ = http.start(std::move(request), limits, *this);
  }
  void set_paused(bool paused) { transfer_->set_paused(paused); }
  // From here on it only waits for its end, in `keeper`.
  void detach(FinishedExchanges& keeper) {
    transfer_->give_way();
    owner_ = nullptr;
    keeper_ = &keeper;
  }
  [[nodiscard]] bool ended() const { return ended_; }

  void on_head(const ResponseHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_end(const Error* error) override;

 private:
  HttpAttempt* owner_;
  FinishedExchanges* keeper_ = nullptr;
  // What the request's body refers to. Shared: an answer may end before a large body has gone out, and its chat then
  // ends before this exchange does.
  std::shared_ptr<const void> memory_;
  std::unique_ptr<HttpTransfer> transfer_;
  std::size_t trailing_ = 0;  // bytes after the answer's end
  bool ended_ = false;
};

class FinishedExchanges {
 public:
  explicit FinishedExchanges(Clock& clock) : clock_(clock) {}
  void keep(std::unique_ptr<Exchange> exchange);
  // Closes its connection. Safe from within its own callbacks.
  void drop(Exchange& exchange);

 private:
  struct Kept {
    std::unique_ptr<Exchange> exchange;
    std::unique_ptr<Timer> deadline;
  };
  Clock& clock_;
  std::list<Kept> kept_;
};

}  // namespace aiw
