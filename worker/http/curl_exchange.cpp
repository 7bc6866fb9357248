#include "worker/http/curl_exchange.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"
#include "worker/base/white_space.hpp"
#include "worker/http/curl_error.hpp"

namespace aiw {
namespace {

constexpr std::size_t kSmallBody = std::size_t{60} << 10;  // curl sends head and body together up to this size
constexpr long kUploadBuffer = 512L << 10;  // upload buffer for larger bodies; curl makes one send per buffer
constexpr std::uint64_t kRatioFrom = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxRatio = 200;  // maximum ratio of decoded to received bytes
// Limit on the heads of a response: informational heads, the final head and trailers together.
constexpr std::uint64_t kMaxHeadBytes = std::uint64_t{250} << 10;
constexpr std::size_t kMaxProxyBytes = std::size_t{32} << 10;  // response to CONNECT, with the page of a refusal
constexpr long kNoConnectTimeoutMs = 24L * 3600 * 1000;        // one day; 0 would select curl's default

bool is_https(std::string_view url) {
  constexpr std::string_view kScheme = "https:";
  return url.size() > kScheme.size() && ascii_lower(url.substr(0, kScheme.size())) == kScheme;
}

// Returns the proxy, looked up in the same order as in curl; empty: none.
std::string proxy_in_environment() {
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

// Returns true if some hosts may be reached without the proxy.
bool has_no_proxy() {
  return std::ranges::any_of(std::array{"no_proxy", "NO_PROXY"}, [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  });
}

// Returns true for addresses, which curl parses itself.
bool is_address(const std::string& host) {
  in_addr address{};
  return host.contains(':') || inet_pton(AF_INET, host.c_str(), &address) == 1;
}

// Returns true for names that curl resolves itself (RFC 6761, 6.3).
bool is_local_name(std::string_view host) { return host == "localhost" || host.ends_with(".localhost"); }

std::string in_brackets(const std::string& address) { return address.contains(':') ? '[' + address + ']' : address; }

// Returns the status of a status line such as "HTTP/1.1 200 OK"; 0 if it has none.
int status_of(std::string_view line) {
  int status = 0;
  const auto space = line.find(' ');
  if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
  return status;
}

std::exception_ptr thrown;

// Runs a call that may throw. Returns `failure`, which makes curl abort the exchange, if it throws or an earlier
// exception is pending.
template <typename Result, typename Call>
Result guarded(Result failure, Call call) noexcept {
  if (thrown != nullptr) return failure;
  try {
    return call();
  } catch (...) {
    thrown = std::current_exception();
    return failure;
  }
}

// Appends to a curl list. Returns false if out of memory.
template <typename List>
bool append_line(List& list, const std::string& line) {
  auto* const longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  static_cast<void>(list.release());  // now owned by the longer list
  list.reset(longer);
  return true;
}

// Sets options and stops at the first failure.
class Options {
 public:
  explicit Options(CURL* easy) : easy_(easy) {}
  template <typename T>
  Options& set(CURLoption option, T value) {
    if (result_ == CURLE_OK) result_ = curl_easy_setopt(easy_, option, value);
    return *this;
  }
  [[nodiscard]] CURLcode result() const { return result_; }

 private:
  CURL* easy_;
  CURLcode result_ = CURLE_OK;
};

}  // namespace

std::exception_ptr take_thrown() { return std::exchange(thrown, nullptr); }

CurlExchange::CurlExchange(HttpRequest request, const HttpLimits& limits, HttpHandler& handler,
                           const CurlClientOptions& options)
    : account_(MemoryAccount::current() != nullptr ? MemoryAccount::current()->shared_from_this() : nullptr),
      request_(std::move(request)),
      limits_(limits),
      handler_(&handler),
      options_(options) {}

CurlExchange::~CurlExchange() = default;

CurlExchange& CurlExchange::of(CURL* easy) {
  void* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return *static_cast<CurlExchange*>(self);
}

CURLcode CurlExchange::open(CURLSH* share, CurlConnections& connections, CurlTurn& turn) {
  easy_.reset(curl_easy_init());
  if (easy_ == nullptr) return CURLE_OUT_OF_MEMORY;
  connections_ = &connections;
  turn_ = &turn;
  for (const auto result : {set_options(share), set_proxy(), set_names(), set_tls(), set_body(), set_headers()}) {
    if (result != CURLE_OK) return result;
  }
  return CURLE_OK;
}

CURLcode CurlExchange::demand_new_connection() {
  stop_ = Stop::none;
  is_connected_ = false;
  proxy_bytes_ = 0;
  body_sent_ = 0;
  request_.once = true;
  return Options(easy()).set(CURLOPT_FRESH_CONNECT, 1L).result();
}

CURLcode CurlExchange::set_connect_timeout(std::chrono::milliseconds left) {
  const long timeout_ms = left.count() > 0 ? static_cast<long>(left.count()) : kNoConnectTimeoutMs;
  return Options(easy()).set(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms).result();
}

CURLcode CurlExchange::set_options(CURLSH* share) {
  Options options(easy());
  options.set(CURLOPT_PRIVATE, static_cast<void*>(this))
      .set(CURLOPT_ERRORBUFFER, error_text_.data())
      .set(CURLOPT_SHARE, share)
      .set(CURLOPT_URL, request_.url.c_str())
      .set(CURLOPT_PROTOCOLS_STR, "http,https")
      .set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L)
      .set(CURLOPT_PATH_AS_IS, 1L)
      .set(CURLOPT_NOSIGNAL, 1L)
      // libcurl before 8.x still buffers 32 MB of a paused HTTP/2 stream, and an aborted stream may look complete.
      .set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1))
      .set(CURLOPT_PIPEWAIT, 1L)
      .set(CURLOPT_FRESH_CONNECT, request_.once ? 1L : 0L)
      .set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.total_timeout.count()))
      .set(CURLOPT_TCP_KEEPALIVE, 1L)
      .set(CURLOPT_TCP_KEEPIDLE, 60L)
      .set(CURLOPT_TCP_KEEPINTVL, 60L)
      .set(CURLOPT_BUFFERSIZE, kCurlBufferSize)
      .set(CURLOPT_ACCEPT_ENCODING, ContentDecoder::kEncodings)
      .set(CURLOPT_HTTP_CONTENT_DECODING, 0L)
      .set(CURLOPT_HTTP_TRANSFER_DECODING, 0L)  // curl still finds the end of the chunks
      .set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L)
      .set(CURLOPT_OPENSOCKETFUNCTION, &on_open_socket)
      .set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this))
      .set(CURLOPT_CLOSESOCKETFUNCTION, &CurlConnections::on_close)
      .set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(connections_))
      .set(CURLOPT_PREREQFUNCTION, &on_connected)
      .set(CURLOPT_PREREQDATA, static_cast<void*>(this))
      .set(CURLOPT_RESOLVER_START_FUNCTION, &on_name_wanted)
      .set(CURLOPT_RESOLVER_START_DATA, static_cast<void*>(this))
      .set(CURLOPT_HEADERFUNCTION, &on_header)
      .set(CURLOPT_HEADERDATA, static_cast<void*>(this))
      .set(CURLOPT_WRITEFUNCTION, &on_body)
      .set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  return options.result();
}

