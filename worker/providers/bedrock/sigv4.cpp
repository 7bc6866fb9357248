#include "worker/providers/bedrock/sigv4.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"
#include "worker/base/crypto.hpp"
#include "worker/base/url.hpp"

namespace aiw::bedrock {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char* const digits = text.data() + i + 1;
    unsigned char byte = 0;
    const bool may_be_escape = text[i] == '%' && i + 2 < text.size();
    const bool escaped = may_be_escape && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    out += escaped ? static_cast<char>(byte) : text[i];
    if (escaped) i += 2;
  }
  return out;
}

struct UrlParts {
  std::string_view host, path, query;  // host: as in the Host header
};

UrlParts split_url(std::string_view url) {
  UrlParts parts;
  const std::size_t scheme = url.find("://");
  const bool https = url.starts_with("https:");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('#'));
  const std::size_t query = url.find('?');
  if (query != std::string_view::npos) parts.query = url.substr(query + 1);
  url = url.substr(0, query);
  const std::size_t path = url.find('/');
  parts.host = url.substr(0, path);
  if (path != std::string_view::npos) parts.path = url.substr(path);
  const std::string_view default_port = https ? ":443" : ":80";  // left out, as libcurl does
  if (parts.host.ends_with(default_port)) parts.host.remove_suffix(default_port.size());
  return parts;
}

// Returns the path with dot segments resolved (RFC 3986, 5.2.4), runs of slashes merged and the rest encoded.
std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> segments;
  bool ends_open = true;  // ends in a slash
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    ends_open = end < path.size() || segment.empty() || segment == "." || segment == "..";
    path.remove_prefix(std::min(end + 1, path.size()));
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") segments.push_back(segment);
  }
  std::string out;
  for (const auto segment : segments) out += "/" + percent_encode(segment);
  return ends_open ? out + "/" : out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!query.empty()) {
    const auto field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(field.size() + 1, query.size()));
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    const auto value = field.substr(std::min(equals + 1, field.size()));
    fields.emplace_back(percent_encode(decode_percent(field.substr(0, equals))), percent_encode(decode_percent(value)));
  }
  std::ranges::sort(fields);
  std::string out;
  for (const auto& [name, value] : fields) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

// Returns the value without surrounding white space, and with runs of spaces merged.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) out += c;
    if (blank && !out.empty() && out.back() != ' ') out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

// False for headers that may change in transit, as in AWS's own SDKs.
bool is_signed(std::string_view name) {
  constexpr std::array<std::string_view, 4> kUnsigned = {"authorization", "cache-control", "user-agent",
                                                         "x-amzn-trace-id"};
  return std::ranges::find(kUnsigned, name) == kUnsigned.end();
}

std::string amz_date(std::chrono::sys_seconds now) {
  const auto days = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss time(now - days);
  char text[40];
  std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

// Chains HMACs: each result is the key of the next.
std::expected<std::string, std::string> chain(std::string key, std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) {
    const auto digest = hmac_sha256(key, text);
    if (!digest) return std::unexpected(digest.error());
    key = bytes_of(*digest);
  }
  return key;
}

std::unexpected<Error> cannot_sign(const std::string& why) {
  Error error;
  error.code = error_code::cannot_sign;
  error.category = Category::internal;
  error.message = "the request cannot be signed: " + why;
  return std::unexpected(std::move(error));
}

}  // namespace

std::string sigv4_canonical_request(const HttpRequest& request, std::string_view body_hash,
                                    std::string& signed_headers) {
  const UrlParts url = split_url(request.url);
  std::map<std::string, std::string> headers = {{"host", std::string(url.host)}};
  for (const Header& header : request.headers) {
    std::string name = ascii_lower(header.name);
    if (is_signed(name)) headers.emplace(std::move(name), canonical_value(header.value));
  }
  signed_headers.clear();
  std::string out = request.method + "\n" + canonical_path(url.path) + "\n" + canonical_query(url.query) + "\n";
  for (const auto& [name, value] : headers) {
    out += name + ":" + value + "\n";
    signed_headers += (signed_headers.empty() ? "" : ";") + name;
  }
  return out.append("\n").append(signed_headers).append("\n").append(body_hash);
}

std::expected<void, Error> sign_sigv4(HttpRequest& request, const AwsKeys& keys, const SigV4Scope& scope) {
  const std::string date = amz_date(scope.now);
  const auto day = std::string_view(date).substr(0, 8);
  bool good = request.headers.set({"X-Amz-Date", date, false});
  if (!keys.session_token.empty()) good = request.headers.set({"X-Amz-Security-Token", keys.session_token, true});
  if (!good) return cannot_sign("the session token holds a character that HTTP forbids");

  const auto body_hash = sha256(request.body);
  if (!body_hash) return cannot_sign(body_hash.error());
  std::string signed_headers;
  const auto request_hash = sha256(sigv4_canonical_request(request, to_hex(*body_hash), signed_headers));
  if (!request_hash) return cannot_sign(request_hash.error());

  std::string credential(day);
  credential.append("/").append(scope.region).append("/").append(scope.service).append("/aws4_request");
  std::string to_sign(kAlgorithm);
  to_sign.append("\n").append(date).append("\n").append(credential).append("\n").append(to_hex(*request_hash));
  const auto key = chain("AWS4" + keys.secret_access_key, {day, scope.region, scope.service, "aws4_request"});
  if (!key) return cannot_sign(key.error());
  const auto signature = hmac_sha256(*key, to_sign);
  if (!signature) return cannot_sign(signature.error());

  std::string value(kAlgorithm);
  value.append(" Credential=").append(keys.access_key_id).append("/").append(credential);
  value.append(", SignedHeaders=").append(signed_headers).append(", Signature=").append(to_hex(*signature));
  if (request.headers.set({"Authorization", std::move(value), true})) return {};
  return cannot_sign("the access key's id holds a character that HTTP forbids");
}

}  // namespace aiw::bedrock
