// Attempt over HTTP: enforces the time limits and decodes the response.
#pragma once

#include <list>
#include <memory>

#include "worker/agent/attempt.hpp"

namespace aiw {

class HttpAttempt;

// HTTP side of an attempt. Outlives the attempt if the response was complete before the HTTP message ended.
class Exchange : public HttpHandler {
 public:
  Exchange(HttpAttempt& owner, std::shared_ptr<const void> memory) : owner_(&owner), memory_(std::move(memory)) {}

  void start(HttpClient& http, HttpRequest request, const HttpLimits& limits) {
    transfer_ = http.start(std::move(request), limits, *this);
  }
  void set_paused(bool paused) { transfer_->set_paused(paused); }
  // Detaches the exchange from its attempt. From here on it only waits for the end of HTTP, owned by `keeper`.
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
  // Owns the bytes that the request body refers to. Shared, because a response may end before a large request body is
  // sent; the chat then ends before this exchange.
  std::shared_ptr<const void> memory_;
  std::unique_ptr<HttpTransfer> transfer_;
  std::size_t trailing_ = 0;  // bytes received after the end of the response
  bool ended_ = false;
};

class FinishedExchanges {
 public:
  explicit FinishedExchanges(Clock& clock) : clock_(clock) {}
  void keep(std::unique_ptr<Exchange> exchange);
  // Closes the connection of `exchange`. May be called from the exchange's own callbacks.
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
