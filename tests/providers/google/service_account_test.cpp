#include "worker/providers/google/service_account.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/base/rfc7515_key.hpp"
#include "worker/base/base64.hpp"
#include "worker/base/crypto.hpp"

using namespace aiw;
using nlohmann::json;

namespace {

json credentials() {
  return {{"type", "service_account"},        {"client_email", "robot@p.iam.gserviceaccount.com"},
          {"private_key", kRfc7515Key},       {"private_key_id", "k1"},
          {"token_uri", "https://t.example"}, {"project_id", "p"}};
}

json decoded(std::string_view part) {
  std::string text;
  REQUIRE(base64_decode(part, text));
  return json::parse(text);
}

}  // namespace

TEST_CASE("a token is asked for by a signed claim") {
  const auto account = google::read_service_account(credentials().dump());
  REQUIRE(account);
  CHECK(account->project_id == "p");
  const auto request =
      google::service_account_token_request(*account, std::chrono::sys_seconds(std::chrono::seconds(1000)));
  REQUIRE(request);
  CHECK(request->method == "POST");
  CHECK(request->url == "https://t.example");
  const std::string body = request->body.str();
  const std::string begin = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  REQUIRE(body.starts_with(begin));
  const std::string token = body.substr(begin.size());
  const auto first = token.find('.'), second = token.rfind('.');
  CHECK(decoded(std::string_view(token).substr(0, first)) == json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "k1"}});
  CHECK(decoded(std::string_view(token).substr(first + 1, second - first - 1)) ==
        json{{"iss", "robot@p.iam.gserviceaccount.com"},
             {"scope", "https://www.googleapis.com/auth/cloud-platform"},
             {"aud", "https://t.example"},
             {"iat", 1000},
             {"exp", 4600}});
  CHECK(token.substr(second + 1) == base64url_encode(*rs256_sign(kRfc7515Key, token.substr(0, second))));
  CHECK_FALSE(body.contains("PRIVATE"));
}

TEST_CASE("credentials that cannot be used are refused without their words") {
  for (const char* key : {"type", "client_email", "private_key"}) {
    json broken = credentials();
    broken.erase(key);
    const auto account = google::read_service_account(broken.dump());
    REQUIRE_FALSE(account);
    CHECK(account.error().category == Category::auth);
    CHECK_FALSE(account.error().message.contains("robot@"));
  }
  CHECK_FALSE(google::read_service_account("not json"));
  json bad_key = credentials();
  bad_key["private_key"] = "canary-of-a-key";
  const auto request = google::service_account_token_request(*google::read_service_account(bad_key.dump()), {});
  REQUIRE_FALSE(request);
  CHECK(request.error().category == Category::auth);
  CHECK_FALSE(request.error().message.contains("canary"));
}

TEST_CASE("a token's answer is read, or says why there is none") {
  ResponseHead head;
  head.status = 200;
  const auto token =
      google::read_access_token(head, R"({"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"})");
  REQUIRE(token);
  CHECK(token->token == "ya29.x");
  CHECK(token->lifetime == std::chrono::seconds(3599));
  CHECK(google::read_access_token(head, R"({"access_token":"a\nb"})").error().code == "token_refused");
  CHECK(google::read_access_token(head, "{}").error().code == "token_refused");
  head.status = 400;
  const auto refused =
      google::read_access_token(head, R"({"error":"invalid_grant","error_description":"Invalid JWT"})");
  CHECK(refused.error().code == "token_refused");
  CHECK(refused.error().category == Category::auth);
  CHECK_FALSE(refused.error().retryable);
  head.status = 503;
  const auto busy = google::read_access_token(head, "");
  CHECK(busy.error().code == "token_unavailable");
  CHECK(busy.error().retryable);
}
