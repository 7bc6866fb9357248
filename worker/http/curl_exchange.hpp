// One HTTP exchange on a curl easy handle: its options, and the callbacks that turn bytes into the handler's calls.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/http/content_decoder.hpp"
#include "worker/http/curl_client.hpp"
#include "worker/http/curl_connections.hpp"
#include "worker/http/curl_error.hpp"
#include "worker/http/tls_close.hpp"

namespace aiw {

// Bytes that one receive may take. More makes nothing faster (measured: 1 and 500 streams of 300-byte chunks at full
// speed), and each busy stream holds one such buffer.
inline constexpr long kCurlBufferSize = 16L << 10;

// Of response bodies, taken in by all exchanges in one turn of the loop: some 5 ms for the decoders.
inline constexpr std::size_t kTurnBytes = std::size_t{128} << 10;

class CurlExchange;

// What exchanges leave to the client, which must not be done within curl's callbacks.
struct CurlTurn {
  std::size_t bytes_left = kTurnBytes;  // once there are none, an exchange waits for a later turn
  std::deque<CurlExchange*> resuming;   // and resume(), in a later turn
};

// What a handler threw within one of curl's callbacks, which nothing may leave by an exception: to be thrown when curl
// has returned. Until it is taken, handlers are told nothing more. Loop thread only.
std::exception_ptr take_thrown();

class CurlExchange {
 public:
  CurlExchange(HttpRequest request, const HttpLimits& limits, HttpHandler& handler, const CurlClientOptions& options);
  ~CurlExchange();
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  // Makes the easy handle. Anything but CURLE_OK ends the exchange. `connections` and `turn` outlive all of curl.
  CURLcode open(CURLSH* share, CurlConnections& connections, CurlTurn& turn);
  // Before curl gets it, the first time or again: what is left for the name, TCP and TLS together; 0: no limit.
  CURLcode set_connect_timeout(std::chrono::milliseconds left);
  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  static CurlExchange& of(CURL* easy);
  [[nodiscard]] const HttpLimits& limits() const { return limits_; }
  [[nodiscard]] const MemoryAccount* account() const { return account_.get(); }
  // That came so far, unpacked.
  [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }

  // Curl has no connection that it can use and does not know the name: that must be looked up, and the exchange begun
  // anew with its addresses. Nothing was sent, and the handler was told nothing. nullptr: it ended otherwise.
  [[nodiscard]] const std::string* wanted_name() const;
  CURLcode set_addresses(const std::vector<std::string>& addresses);

  // The handler is told nothing any more, and curl's next callback aborts.
  void abandon() { handler_ = nullptr; }
  // The connection that curl chose had bytes on it before this request was sent, and is closed. Nothing was sent, and
  // the handler was told nothing.
  [[nodiscard]] bool needs_new_connection() const { return stop_ == Stop::unasked_bytes; }
  // Before curl gets it again.
  CURLcode demand_new_connection();
  // Tells the handler the end, which may destroy this.
  void finish(CURLcode result);
  // The same, where `wanted_name` has no address.
  void finish_unresolved();
  // The same, where the process lacks what the exchange needs.
  void finish_without(std::string_view what);

  void set_paused(bool paused) { paused_ = paused; }
  // True if curl was told to pause and should go on.
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
  void add_header_line(std::string_view line);
  [[nodiscard]] bool good_head() const;
  [[nodiscard]] bool has_doubtful_length() const;
  void note_end_mark();
  [[nodiscard]] bool body_is_sent() const;
  [[nodiscard]] int socket_of(int local_port) const;
  [[nodiscard]] bool has_unasked_bytes(int fd) const;
  bool connected(std::string connection, int local_port);
  bool must_wait();
  std::size_t take_body(std::string_view bytes);
  std::size_t unpack(std::string_view bytes);
  bool hand_out(std::string_view bytes);
  curl_socket_t open_socket(const curl_sockaddr& address);

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_read(char* out, std::size_t, std::size_t capacity, void* self) noexcept;
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept;
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
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

  // Whose memory the response is; nullptr: nobody's.
  const std::shared_ptr<MemoryAccount> account_;
  HttpRequest request_;
  const HttpLimits limits_;
  HttpHandler* handler_;
  const CurlClientOptions& options_;
  std::unique_ptr<curl_slist, Deleter<curl_slist_free_all>> headers_;
  std::unique_ptr<curl_slist, Deleter<curl_slist_free_all>> addresses_;
  std::unique_ptr<CURL, Deleter<curl_easy_cleanup>> easy_;  // after what it refers to
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  std::string small_body_;
  std::size_t body_sent_ = 0;
  CurlConnections* connections_ = nullptr;
  CurlTurn* turn_ = nullptr;
  std::vector<int> opened_;  // sockets, of which one became the connection and the others are closed

  ResponseHead head_;
  std::uint64_t head_bytes_ = 0;
  bool head_told_ = false;
  std::string encoding_;  // in lower case; empty: none
  std::unique_ptr<ContentDecoder> decoder_;
  std::size_t unpacked_ = 0;        // of the bytes that curl will give again
  std::uint64_t packed_bytes_ = 0;  // that were unpacked
  std::uint64_t body_bytes_ = 0;    // decoded
  bool ends_with_tls_ = false;      // no length, no chunks: only the connection's end is the body's
  TlsCloseMark tls_close_;          // then: that connection's
  std::string proxy_;               // empty: none
  std::vector<HostPort> names_;     // that curl may want to know, in this order: it asks without saying which
  std::size_t names_known_ = 0;
  bool paused_ = false;   // asked for
  bool stalled_ = false;  // told to curl
  Stop stop_ = Stop::none;
  std::string_view lacking_ = "no socket could be opened";  // what Stop::resources says
};

}  // namespace aiw
