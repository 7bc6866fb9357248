// One HTTP exchange on a curl easy handle: its options, and the callbacks that turn bytes into handler calls.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/http/chunk_decoder.hpp"
#include "worker/http/content_decoder.hpp"
#include "worker/http/curl_client.hpp"
#include "worker/http/curl_connections.hpp"
#include "worker/http/curl_error.hpp"
#include "worker/http/openssl.hpp"

namespace aiw {

// Maximum bytes of one receive. A larger buffer is not faster (measured: 1 and 500 streams of 300-byte chunks at full
// speed), and each busy stream holds one.
inline constexpr long kCurlBufferSize = 16L << 10;

// Limit on response body bytes that all exchanges deliver in one turn of the loop: about 5 ms of work for the decoders.
inline constexpr std::size_t kTurnBytes = std::size_t{128} << 10;

class CurlExchange;

// State shared by the exchanges and the client, for work that must not run inside curl's callbacks.
struct CurlTurn {
  std::size_t bytes_left = kTurnBytes;  // at 0, an exchange waits for a later turn
  std::deque<CurlExchange*> resuming;   // exchanges to resume() in a later turn
};

// Returns and clears an exception that a handler threw inside one of curl's callbacks. Exceptions must not pass through
// curl, so it is rethrown after curl has returned. Until it is taken, no handler is called. Loop thread only.
std::exception_ptr take_thrown();

class CurlExchange {
 public:
  CurlExchange(HttpRequest request, const HttpLimits& limits, HttpHandler& handler, const CurlClientOptions& options);
  ~CurlExchange();
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  // Creates the easy handle. Any result except CURLE_OK ends the exchange. `connections` and `turn` must outlive all
  // curl handles.
  CURLcode open(CURLSH* share, CurlConnections& connections, CurlTurn& turn);
  // Sets the time left for the name, TCP and TLS together; 0: no limit. Call before each start in curl.
  CURLcode set_connect_timeout(std::chrono::milliseconds left);
  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  static CurlExchange& of(CURL* easy);
  [[nodiscard]] const HttpLimits& limits() const { return limits_; }
  [[nodiscard]] const MemoryAccount* account() const { return account_.get(); }
  // Bytes received so far: heads, and the decoded body.
  [[nodiscard]] std::uint64_t received_bytes() const { return head_bytes_ + body_bytes_; }

  // Name that curl needs because it has no usable connection and no address. Look it up, call set_addresses() and start
  // the exchange again. Nothing was sent, and the handler was not called. nullptr: the exchange ended for another
  // reason.
  [[nodiscard]] const std::string* wanted_name() const;
  CURLcode set_addresses(const std::vector<std::string>& addresses);

  // Detaches the handler; curl's next callback aborts the exchange.
  void abandon() { handler_ = nullptr; }
  // True if curl chose a connection that had received bytes before this request, and closed it. Nothing was sent, and
  // the handler was not called.
  [[nodiscard]] bool needs_new_connection() const { return stop_ == Stop::unasked_bytes; }
  // Call before curl gets the exchange again.
  CURLcode demand_new_connection();
  // Reports the end to the handler, which may destroy this object.
  void finish(CURLcode result);
  // Same as finish(), if `wanted_name` has no address.
  void finish_unresolved();
  // Same as finish(), if the process lacks a resource that the exchange needs.
  void finish_without(std::string_view what);

  void set_paused(bool paused) { paused_ = paused; }
  // True if curl was told to pause and should continue.
  [[nodiscard]] bool wants_resume() const { return stalled_ && !paused_; }
  CURLcode resume();

 private:
  enum class Stop {
    none,
    name,
    egress,
    resources,
    too_large,
    bad_head,
    long_head,
    encoding,
    memory,
    proxy,
    cut,
    unasked_bytes
  };

  CURLcode set_options(CURLSH* share);
  CURLcode set_body();
  CURLcode set_headers();
  CURLcode set_proxy();
  CURLcode set_tls();
  [[nodiscard]] bool shows_certificate_to(const std::string& url) const;
  CURLcode set_names();
  CURLcode pin(const HostPort& host, std::string_view addresses);
  [[nodiscard]] bool too_large() const;
  [[nodiscard]] bool is_out_of_memory() const { return account_ != nullptr && account_->over(); }
  [[nodiscard]] Error failure(CURLcode result) const;

  bool take_header(std::string_view line);
  bool add_header_line(std::string_view line);
  [[nodiscard]] bool good_head() const;
  [[nodiscard]] bool has_doubtful_length() const;
  void note_end_mark();
  [[nodiscard]] bool body_is_sent() const;
  [[nodiscard]] int socket_of(int local_port) const;
  [[nodiscard]] bool has_unasked_bytes(int fd) const;
  bool connected(std::string connection, int local_port);
  bool accepts_more_from_proxy();
  bool must_wait();
  std::size_t take_body(std::string_view bytes);
  std::optional<std::string_view> next_piece(std::string_view& rest);
  std::optional<std::string_view> unpack(std::string_view& packed);
  bool hand_out(std::string_view bytes);
  curl_socket_t open_socket(const curl_sockaddr& address);

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_read(char* out, std::size_t, std::size_t capacity, void* self) noexcept;
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept;
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;
  static CURLcode on_tls_context(CURL* easy, void* context, void* self) noexcept;
  static int on_name_wanted(void* resolver, void*, void* self) noexcept;
  static int on_connected(void* self, char* remote_ip, char* local_ip, int remote_port, int local_port) noexcept;

  template <auto Function>
  struct Deleter {
    template <typename T>
    void operator()(T* pointer) const {
      Function(pointer);
    }
  };

  // Memory account of the response; nullptr: none.
  const std::shared_ptr<MemoryAccount> account_;
  HttpRequest request_;
  const HttpLimits limits_;
  HttpHandler* handler_;
  const CurlClientOptions& options_;
  std::unique_ptr<curl_slist, Deleter<curl_slist_free_all>> headers_;
  std::unique_ptr<curl_slist, Deleter<curl_slist_free_all>> addresses_;
  std::unique_ptr<CURL, Deleter<curl_easy_cleanup>> easy_;  // declared after the members it refers to
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  std::string small_body_;
  std::size_t body_sent_ = 0;
  CurlConnections* connections_ = nullptr;
  CurlTurn* turn_ = nullptr;
  std::vector<int> opened_;  // sockets opened; one became the connection, the others were closed

  ResponseHead head_;
  std::uint64_t head_bytes_ = 0;
  bool head_reported_ = false;
  std::string encoding_;  // content encoding in lower case; empty: none
  std::optional<ChunkDecoder> chunks_;
  std::unique_ptr<ContentDecoder> decoder_;
  std::size_t taken_ = 0;           // already decoded bytes of the block that curl will pass again
  std::uint64_t packed_bytes_ = 0;  // encoded bytes that were decoded
  std::uint64_t body_bytes_ = 0;    // decoded bytes of the body
  bool ends_with_tls_ = false;      // no length and no chunks: the body ends with the connection
  TlsCloseMark tls_close_;          // close mark of that connection, if ends_with_tls_
  std::string proxy_;               // empty: none
  bool is_connected_ = false;       // also through the proxy
  std::size_t proxy_bytes_ = 0;     // bytes of the proxy's response
  std::vector<HostPort> names_;     // names that curl may need, in this order; curl does not say which one it needs
  std::size_t names_known_ = 0;
  bool paused_ = false;   // the handler has paused
  bool stalled_ = false;  // curl was told to pause
  Stop stop_ = Stop::none;
  std::string_view missing_resource_ = "no socket could be opened";  // message for Stop::resources
};

}  // namespace aiw