CURLcode CurlExchange::set_tls() {
  if (!is_https(request_.url)) return CURLE_OK;
  Options options(easy());
  options.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));  // or later
  // A CA directory, which Debian compiles in, would disable the cache of parsed certificates.
  options.set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  if (!options_.ca_file.empty()) {
    options.set(CURLOPT_CAINFO, options_.ca_file.c_str()).set(CURLOPT_PROXY_CAINFO, options_.ca_file.c_str());
  }
  // Fails without OpenSSL. Then no close_notify is seen, and a body without a length counts as truncated.
  curl_easy_setopt(easy(), CURLOPT_SSL_CTX_FUNCTION, &on_tls_context);
  if (options_.client_cert.empty() || !shows_certificate_to(request_.url)) return options.result();
  const auto& key = options_.client_key.empty() ? options_.client_cert : options_.client_key;
  return options.set(CURLOPT_SSLCERT, options_.client_cert.c_str()).set(CURLOPT_SSLKEY, key.c_str()).result();
}

// Uses the host as curl parses it, because curl connects there.
bool CurlExchange::shows_certificate_to(const std::string& url) const {
  const auto host = host_of(url);
  return !host.empty() && std::ranges::count(options_.client_cert_hosts, host) > 0;
}

// Plain http never uses a proxy, because the proxy would see the key.
CURLcode CurlExchange::set_proxy() {
  Options options(easy());
  if (!is_https(request_.url)) return options.set(CURLOPT_PROXY, "").result();
  proxy_ = options_.proxy.empty() ? proxy_in_environment() : options_.proxy;
  if (proxy_.empty()) return options.result();
  options.set(CURLOPT_PROXY, proxy_.c_str())
      .set(CURLOPT_NOPROGRESS, 0L)
      .set(CURLOPT_XFERINFOFUNCTION, &on_progress)
      .set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
  // With a proxy, addresses are not checked: the operator chose the proxy. A host in NO_PROXY would skip both, so
  // NO_PROXY is disabled.
  if (options_.egress == Egress::public_only) options.set(CURLOPT_NOPROXY, "");
  return options.result();
}

