#include "worker/providers/bedrock/error.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "worker/secrets/live_secret.hpp"

using namespace aiw;

TEST_CASE("bedrock: an HTTP error is named by its header, else by its body") {
  ResponseHead head{.status = 403,
                    .headers = {{"x-amzn-errortype", "ExpiredTokenException:http://internal.amazon.com/"},
                                {"x-amzn-requestid", "r-1"}}};
  Error error = bedrock::aws_http_error(head, R"({"message":"The token expired"})");
  CHECK(error.provider_code == "ExpiredTokenException");
  CHECK(error.message == "The token expired");
  CHECK(error.request_id == "r-1");
  CHECK(error.status == 403);
  CHECK(error.category == Category::auth);
  CHECK_FALSE(error.retryable);

  head = {.status = 400, .headers = {}};
  error =
      bedrock::aws_http_error(head, R"({"__type":"com.amazon.coral.availability#ThrottlingException","Message":"x"})");
  CHECK(error.provider_code == "ThrottlingException");
  CHECK(error.category == Category::rate_limit);
  CHECK(error.retryable);
}

TEST_CASE("bedrock: no piece of a key becomes the name of an error") {
  const LiveSecret key("canary:key#of-some-length");
  const ResponseHead head{.status = 403, .headers = {{"x-amzn-errortype", "canary:key#of-some-length"}}};
  CHECK(bedrock::aws_http_error(head, "").provider_code == "[redacted]");
  const ResponseHead other{.status = 403, .headers = {}};
  CHECK(bedrock::aws_http_error(other, R"({"__type":"canary:key#of-some-length"})").provider_code == "[redacted]");
}

TEST_CASE("bedrock: an HTTP error without a name goes by its status") {
  const Error error = bedrock::aws_http_error({.status = 503, .headers = {}}, "<html>busy</html>");
  CHECK(error.provider_code == "Unknown");
  CHECK(error.category == Category::overloaded);
  CHECK(error.retryable);
}

TEST_CASE("bedrock: each exception of a stream has its category") {
  struct Row {
    const char* name;
    Category category;
    bool retryable;
  };
  const std::vector<Row> rows = {
      {"throttlingException", Category::rate_limit, true},
      {"modelStreamErrorException", Category::upstream, true},
      {"modelTimeoutException", Category::timeout, true},
      {"internalServerException", Category::upstream, true},
      {"validationException", Category::invalid_request, false},
      {"serviceUnavailableException", Category::overloaded, true},
      {"somethingNewException", Category::upstream, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const Error error = bedrock::stream_error(row.name, "why");
    CHECK(error.code == "upstream_error");
    CHECK(error.provider_code == row.name);
    CHECK(error.message == "why");
    CHECK(error.category == row.category);
    CHECK(error.retryable == row.retryable);
  }
}
