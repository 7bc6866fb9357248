// A loopback HTTP/1.1 server inside a tool or test that answers every request by a Script and remembers what it was
// asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/support/script.hpp"

namespace aiw::tools {

struct Request {
  std::string method;
  std::string target;  // as sent, query included
  HeaderList headers;  // names in lower case, in order
  std::string body;    // the first ServerOptions::max_body_kept bytes
  std::size_t body_bytes = 0;
  std::uint64_t connection = 0;                       // counts connections from 0
  std::chrono::steady_clock::time_point received_at;  // when the last byte of the body was read

  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] std::string_view query() const;
  // A query parameter as sent (no percent decoding); empty if absent.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  // The first value of a header; empty if absent. `name` in lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// Chooses the answer. Called on the server's thread: it must not block, and what it shares with other threads it locks.
using Handler = std::function<Script(const Request&)>;

struct ServerOptions {
  std::uint16_t port = 0;  // 0: any free one
  std::size_t max_connections = 8192;
  std::size_t max_requests = 0;       // later requests are answered with 503; 0: no limit
  std::size_t max_body = 256u << 20;  // a longer request body is answered with 413
  std::size_t max_body_kept = 64u << 20;
  std::size_t max_requests_kept = 1024;  // requests() returns the first so many; 0: none
};

// Owns one thread. All public functions may be called from any thread but the server's own.
class UpstreamServer {
 public:
  // Listens on 127.0.0.1 and serves at once. The error is a sentence.
  static std::expected<std::unique_ptr<UpstreamServer>, std::string> start(Handler handler, ServerOptions options = {});
  // Closes the listener and every connection, and joins the thread.
  ~UpstreamServer();
  UpstreamServer(const UpstreamServer&) = delete;
  UpstreamServer& operator=(const UpstreamServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;  // http://127.0.0.1:PORT
  // Requests that arrived whole, counted and kept.
  [[nodiscard]] std::size_t request_count() const;
  [[nodiscard]] std::vector<Request> requests() const;
  void forget_requests();  // drops the kept ones and starts to keep anew; request_count goes on
  // Waits until `count` requests have arrived in all; false if `timeout` ended first.
  bool wait_for_requests(std::size_t count, std::chrono::milliseconds timeout) const;
  [[nodiscard]] std::size_t open_connections() const;

 private:
  class Impl;
  explicit UpstreamServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw::tools