// With a proxy, curl may also need the address of the host: for a host in NO_PROXY, or for a SOCKS proxy. Once curl
// knows the proxy's address, or without a proxy, the name it asks for is the host.
CURLcode CurlExchange::set_names() {
  auto result = CURLE_OK;
  if (const HostPort proxy = proxy_host_port_of(proxy_); is_address(proxy.host)) {
    result = pin(proxy, in_brackets(proxy.host));
  } else if (!proxy_.empty()) {
    names_.push_back(proxy);
  }
  const HostPort host = host_port_of(request_.url);
  if (!proxy_.empty() || !(is_address(host.host) || is_local_name(host.host))) names_.push_back(host);
  return result;
}

const std::string* CurlExchange::wanted_name() const {
  return stop_ == Stop::name ? &names_[names_known_].host : nullptr;
}

CURLcode CurlExchange::set_addresses(const std::vector<std::string>& addresses) {
  std::string list;
  for (const auto& address : addresses) list.append(list.empty() ? 0 : 1, ',').append(in_brackets(address));
  stop_ = Stop::none;
  body_sent_ = 0;  // part of it may have been sent on a kept connection that was already closed
  return pin(names_[names_known_++], list);
}

// Gives curl the addresses of a name. Curl keeps them for all exchanges, for a minute.
CURLcode CurlExchange::pin(const HostPort& host, std::string_view addresses) {
  const std::string line =
      '+' + in_brackets(host.host) + ':' + std::to_string(host.port) + ':' + std::string(addresses);
  if (!append_line(addresses_, line)) return CURLE_OUT_OF_MEMORY;
  return Options(easy()).set(CURLOPT_RESOLVE, addresses_.get()).result();
}

CURLcode CurlExchange::set_body() {
  Options options(easy());
  const std::size_t size = request_.body.size();
  if (request_.method == "GET") return options.set(CURLOPT_HTTPGET, 1L).result();
  options.set(CURLOPT_POST, 1L).set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
  if (request_.method != "POST") options.set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  if (size <= kSmallBody) {
    small_body_.resize(size);
    request_.body.read(0, small_body_.data(), size);
    return options.set(CURLOPT_POSTFIELDS, small_body_.c_str()).result();
  }
  return options.set(CURLOPT_READFUNCTION, &on_read)
      .set(CURLOPT_READDATA, static_cast<void*>(this))
      .set(CURLOPT_SEEKFUNCTION, &on_seek)
      .set(CURLOPT_SEEKDATA, static_cast<void*>(this))
      .set(CURLOPT_UPLOAD_BUFFERSIZE, kUploadBuffer)
      .result();
}

CURLcode CurlExchange::set_headers() {
  const auto append = [this](const std::string& line) { return append_line(headers_, line); };
  bool good = append("Expect:");  // otherwise curl waits a second for servers that ignore the header
  for (const auto& [name, value, secret] : request_.headers) {
    good = good && append(is_blank(value) ? name + ';' : name + ": " + value);
  }
  if (request_.headers.find("content-type") == nullptr) good = good && append("Content-Type:");
  if (!good) return CURLE_OUT_OF_MEMORY;
  return Options(easy()).set(CURLOPT_HTTPHEADER, headers_.get()).result();
}

