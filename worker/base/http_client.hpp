// The seam between the agent and the network: start a request, be told of its answer, destroy it to abort.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/base/http_message.hpp"

namespace aiw {

// Told of one exchange's progress on the loop thread. on_end is the last call, unless the transfer was destroyed
// before; a handler may destroy its transfer in any of these calls.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void on_head(const ResponseHead& head) = 0;
  // Decoded (content-encoding undone) body bytes, at most a few hundred KiB at once.
  virtual void on_body(std::string_view bytes) = 0;
  // `error` is nullptr if the response ended as HTTP frames it (or by a close where that is the frame). Else code is
  // one of dns_error, connect_error, tls_error, timeout_connect, timeout_total, upstream_reset, truncated_stream,
  // bad_response, bad_encoding, response_too_large, egress_denied, resource_exhausted; category and retryable are set.
  virtual void on_end(const Error* error) = 0;
};

// One exchange. Destroying it closes its connection and calls nothing back.
class HttpTransfer {
 public:
  virtual ~HttpTransfer() = default;
  // While paused no body bytes come and TCP pushes back; idempotent.
  virtual void set_paused(bool paused) = 0;
  // Nobody needs its response any more: it may go on until its end, which frees its connection for the next request,
  // but is ended where another exchange needs its place.
  virtual void give_way() = 0;
};

// No exchange is without a limit of its time, whatever its owner does.
inline constexpr std::chrono::hours kLongestExchange{24};

struct HttpLimits {
  std::chrono::milliseconds connect_timeout{10'000};          // name, TCP and TLS together; 0: none
  std::chrono::milliseconds total_timeout{kLongestExchange};  // never none
  std::uint64_t max_body_bytes = std::uint64_t{64} << 20;     // decoded; beyond: response_too_large
  // A chat waits for it: a connection is kept free for one of these in each memory account. All others share the rest.
  bool has_own_connection = false;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // What comes in is held for the memory account in whose scope this is called: the handler's calls are in it, and none
  // brings bytes once it is over (worker/base/memory_account.hpp). Never calls the handler before it returns. The
  // request's body may refer to memory that must live as long as the transfer; so must the handler. Redirects are not
  // followed: a 3xx is an ordinary head.
  virtual std::unique_ptr<HttpTransfer> start(HttpRequest request, const HttpLimits& limits, HttpHandler& handler) = 0;
};

}  // namespace aiw
