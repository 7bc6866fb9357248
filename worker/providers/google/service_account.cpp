#include "worker/providers/google/service_account.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_writer.hpp"
#include "worker/base/base64.hpp"
#include "worker/base/crypto.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace aiw::google {
namespace {

constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::string_view kGrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::string_view kDefaultTokenUri = "https://oauth2.googleapis.com/token";
constexpr std::chrono::seconds kLifetime{3600};  // maximum that Google allows

Error auth_error(std::string_view code, std::string_view message) {
  Error error;
  error.code = code;
  error.category = Category::auth;
  error.message = message;
  return error;
}

}  // namespace

std::expected<ServiceAccount, Error> read_service_account(std::string_view json) {
  EventJson parser;
  const auto root = parser.parse(json);
  if (!root || !root->is_object()) {
    return std::unexpected(auth_error(error_code::bad_credentials, "the credentials are not a JSON object"));
  }
  if (get_string_or_empty(*root, "type") != "service_account") {
    return std::unexpected(auth_error(error_code::bad_credentials, "the credentials are not of a service account"));
  }
  const auto text = [&](std::string_view key) { return parser.text(*root, key); };
  ServiceAccount account{text("client_email"), text("private_key"), text("private_key_id"), text("token_uri"),
                         text("project_id")};
  if (account.client_email.empty() || account.private_key.empty()) {
    return std::unexpected(auth_error(error_code::bad_credentials, "the credentials lack client_email or private_key"));
  }
  if (account.token_uri.empty()) account.token_uri = kDefaultTokenUri;
  return account;
}

std::expected<HttpRequest, Error> service_account_token_request(const ServiceAccount& account,
                                                                std::chrono::sys_seconds now) {
  std::string header, claims;
  JsonWriter head(header);
  head.begin_object().field("alg", "RS256").field("typ", "JWT");
  if (!account.private_key_id.empty()) head.field("kid", account.private_key_id);
  head.end_object();
  const auto issued = now.time_since_epoch();
  JsonWriter(claims)
      .begin_object()
      .field("iss", account.client_email)
      .field("scope", kScope)
      .field("aud", account.token_uri)
      .field("iat", issued.count())
      .field("exp", (issued + kLifetime).count())
      .end_object();
  const std::string signed_part = base64url_encode(header) + "." + base64url_encode(claims);
  const auto signature = rs256_sign(account.private_key, signed_part);
  if (!signature) {
    return std::unexpected(
        auth_error(error_code::bad_credentials, "the token request cannot be signed: " + signature.error()));
  }
  HttpRequest request{
      .method = "POST",
      .url = account.token_uri,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded", false}, {"Accept", "application/json", false}},
      .body = {}};
  request.body.append("grant_type=" + percent_encode(kGrantType) + "&assertion=" + signed_part + "." +
                      base64url_encode(*signature));
  return request;
}

std::expected<AccessToken, Error> read_access_token(const ResponseHead& head, std::string_view body) {
  if (head.status != 200) {
    Error error = http_error(head, body);
    const bool may_pass = error.retryable;
    error.code = may_pass ? error_code::token_unavailable : error_code::token_refused;
    if (!may_pass) error.category = Category::auth;
    error.message = "no access token was given: " + error.message;
    return std::unexpected(std::move(error));
  }
  EventJson json;
  const auto root = json.parse(body);
  const auto token = root ? get_string_or_empty(*root, "access_token") : std::string_view();
  if (token.empty() || !valid_header("authorization", token)) {
    return std::unexpected(auth_error(error_code::token_refused, "the token server's answer has no access token"));
  }
  constexpr std::int64_t kMost = 86'400;
  const std::int64_t seconds = get_count(*root, "expires_in").value_or(0);
  return AccessToken{std::string(token), std::chrono::seconds(seconds < kMost ? seconds : kMost)};
}

}  // namespace aiw::google