void CurlExchange::finish(CURLcode result) {
  stalled_ = false;
  const auto account = account_;  // the handler may destroy this object
  const MemoryScope scope(account.get());
  auto* const handler = std::exchange(handler_, nullptr);
  if (handler == nullptr) return;
  if (result == CURLE_OK && !head_reported_)
    result = CURLE_GOT_NOTHING;  // curl accepts a close in the middle of the head
  if (result == CURLE_OK && ends_with_tls_ && !(tls_close_ && *tls_close_)) {
    stop_ = Stop::cut;
    result = CURLE_PARTIAL_FILE;
  }
  const bool is_whole = (!chunks_ || chunks_->is_whole()) && (decoder_ == nullptr || decoder_->is_whole());
  if (result == CURLE_OK && !is_whole) result = CURLE_PARTIAL_FILE;
  if (result == CURLE_OK) return handler->on_end(nullptr);
  const auto error = failure(result);
  handler->on_end(&error);
}

void CurlExchange::finish_unresolved() {
  const bool of_proxy = !proxy_.empty() && names_.size() == 2 && names_known_ == 0;
  finish(of_proxy ? CURLE_COULDNT_RESOLVE_PROXY : CURLE_COULDNT_RESOLVE_HOST);
}

void CurlExchange::finish_without(std::string_view what) {
  stop_ = Stop::resources;
  missing_resource_ = what;
  finish(CURLE_COULDNT_CONNECT);
}

