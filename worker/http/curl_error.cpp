#include "worker/http/curl_error.hpp"

#include <charconv>
#include <memory>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"

namespace aiw {
namespace {

struct Meaning {
  std::string_view code;
  Category category;
  bool retryable;
};

constexpr Meaning kBadResponse = {error_code::bad_response, Category::upstream, false};
constexpr Meaning kReset = {error_code::upstream_reset, Category::network, true};
constexpr Meaning kUntrusted = {error_code::tls_error, Category::network, false};
constexpr Meaning kExhausted = {error_code::resource_exhausted, Category::overloaded, true};

// Returns true if OpenSSL's message means that the bytes are not a TLS record. Most such servers answer the hello in
// their own protocol.
bool speaks_no_tls(const CurlFailure& failure) {
  return failure.result == CURLE_SSL_CONNECT_ERROR &&
         (failure.detail.contains("wrong version number") || failure.detail.contains("packet length too long") ||
          failure.detail.contains("record layer failure"));
}

Meaning meaning_of(const CurlFailure& failure) {
  switch (failure.result) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      // Also reported for a response that is not HTTP/1.x, or is HTTP/0.9.
      if (failure.result == CURLE_UNSUPPORTED_PROTOCOL && failure.head_begun) return kBadResponse;
      return {error_code::invalid_url, Category::invalid_request, false};
    case CURLE_LOGIN_DENIED:
      return {error_code::invalid_url, Category::invalid_request, false};  // the URL contains a user name
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return {error_code::dns_error, Category::network, true};
    case CURLE_COULDNT_CONNECT: return {error_code::connect_error, Category::network, true};
    case CURLE_OPERATION_TIMEDOUT:  // curl's other timeout covers the whole exchange
      return {failure.head_begun ? error_code::timeout_total : error_code::timeout_connect, Category::timeout, true};
    case CURLE_SSL_CONNECT_ERROR: return {error_code::tls_error, Category::network, !speaks_no_tls(failure)};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED: return kUntrusted;
    case CURLE_PARTIAL_FILE: return {error_code::truncated_stream, Category::upstream, true};
    case CURLE_BAD_CONTENT_ENCODING: return {error_code::bad_encoding, Category::upstream, false};
    case CURLE_OUT_OF_MEMORY:  // also reported for a header line that is too long for curl
      return failure.head_begun && !failure.head_complete ? kBadResponse : kExhausted;
    case CURLE_FAILED_INIT: return kExhausted;
    case CURLE_RECV_ERROR:
      if (failure.proxy_status >= 300) return {error_code::connect_error, Category::network, true};
      return kReset;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return kReset;
    case CURLE_PROXY: return {error_code::connect_error, Category::network, true};
    default: return kBadResponse;
  }
}

std::string url_part(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return owned.get();
}

using ParsedUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// Returns nullptr if `url` is not a URL.
ParsedUrl parse(std::string_view url, unsigned flags = CURLU_NON_SUPPORT_SCHEME) {
  ParsedUrl parsed(curl_url(), curl_url_cleanup);
  const auto result = curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), flags);
  if (result != CURLUE_OK) parsed.reset();
  return parsed;
}

// Returns "host:port" without anything that could be secret; empty if the URL does not parse.
std::string origin_of(std::string_view url) {
  const auto parsed = parse(url);
  if (parsed == nullptr) return {};
  const auto host = url_part(parsed.get(), CURLUPART_HOST, 0);
  return host.empty() ? host : host + ':' + url_part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string host_in(CURLU* url) {
  auto host = ascii_lower(url_part(url, CURLUPART_HOST, 0));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return host;
}

// `otherwise`: port if the URL has none; empty: use the scheme's default port.
std::uint16_t port_in(CURLU* url, std::string_view otherwise) {
  auto text = url_part(url, CURLUPART_PORT, otherwise.empty() ? CURLU_DEFAULT_PORT : 0U);
  if (text.empty()) text = otherwise;
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

// Replaces unprintable characters: certificate names are bytes chosen by the peer.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return out;
}

}  // namespace

std::string host_of(std::string_view url) {
  const auto parsed = parse(url);
  return parsed == nullptr ? std::string() : host_in(parsed.get());
}

