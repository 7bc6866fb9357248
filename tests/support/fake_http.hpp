// Fake network: a test sees each request and decides the response.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/base/http_client.hpp"

namespace aiw {

// One HTTP exchange. It lives as long as its FakeHttp. Events that a test sends after the worker destroyed its
// transfer, or after the exchange ended, have no effect, as on a closed socket.
class FakeExchange {
 public:
  FakeExchange(HttpRequest request, const HttpLimits& limits, HttpHandler& handler)
      : request_(std::move(request)), limits_(limits), handler_(&handler) {}

  [[nodiscard]] const HttpRequest& request() const { return request_; }
  [[nodiscard]] const HttpLimits& limits() const { return limits_; }
  [[nodiscard]] bool open() const { return handler_ != nullptr; }
  [[nodiscard]] bool paused() const { return paused_; }
  // Number of times that the worker paused or resumed the body.
  [[nodiscard]] int pause_calls() const { return pause_calls_; }

  void head(int status, std::vector<std::pair<std::string, std::string>> headers) {
    if (open()) handler_->on_head({status, std::move(headers)});
  }
  // Sends the response head of an event stream.
  void stream() { head(200, {{"content-type", "text/event-stream"}}); }
  void body(std::string_view bytes) {
    if (open()) handler_->on_body(bytes);
  }
  void end() { end(nullptr); }
  void fail(const Error& error) { end(&error); }

 private:
  friend class FakeHttp;
  void end(const Error* error) {
    HttpHandler* const handler = std::exchange(handler_, nullptr);
    if (handler != nullptr) handler->on_end(error);
  }

  const HttpRequest request_;
  const HttpLimits limits_;
  HttpHandler* handler_;
  bool paused_ = false;
  int pause_calls_ = 0;
};

class FakeHttp : public HttpClient {
 public:
  std::unique_ptr<HttpTransfer> start(HttpRequest request, const HttpLimits& limits, HttpHandler& handler) override {
    return std::make_unique<Transfer>(exchanges_.emplace_back(std::move(request), limits, handler));
  }

  [[nodiscard]] std::size_t count() const { return exchanges_.size(); }
  [[nodiscard]] FakeExchange& at(std::size_t index) { return exchanges_.at(index); }
  [[nodiscard]] FakeExchange& last() { return exchanges_.back(); }

 private:
  class Transfer : public HttpTransfer {
   public:
    explicit Transfer(FakeExchange& exchange) : exchange_(exchange) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() override { exchange_.handler_ = nullptr; }
    void set_paused(bool paused) override {
      exchange_.paused_ = paused;
      ++exchange_.pause_calls_;
    }
    void give_way() override {}

   private:
    FakeExchange& exchange_;
  };

  std::deque<FakeExchange> exchanges_;
};

inline Error network_error(std::string code) {
  return {.code = std::move(code), .category = Category::network, .message = "the network failed", .retryable = true};
}

}  // namespace aiw
