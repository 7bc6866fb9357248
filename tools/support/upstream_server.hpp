// Loopback HTTP/1.1 server inside a tool or test. Responds to every request with a Script and records the requests.
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
  std::string target;  // as sent, with the query
  HeaderList headers;  // names in lower case, in order
  std::string body;    // the first ServerOptions::max_body_kept bytes
  std::size_t body_bytes = 0;
  std::uint64_t connection = 0;                       // number of the connection, from 0
  std::chrono::steady_clock::time_point received_at;  // time at which the last byte of the body was read

  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] std::string_view query() const;
  // Returns a query parameter as sent (no percent decoding); empty if absent.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  // Returns the first value of a header; empty if absent. `name` is in lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// Chooses the response. Called on the server's thread: it must not block, and must lock data that other threads use.
using Handler = std::function<Script(const Request&)>;

struct ServerOptions {
  std::uint16_t port = 0;  // 0: any free port
  std::size_t max_connections = 8192;
  std::size_t max_requests = 0;       // later requests get 503; 0: no limit
  std::size_t max_body = 256u << 20;  // a request with a longer body gets 413
  std::size_t max_body_kept = 64u << 20;
  std::size_t max_requests_kept = 1024;  // requests() returns this many, the first ones; 0: none
};

// Owns one thread. All public functions may be called from any thread but the server's own.
class UpstreamServer {
 public:
  // Listens on 127.0.0.1 and serves at once. Error: a sentence.
  static std::expected<std::unique_ptr<UpstreamServer>, std::string> start(Handler handler, ServerOptions options = {});
  // Closes the listener and every connection, and joins the thread.
  ~UpstreamServer();
  UpstreamServer(const UpstreamServer&) = delete;
  UpstreamServer& operator=(const UpstreamServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;  // http://127.0.0.1:PORT
  // Requests that arrived in full: their number, and those that were kept.
  [[nodiscard]] std::size_t request_count() const;
  [[nodiscard]] std::vector<Request> requests() const;
  void forget_requests();  // drops the kept requests; request_count() continues
  // Waits until `count` requests have arrived in total. Returns false on timeout.
  bool wait_for_requests(std::size_t count, std::chrono::milliseconds timeout) const;
  [[nodiscard]] std::size_t open_connections() const;

 private:
  class Impl;
  explicit UpstreamServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw::tools
