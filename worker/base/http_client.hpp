// Interface between the agent and the network: start a request, receive its response through a handler, destroy the
// transfer to abort.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/base/http_message.hpp"

namespace aiw {

// Receives the progress of one exchange, on the loop thread. on_end is the last call, unless the transfer was destroyed
// before. A handler may destroy its transfer in any of these calls.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void on_head(const ResponseHead& head) = 0;
  // Body bytes with the content-encoding decoded, at most a few hundred KiB per call.
  virtual void on_body(std::string_view bytes) = 0;
  // `error` is nullptr if the response ended as HTTP frames it, or by a close where the close is the frame. Otherwise
  // its code is one of dns_error, connect_error, tls_error, timeout_connect, timeout_total, upstream_reset,
  // truncated_stream, bad_response, bad_encoding, response_too_large, egress_denied, resource_exhausted. Its category
  // and retryable are set.
  virtual void on_end(const Error* error) = 0;
};

// One exchange. Destroying it closes its connection; the handler is not called any more.
class HttpTransfer {
 public:
  virtual ~HttpTransfer() = default;
  // While paused, no body bytes are delivered and TCP applies back-pressure. Idempotent.
  virtual void set_paused(bool paused) = 0;
  // Declares that the response is no longer needed. The exchange may continue to its end, which frees its connection
  // for the next request. It is closed earlier if another exchange needs its place.
  virtual void give_way() = 0;
};

// Upper limit on the time of every exchange, whatever its owner does.
inline constexpr std::chrono::hours kLongestExchange{24};

struct HttpLimits {
  std::chrono::milliseconds connect_timeout{10'000};          // name, TCP and TLS together; 0: no limit
  std::chrono::milliseconds total_timeout{kLongestExchange};  // always set
  std::uint64_t max_body_bytes = std::uint64_t{64} << 20;     // decoded bytes; beyond this limit: response_too_large
  // A chat waits for this exchange. In each memory account, one such exchange has a reserved connection. All others
  // share the rest.
  bool has_own_connection = false;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Starts a request. Received bytes count towards the memory account of the current scope. The handler is called in
  // that scope, and gets no more bytes once the account is over its limit (worker/base/memory_account.hpp). Never calls
  // the handler before it returns. The handler, and memory that the request's body refers to, must live as long as the
  // transfer. Does not follow redirects: a 3xx is an ordinary head.
  virtual std::unique_ptr<HttpTransfer> start(HttpRequest request, const HttpLimits& limits, HttpHandler& handler) = 0;
};

}  // namespace aiw
