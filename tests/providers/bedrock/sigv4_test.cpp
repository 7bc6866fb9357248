// The examples of AWS's Signature Version 4 test suite, whose credentials, time and signatures are published.
#include "worker/providers/bedrock/sigv4.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/base/crypto.hpp"

using namespace aiw;
using namespace std::chrono;

namespace {

constexpr sys_seconds kNow = sys_days{2015y / August / 30} + 12h + 36min;
const AwsKeys kKeys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};

HttpRequest request(std::string method, std::string path, RequestHeaders headers = {}) {
  HttpRequest out{.method = std::move(method),
                  .url = "https://example.amazonaws.com" + std::move(path),
                  .headers = std::move(headers),
                  .body = {}};
  return out;
}

std::string header(const HttpRequest& request, std::string_view name) {
  const Header* const found = request.headers.find(name);
  return found == nullptr ? "" : found->value;
}

// The last part of Authorization.
std::string signature_of(HttpRequest request, const AwsKeys& keys = kKeys) {
  REQUIRE(bedrock::sign_sigv4(request, keys, {"us-east-1", "service", kNow}));
  const std::string value = header(request, "Authorization");
  return value.substr(value.find("Signature=") + 10);
}

std::string canonical(const HttpRequest& request) {
  std::string names;
  return bedrock::sigv4_canonical_request(request, "HASH", names);
}

}  // namespace

TEST_CASE("sigv4: the test suite's requests get the test suite's signatures") {
  CHECK(signature_of(request("GET", "/")) == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  CHECK(signature_of(request("POST", "/")) == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  CHECK(signature_of(request("GET", "/?Param2=value2&Param1=value1")) ==
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  CHECK(signature_of(request("GET", "/\u1234")) == "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
  CHECK(signature_of(request("GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) ==
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
  CHECK(signature_of(request("GET", "/", {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}})) ==
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
  // The suite's header that stands three times, as one (RFC 9110, 5.3).
  CHECK(signature_of(request("GET", "/", {{"My-Header1", "value2,value2,value1"}})) ==
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea");
}

TEST_CASE("sigv4: a body is signed by its hash, in however many pieces it lies") {
  HttpRequest form = request("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}});
  form.body.append("Param1");
  form.body.append("=value1");
  CHECK(signature_of(std::move(form)) == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST_CASE("sigv4: dot segments and double slashes are resolved in what is signed") {
  const std::string root = signature_of(request("GET", "/"));
  for (const char* path : {"/./", "/foo/..", "/foo/bar/../..", "//", "/.//"}) {
    CAPTURE(path);
    CHECK(signature_of(request("GET", path)) == root);
  }
  CHECK(canonical(request("GET", "//foo//./bar")).starts_with("GET\n/foo/bar\n"));
  CHECK(canonical(request("GET", "/foo/bar/")).starts_with("GET\n/foo/bar/\n"));
  CHECK(canonical(request("GET", "")).starts_with("GET\n/\n"));
}

TEST_CASE("sigv4: a path that is encoded already is encoded once more") {
  CHECK(canonical(request("POST", "/model/anthropic.claude-v2%3A1/converse"))
            .starts_with("POST\n/model/anthropic.claude-v2%253A1/converse\n"));
  CHECK(canonical(request("POST", "/model/arn%3Aaws%3Abedrock%3A%3A%2Fx/invoke"))
            .starts_with("POST\n/model/arn%253Aaws%253Abedrock%253A%253A%252Fx/invoke\n"));
}

TEST_CASE("sigv4: a query is decoded, encoded and sorted") {
  CHECK(
      canonical(request("GET", "/?b=2&a=%7E1&a=0&c&d=x%2fy#z")).starts_with("GET\n/\na=0&a=~1&b=2&c=&d=x%2Fy\nhost:"));
}

TEST_CASE("sigv4: temporary keys bring their token, which is signed") {
  AwsKeys keys = kKeys;
  keys.session_token = "token";
  HttpRequest sent = request("POST", "/");
  REQUIRE(bedrock::sign_sigv4(sent, keys, {"us-east-1", "service", kNow}));
  CHECK(header(sent, "X-Amz-Security-Token") == "token");
  CHECK(header(sent, "Authorization")
            .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                         "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="));
  for (const Header& one : sent.headers) CHECK(one.secret == (one.name != "X-Amz-Date"));

  HttpRequest without = request("POST", "/");
  REQUIRE(bedrock::sign_sigv4(without, kKeys, {"us-east-1", "service", kNow}));
  CHECK(header(without, "X-Amz-Security-Token").empty());
  CHECK(header(without, "X-Amz-Date") == "20150830T123600Z");
}

TEST_CASE("sigv4: headers that change on the way are not signed, and the host is signed as it is sent") {
  HttpRequest sent =
      request("POST", "/", {{"User-Agent", "x"}, {"Cache-Control", "y"}, {"accept", "application/json"}});
  sent.url = "https://example.amazonaws.com:443/";
  CHECK(canonical(sent) == "POST\n/\n\naccept:application/json\nhost:example.amazonaws.com\n\naccept;host\nHASH");
  sent.url = "http://127.0.0.1:8080/";
  CHECK(canonical(sent).contains("\nhost:127.0.0.1:8080\n"));
}