Error CurlExchange::failure(CURLcode result) const {
  switch (stop_) {
    case Stop::egress:
      return http_failure(error_code::egress_denied, Category::permission, false,
                          "connecting to this address is not allowed", request_.url);
    case Stop::resources:
      return http_failure(error_code::resource_exhausted, Category::overloaded, true, missing_resource_, request_.url);
    case Stop::too_large:
      return http_failure(error_code::response_too_large, Category::limit, false, "the response is larger than allowed",
                          request_.url);
    case Stop::bad_head:
      return http_failure(error_code::bad_response, Category::upstream, false, "the response's head is not valid HTTP",
                          request_.url);
    case Stop::cut:
      return http_failure(error_code::truncated_stream, Category::upstream, true,
                          "the connection ended without TLS' own end, so the response may be cut short", request_.url);
    case Stop::encoding:
      return http_failure(error_code::bad_encoding, Category::upstream, false,
                          ContentDecoder::knows(encoding_)
                              ? "the response's encoding does not match its content-encoding"
                              : "the response has a content-encoding that was not asked for",
                          request_.url);
    case Stop::long_head:
      return http_failure(error_code::bad_response, Category::upstream, false,
                          "the response's head, a line before a chunk, or its trailers are too large", request_.url);
    case Stop::memory: return *account_->over();
    case Stop::proxy: result = CURLE_PROXY; break;
    case Stop::name:
    case Stop::unasked_bytes:
    case Stop::none: break;
  }
  long connect_status = 0;
  curl_off_t first_byte_us = 0;
  if (easy_ != nullptr) {
    curl_easy_getinfo(easy(), CURLINFO_HTTP_CONNECTCODE, &connect_status);
    curl_easy_getinfo(easy(), CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
  }
  return to_error({.result = result,
                   .head_begun = head_bytes_ > 0 || first_byte_us > 0,
                   .head_complete = head_reported_,
                   .proxy_status = static_cast<int>(connect_status),
                   .proxy = proxy_,
                   .through_proxy = !proxy_.empty() && (options_.egress == Egress::public_only || !has_no_proxy()),
                   .detail = error_text_.data(),
                   .url = request_.url});
}

CURLcode CurlExchange::resume() {
  stalled_ = false;
  return curl_easy_pause(easy(), CURLPAUSE_CONT);
}

bool CurlExchange::take_header(std::string_view line) {
  if (handler_ == nullptr) return false;
  const MemoryScope scope(account_.get());
  head_bytes_ += line.size();
  turn_->bytes_left -= std::min(turn_->bytes_left, line.size());
  if (head_bytes_ > kMaxHeadBytes) {
    stop_ = Stop::long_head;
    return false;
  }
  if (head_reported_) return true;  // trailer line
  if (head_.status == 0) {
    head_.status = status_of(line);
    if (head_.status == 0) {  // without this the next line would be parsed as the status line
      stop_ = Stop::bad_head;
      return false;
    }
  } else if (!is_blank(line)) {
    if (!add_header_line(line)) {
      stop_ = Stop::bad_head;
      return false;
    }
  } else if (head_.status < 200) {
    head_ = {};  // informational: the final head follows
  } else if (!good_head()) {
    stop_ = Stop::bad_head;
    return false;
  } else {
    head_reported_ = true;
    note_end_mark();
    // Do not reuse the connection if the request was not sent completely, or if others may read the response's length
    // differently. Its remaining bytes could be taken for something else.
    if (!body_is_sent() || has_doubtful_length()) curl_easy_setopt(easy(), CURLOPT_FORBID_REUSE, 1L);
    encoding_ = ascii_lower(head_.header("content-encoding"));
    if (encoding_ == "identity") encoding_.clear();
    handler_->on_head(head_);
  }
  return handler_ != nullptr;
}

// Returns false for an invalid status, or for different lengths, one of which an intermediary may have used (RFC 9110,
// 15; RFC 9112, 6.3). Also false for a transfer coding that was not requested (RFC 9110, 10.1.4), which curl would
// decode all at once.
bool CurlExchange::good_head() const {
  if (head_.status > 599) return false;
  const auto plain = [](const auto& line) {
    if (line.first != "transfer-encoding") return true;
    const auto coding = ascii_lower(trim(line.second));
    return coding == "chunked" || coding == "identity";
  };
  if (!std::ranges::all_of(head_.headers, plain)) return false;
  const auto length = head_.header("content-length");
  return std::ranges::all_of(head_.headers,
                             [&](const auto& line) { return line.first != "content-length" || line.second == length; });
}

// RFC 9112, 6.1 and 6.3: returns true for a length together with a coding, more than one coding, or a length that is
// not one number.
bool CurlExchange::has_doubtful_length() const {
  std::size_t codings = 0, lengths = 0;
  bool good = true;
  for (const auto& [name, value] : head_.headers) {
    codings += name == "transfer-encoding" ? 1 : 0;
    if (name != "content-length") continue;
    ++lengths;
    good = good && !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  }
  return !good || codings > 1 || (codings > 0 && lengths > 0);
}

// RFC 9112, 6.3: a body without a length and without chunks ends with the connection.
void CurlExchange::note_end_mark() {
  const bool no_body = head_.status == 204 || head_.status == 304;
  const bool chunked = std::ranges::any_of(head_.headers, [](const auto& line) {
    return line.first == "transfer-encoding" && ascii_lower(line.second).contains("chunked");
  });
  if (chunked) chunks_.emplace();
  ends_with_tls_ = is_https(request_.url) && !no_body && !chunked && head_.header("content-length").empty();
  curl_tlssessioninfo* session = nullptr;
  if (!ends_with_tls_ || curl_easy_getinfo(easy(), CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK) return;
  if (session != nullptr && session->backend == CURLSSLBACKEND_OPENSSL) {
    tls_close_ = tls_close_mark(session->internals);
  }
}

bool CurlExchange::body_is_sent() const {
  curl_off_t sent = 0;
  curl_easy_getinfo(easy(), CURLINFO_SIZE_UPLOAD_T, &sent);
  return static_cast<std::uint64_t>(sent) >= request_.body.size();
}

// Returns the socket that this exchange opened with the given port; -1 if there is none.
int CurlExchange::socket_of(int local_port) const {
  const auto is_it = [&](int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
    // The port is at the same offset in addresses of both families (ip(7), ipv6(7)).
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port) == local_port;
  };
  const auto found = std::ranges::find_if(opened_, is_it);
  return found == opened_.end() ? -1 : *found;
}

// Returns true if bytes arrived before the next request was sent, or if the peer closed the connection (0 bytes). Such
// bytes belong to no response.
bool CurlExchange::has_unasked_bytes(int fd) const {
  char byte = 0;
  if (fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) return true;
  curl_tlssessioninfo* tls = nullptr;
  curl_easy_getinfo(easy(), CURLINFO_TLS_SSL_PTR, &tls);
  const bool open_ssl = tls != nullptr && tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals != nullptr;
  return open_ssl && tls_has_pending(tls->internals);
}

// Called before the request is sent. Returns false if this connection must not be used.
bool CurlExchange::connected(std::string connection, int local_port) {
  is_connected_ = true;
  long connects = 0;
  curl_easy_getinfo(easy(), CURLINFO_NUM_CONNECTS, &connects);
  if (connects > 0) {  // new connection: TLS may already have received data
    if (const int fd = socket_of(local_port); fd >= 0) connections_->add(std::move(connection), fd);
    return true;
  }
  if (!has_unasked_bytes(connections_->find(connection))) return true;
  stop_ = Stop::unasked_bytes;
  return false;
}

// Returns false if white space stands before the colon. Curl does not know such a header, but a server or proxy may,
// and then they differ on where the response ends (RFC 9112, 5.1).
bool CurlExchange::add_header_line(std::string_view line) {
  auto& headers = head_.headers;
  if ((line.front() == ' ' || line.front() == '\t') && !headers.empty()) {  // obs-fold (RFC 9112, 5.2)
    headers.back().second.append(" ").append(trim(line));
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  const std::string_view name = line.substr(0, colon);
  headers.emplace_back(ascii_lower(name), trim(line.substr(colon + 1)));
  return trim(name) == name;
}

// Returns true while the handler has paused, or if this turn of the loop has delivered enough bytes.
bool CurlExchange::must_wait() {
  if (!paused_ && turn_->bytes_left > 0) return false;
  stalled_ = true;
  if (!paused_) turn_->resuming.push_back(this);
  return true;
}

// Curl keeps a block of bytes that is not accepted as a whole, and passes it again later.
std::size_t CurlExchange::take_body(std::string_view bytes) {
  if (handler_ == nullptr) return CURL_WRITEFUNC_ERROR;
  std::string_view rest = bytes.substr(std::min(bytes.size(), taken_));
  for (bool more = true; more;) {
    if (must_wait()) {
      taken_ = bytes.size() - rest.size();
      return CURL_WRITEFUNC_PAUSE;
    }
    const auto piece = next_piece(rest);
    if (!piece || !hand_out(*piece)) return CURL_WRITEFUNC_ERROR;
    more = !rest.empty() || (decoder_ != nullptr && !piece->empty());  // the decoder may have more to give
  }
  taken_ = 0;
  return bytes.size();
}

// Takes bytes of the connection from the front of `rest`, and returns the decoded bytes, maybe none. All bytes count
// for the turn, whether they lead to data or not. Returns nullopt if the exchange must be aborted.
std::optional<std::string_view> CurlExchange::next_piece(std::string_view& rest) {
  const std::size_t before = rest.size();
  std::string_view data = rest;
  if (chunks_) {
    chunks_->skip_framing(rest);
    data = rest.substr(0, std::min<std::uint64_t>(rest.size(), chunks_->data_left()));
    if (chunks_->is_too_long()) {
      stop_ = Stop::long_head;
      return std::nullopt;
    }
  }
  const std::size_t arrived = data.size();
  const auto piece = encoding_.empty() ? std::exchange(data, {}) : unpack(data);
  const std::size_t used = arrived - data.size();
  if (chunks_) chunks_->used(used);
  rest.remove_prefix(used);
  const std::size_t size = std::max(before - rest.size(), piece ? piece->size() : 0);
  turn_->bytes_left -= std::min(turn_->bytes_left, size);
  return piece;
}

std::optional<std::string_view> CurlExchange::unpack(std::string_view& packed) {
  const MemoryScope scope(account_.get());
  if (decoder_ == nullptr && ContentDecoder::knows(encoding_)) decoder_ = std::make_unique<ContentDecoder>(encoding_);
  const std::size_t before = packed.size();
  const auto piece = decoder_ != nullptr ? decoder_->next(packed) : std::nullopt;
  packed_bytes_ += before - packed.size();
  if (!piece) stop_ = Stop::encoding;
  return piece;
}

// Returns false if the exchange must be aborted.
bool CurlExchange::hand_out(std::string_view bytes) {
  if (bytes.empty()) return true;
  body_bytes_ += bytes.size();
  if (too_large()) {
    stop_ = Stop::too_large;
    return false;
  }
  if (is_out_of_memory()) {
    stop_ = Stop::memory;
    return false;
  }
  const MemoryScope scope(account_.get());
  if (account_ != nullptr) account_->count_received(bytes.size());
  handler_->on_body(bytes);
  return handler_ != nullptr;
}

bool CurlExchange::too_large() const {
  if (body_bytes_ > limits_.max_body_bytes) return true;
  return decoder_ != nullptr && body_bytes_ > kRatioFrom && body_bytes_ / kMaxRatio > packed_bytes_;
}

// Before the connection is made, curl reads a proxy's response byte by byte until the socket is empty, and calls this
// for each. Returns false if that response is too long.
bool CurlExchange::accepts_more_from_proxy() {
  if (is_connected_ || ++proxy_bytes_ <= kMaxProxyBytes) return true;
  stop_ = Stop::proxy;
  return false;
}

// Checks the address itself, after all processing of the name by resolvers and parsers.
curl_socket_t CurlExchange::open_socket(const curl_sockaddr& address) {
  if (!egress_allowed(address.addr, !proxy_.empty() ? Egress::any : options_.egress)) {
    stop_ = Stop::egress;
    return CURL_SOCKET_BAD;
  }
  opened_.reserve(opened_.size() + 1);
  const int fd = socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
  if (fd >= 0) {
    opened_.push_back(fd);
    stop_ = Stop::none;  // another address of the name is allowed
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    stop_ = Stop::resources;  // curl would report a refused connection
  }
  return fd;
}

std::size_t CurlExchange::on_header(char* data, std::size_t, std::size_t size, void* self) noexcept {
  return guarded(std::size_t{0},
                 [&] { return static_cast<CurlExchange*>(self)->take_header({data, size}) ? size : std::size_t{0}; });
}

std::size_t CurlExchange::on_body(char* data, std::size_t, std::size_t size, void* self) noexcept {
  return guarded(std::size_t{CURL_WRITEFUNC_ERROR},
                 [&] { return static_cast<CurlExchange*>(self)->take_body({data, size}); });
}

std::size_t CurlExchange::on_read(char* out, std::size_t, std::size_t capacity, void* self) noexcept {
  auto& exchange = *static_cast<CurlExchange*>(self);
  if (exchange.handler_ == nullptr) return CURL_READFUNC_ABORT;
  const auto count = exchange.request_.body.read(exchange.body_sent_, out, capacity);
  exchange.body_sent_ += count;
  return count;
}

int CurlExchange::on_seek(void* self, curl_off_t offset, int origin) noexcept {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<CurlExchange*>(self)->body_sent_ = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

curl_socket_t CurlExchange::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) noexcept {
  return guarded(curl_socket_t{CURL_SOCKET_BAD},
                 [&] { return static_cast<CurlExchange*>(self)->open_socket(*address); });
}

int CurlExchange::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<CurlExchange*>(self)->accepts_more_from_proxy() ? 0 : 1;
}

CURLcode CurlExchange::on_tls_context(CURL*, void* context, void*) noexcept {
  prepare_tls(context);
  return CURLE_OK;
}

// Curl calls this when it has neither a connection nor a cached address, even for an address or a local name, which it
// resolves itself. All other names are rejected here, so that the client looks them up; curl would start a thread for
// each.
int CurlExchange::on_name_wanted(void*, void*, void* self) noexcept {
  auto& exchange = *static_cast<CurlExchange*>(self);
  if (exchange.names_.empty()) return 0;
  if (exchange.names_known_ < exchange.names_.size()) exchange.stop_ = Stop::name;
  return 1;
}

int CurlExchange::on_connected(void* self, char* remote_ip, char* local_ip, int remote_port, int local_port) noexcept {
  return guarded(CURL_PREREQFUNC_ABORT, [&] {
    auto name = CurlConnections::name_of(remote_ip, remote_port, local_ip, local_port);
    const bool good = static_cast<CurlExchange*>(self)->connected(std::move(name), local_port);
    return good ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
  });
}

}  // namespace aiw
