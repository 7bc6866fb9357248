// Feeds any bytes as a base URL, and compares the result with libcurl's parser; as an address; as a header.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "tests/fuzz/fuzz_input.hpp"
#include "worker/base/http_message.hpp"
#include "worker/base/url.hpp"
#include "worker/http/egress.hpp"

namespace {

using namespace aiw;

struct CurlUrl {
  std::string scheme, user, password, options, host, port, fragment;
};

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return owned.get();
}

// Returns nullopt if curl would not connect to the URL.
std::optional<CurlUrl> as_curl_reads(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS) != CURLUE_OK) {
    return std::nullopt;
  }
  return CurlUrl{part_of(url.get(), CURLUPART_SCHEME),   part_of(url.get(), CURLUPART_USER),
                 part_of(url.get(), CURLUPART_PASSWORD), part_of(url.get(), CURLUPART_OPTIONS),
                 part_of(url.get(), CURLUPART_HOST),     part_of(url.get(), CURLUPART_PORT),
                 part_of(url.get(), CURLUPART_FRAGMENT)};
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::optional<in_addr> as_number(const std::string& host) {
  in_addr address{};
  if (inet_aton(host.c_str(), &address) == 0) return std::nullopt;  // accepts octal, hexadecimal and short forms, too
  return address;
}

// True if both name the same host. curl normalizes addresses: 0177.1 becomes 127.0.0.1.
bool same_host(const std::string& ours, std::string curls) {
  if (curls.starts_with('[') && curls.ends_with(']')) curls = curls.substr(1, curls.size() - 2);
  if (ours == lower(curls)) return true;
  if (const auto a = as_number(ours), b = as_number(curls); a && b) return a->s_addr == b->s_addr;
  in6_addr a{};
  in6_addr b{};
  return inet_pton(AF_INET6, ours.c_str(), &a) == 1 && inet_pton(AF_INET6, curls.c_str(), &b) == 1 &&
         std::memcmp(&a, &b, sizeof a) == 0;
}

bool is_local(const std::string& host) {
  if (lower(host) == "localhost" || host == "[::1]") return true;
  const auto address = as_number(host);
  return address && (ntohl(address->s_addr) >> 24U) == 127;
}

void check_url(const std::string& text) {
  const auto ours = parse_base_url(text);
  if (!ours) return;
  for (const char c : text) fuzz::require(c > 0x20 && c < 0x7F, "a control character was accepted");
  const auto curls = as_curl_reads(text);
  if (!curls) return;  // nothing would be sent
  fuzz::require(curls->scheme == (ours->https ? "https" : "http"), "another scheme");
  fuzz::require(same_host(ours->host, curls->host), "another host");
  fuzz::require(curls->user.empty() && curls->password.empty() && curls->options.empty(), "a user was accepted");
  fuzz::require(curls->fragment.empty(), "a fragment was accepted");
  const auto number = [](const std::string& port) { return port.empty() ? -1 : std::atoi(port.c_str()); };
  fuzz::require(number(ours->port) == number(curls->port), "another port");
  if (is_loopback(ours->host)) fuzz::require(is_local(curls->host), "loopback to us is not loopback to curl");
}

bool allowed(const in_addr& address, Egress egress) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr = address;
  return egress_allowed(reinterpret_cast<const sockaddr&>(in), egress);
}

bool allowed(const in6_addr& address, Egress egress) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_addr = address;
  return egress_allowed(reinterpret_cast<const sockaddr&>(in), egress);
}

// Checks that an IPv4 address inside an IPv6 one gets the same verdict in every notation, and that `any` allows all
// that `public_only` allows.
void check_address(std::string_view bytes) {
  in6_addr six{};
  std::memcpy(&six, bytes.data(), std::min(bytes.size(), sizeof six));
  if (allowed(six, Egress::public_only)) fuzz::require(allowed(six, Egress::any), "public egress allows more than any");
  in_addr four{};
  std::memcpy(&four, bytes.data(), std::min(bytes.size(), sizeof four));
  for (const char* prefix : {"::ffff:0.0.0.0", "::", "64:ff9b::"}) {
    in6_addr written{};
    inet_pton(AF_INET6, prefix, &written);
    std::memcpy(&written.s6_addr[12], &four, sizeof four);
    for (const Egress egress : {Egress::any, Egress::public_only}) {
      fuzz::require(allowed(written, egress) == allowed(four, egress), "an IPv4 address hides in an IPv6 one");
    }
  }
}

void check_header(const std::string& name, const std::string& value) {
  if (!valid_header(name, value)) return;
  const std::string line = name + ": " + value;
  fuzz::require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "a header of two lines");
  fuzz::require(!name.empty() && name.find_first_of(" \t:") == std::string::npos, "a name that is none");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const auto line = std::min(text.find('\n'), text.size());
  const std::string url = text.substr(0, line);
  check_url(url);
  check_url("http://" + url);
  check_url("https://" + url + "/v1/chat/completions");
  check_url("http://127.0.0.1" + url);
  check_address(text);
  check_header(url, line < text.size() ? text.substr(line + 1) : "x");
  check_header("authorization", "Bearer " + text);
  return 0;
}