HostPort host_port_of(std::string_view url) {
  const auto parsed = parse(url);
  if (parsed == nullptr) return {};
  return {host_in(parsed.get()), port_in(parsed.get(), {})};
}

// A proxy may omit its scheme, and its default port is not that of the scheme (CURLOPT_PROXY(3)).
HostPort proxy_host_port_of(std::string_view proxy) {
  const auto parsed = parse(proxy, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
  if (parsed == nullptr) return {};
  const bool https = url_part(parsed.get(), CURLUPART_SCHEME, 0) == "https";
  return {host_in(parsed.get()), port_in(parsed.get(), https ? "443" : "1080")};
}

Error http_failure(std::string_view code, Category category, bool retryable, std::string_view what,
                   std::string_view url) {
  Error error;
  error.code = code;
  error.category = category;
  error.retryable = retryable;
  error.message = printable(what);
  const auto origin = origin_of(url);
  if (!origin.empty()) error.message += " (" + printable(origin) + ')';
  return error;
}

namespace {

// Returns "the proxy host:port", without a user name or password from the option.
std::string name_of_proxy(const CurlFailure& failure) {
  const HostPort proxy = proxy_host_port_of(failure.proxy);
  const std::string host = proxy.host.contains(':') ? '[' + proxy.host + ']' : proxy.host;
  return proxy.host.empty() ? "the proxy" : "the proxy " + host + ':' + std::to_string(proxy.port);
}

// Returns true if the proxy could not be reached. Curl's message names the unreachable host, which is not the proxy if
// no_proxy excepts the host.
bool failed_at_proxy(const CurlFailure& failure) {
  if (failure.proxy.empty()) return false;
  const HostPort proxy = proxy_host_port_of(failure.proxy);
  return failure.through_proxy || failure.detail.contains(proxy.host + " port " + std::to_string(proxy.port));
}

std::string connect_failure(const CurlFailure& failure) {
  const std::string curls = curl_easy_strerror(failure.result);
  return failed_at_proxy(failure) ? name_of_proxy(failure) + " cannot be reached: " + curls : curls;
}

std::string timeout(const CurlFailure& failure) {
  const std::string curls = curl_easy_strerror(failure.result);
  const bool at_proxy = failure.through_proxy && failure.proxy_status == 0 && !failure.head_begun;
  return at_proxy ? name_of_proxy(failure) + " did not answer in time" : curls;
}

std::string no_tls(const CurlFailure& failure) {
  const bool proxy_is_https = ascii_lower(failure.proxy).starts_with("https:");
  const bool at_proxy = failure.through_proxy && proxy_is_https && failure.proxy_status == 0;
  return (at_proxy ? name_of_proxy(failure) : std::string("the server")) +
         " does not speak TLS: is its URL http:// and not https://?";
}

std::string untrusted(const CurlFailure& failure) {
  const bool own_authority = failure.detail.contains("self-signed") || failure.detail.contains("self signed") ||
                             failure.detail.contains("issuer certificate");
  return std::string(failure.detail) + (own_authority ? "; --ca-file names the authorities to trust" : "");
}

// Returns a description for the author of the config.
std::string description(const CurlFailure& failure) {
  if (failure.proxy_status >= 300 && failure.result != CURLE_OPERATION_TIMEDOUT) {
    return name_of_proxy(failure) + " refused to connect (HTTP " + std::to_string(failure.proxy_status) + ')';
  }
  switch (failure.result) {
    case CURLE_COULDNT_RESOLVE_PROXY: return name_of_proxy(failure) + " has a name that cannot be resolved";
    case CURLE_PROXY: return name_of_proxy(failure) + " did not connect: " + curl_easy_strerror(failure.result);
    case CURLE_COULDNT_CONNECT: return connect_failure(failure);
    case CURLE_OPERATION_TIMEDOUT: return timeout(failure);
    default: break;
  }
  if (speaks_no_tls(failure)) return no_tls(failure);
  const bool tell_detail = meaning_of(failure).code == kUntrusted.code && !failure.detail.empty();
  return tell_detail ? untrusted(failure) : curl_easy_strerror(failure.result);
}

}  // namespace

Error to_error(const CurlFailure& failure) {
  const auto meaning = meaning_of(failure);
  return http_failure(meaning.code, meaning.category, meaning.retryable, description(failure), failure.url);
}

}  // namespace aiw
