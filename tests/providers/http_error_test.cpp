#include "worker/providers/codec/http_error.hpp"

#include <doctest/doctest.h>

#include <string>

#include "worker/secrets/live_secret.hpp"

using namespace aiw;

namespace {

constexpr std::chrono::sys_seconds kNow = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

Error error_of(int status, std::string_view body, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return http_error(ResponseHead{status, std::move(headers)}, body, kNow);
}

}  // namespace

TEST_CASE("the status decides the category and whether it is worth another try") {
  struct Row {
    int status;
    Category category;
    bool retryable;
  };
  for (const Row& row :
       {Row{400, Category::invalid_request, false}, Row{401, Category::auth, false},
        Row{402, Category::permission, false}, Row{403, Category::permission, false},
        Row{404, Category::not_found, false}, Row{408, Category::timeout, true}, Row{409, Category::upstream, true},
        Row{413, Category::invalid_request, false}, Row{422, Category::invalid_request, false},
        Row{429, Category::rate_limit, true}, Row{500, Category::upstream, true}, Row{502, Category::upstream, true},
        Row{503, Category::overloaded, true}, Row{504, Category::upstream, true}, Row{529, Category::overloaded, true},
        Row{302, Category::upstream, false}}) {
    CAPTURE(row.status);
    const Error error = error_of(row.status, "");
    CHECK(error.code == "upstream_http");
    CHECK(error.status == row.status);
    CHECK(error.category == row.category);
    CHECK(error.retryable == row.retryable);
    CHECK_FALSE(error.message.empty());
  }
}

TEST_CASE("x-should-retry wins") {
  CHECK(error_of(400, "", {{"x-should-retry", "true"}}).retryable);
  CHECK_FALSE(error_of(503, "", {{"x-should-retry", "false"}}).retryable);
  CHECK(error_of(503, "", {{"x-should-retry", "maybe"}}).retryable);
}

TEST_CASE("JSON bodies of every shape") {
  struct Row {
    const char* body;
    const char* message;
    const char* code;
  };
  for (const Row& row :
       {Row{R"({"error":{"message":"m","type":"invalid_request_error","param":null,"code":"bad_key"}})", "m",
            "bad_key"},
        Row{R"({"type":"error","error":{"type":"overloaded_error","message":"m"}})", "m", "overloaded_error"},
        Row{R"({"error":{"message":"m","code":400}})", "m", "400"},
        Row{R"({"error":{"message":"m","type":"too_long","code":400}})", "m", "too_long"},
        Row{R"([{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}])", "m", "RESOURCE_EXHAUSTED"},
        Row{R"({"error":"m"})", "m", ""}, Row{R"({"message":"m","type":"t"})", "m", "t"},
        Row{R"({"detail":"m"})", "m", ""}, Row{R"({"detail":[{"msg":"m"}]})", R"([{"msg":"m"}])", ""},
        Row{"plain words", "plain words", ""}, Row{R"({"error":{"message":"cut)", R"({"error":{"message":"cut)", ""},
        Row{R"({"error":{"message":"x\ud800"}})", "x\xEF\xBF\xBD", ""}, Row{"\xFF!", "\xEF\xBF\xBD!", ""}}) {
    CAPTURE(row.body);
    const Error error = error_of(400, row.body);
    CHECK(error.message == row.message);
    CHECK(error.provider_code == row.code);
  }
  CHECK(error_of(400, R"({"error":{"code":"content_filter","message":"m"}})").category == Category::content_filter);
}

TEST_CASE("the reason of the provider behind a gateway is in the message") {
  const auto message = [](const std::string& raw) {
    ResponseHead head;
    head.status = 400;
    return http_error(head, R"({"error":{"message":"Provider returned error","code":400,"metadata":{"raw":)" + raw +
                                R"(,"provider_name":"P"}}})")
        .message;
  };
  CHECK(message(R"("the prompt is too long")") == "Provider returned error: the prompt is too long");
  CHECK(message(R"("{\"error\":{\"message\":\"too long\"}}")") == "Provider returned error: too long");
  CHECK(message(R"("{\"message\":\"too long\"}")") == "Provider returned error: too long");
  CHECK(message(R"({"error":{"message":"too long"}})") == "Provider returned error: too long");
  CHECK(message(R"("{\"code\":7}")") == R"(Provider returned error: {"code":7})");
  CHECK(message("7") == "Provider returned error");
  CHECK(message("\"\"") == "Provider returned error");
}

TEST_CASE("HTML is reduced to its words") {
  const std::string page =
      "<html><head><title>502</title><style>p{}</style></head>\n<body><h1>Bad   Gateway</h1><script>var x='<b>';"
      "</script><p>nginx</p></body></html>";
  CHECK(error_of(502, page, {{"content-type", "text/html"}}).message == "Bad Gateway nginx");
  CHECK(error_of(502, page).message == "Bad Gateway nginx");
  const auto unclosed = error_of(502, "<html><body>a<" + std::string(60'000, '<'));
  CHECK(unclosed.message == "a");
  std::string scripts;
  for (int i = 0; i < 8000; ++i) scripts += "<script>";
  CHECK_FALSE(error_of(502, scripts).message.empty());
  CHECK(error_of(502, "<script>a<head>b<style>c<script>d</style>e<head>f<script>").message == "a b e f");
}

TEST_CASE("messages are bounded and end between characters") {
  std::string euros;
  for (int i = 0; i < 3000; ++i) euros += "\xE2\x82\xAC";
  CHECK(error_of(500, R"({"message":")" + euros + "\"}").message.size() == 4095);
  CHECK(error_of(500, euros).message.size() == 4095);
  CHECK(error_of(500, "<p>" + euros).message.size() == 510);
}

TEST_CASE("a key in an error is taken out before the message is cut") {
  const LiveSecret key("canary-key-of-some-length");
  for (std::size_t before = 4'060; before <= 4'110; ++before) {
    const std::string message = bounded_message(std::string(before, 'x') + "canary-key-of-some-length and more");
    CHECK(message.find("canary") == std::string::npos);
    CHECK(message.size() <= kMaxErrorMessageBytes);
  }
  // Redaction makes it shorter, so that more would be shown.
  const std::string long_key = std::string(284, 'k') + '!';
  const LiveSecret other(long_key);
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += long_key;
  CHECK(bounded_message(many).find('k') == std::string::npos);
}

TEST_CASE("a key in a page is taken out before the page's words are cut") {
  const LiveSecret key("canary-key-of-some-length");
  for (std::size_t before = 480; before <= 520; ++before) {
    const std::string page = "<p>" + std::string(before, 'x') + "canary-key-of-some-length and more";
    CHECK(error_of(502, page).message.find("canary") == std::string::npos);
    CHECK(page_fault("bad_response", page).message.find("canary") == std::string::npos);
  }
  const std::string long_page = "<p>" + std::string(kMaxErrorBody - 11, ' ') + "canary-key-of-some-length and more";
  CHECK(page_fault("bad_response", long_page).message.ends_with(": [redacted]"));
}

TEST_CASE("the part of an error's body that counts ends with no piece of a key") {
  const LiveSecret key("canary-key-of-some-length");
  const std::string filler(kMaxErrorBody - 5, 'x');
  CHECK(error_body("canary-key-of-some-length") == "canary-key-of-some-length");
  CHECK(error_body(filler + "canary-key-of-some-length") == filler + "[redacted]");
  CHECK(error_body(filler + R"(can\u0061ry-key-of-some-length)" + filler) == filler + "[redacted]");
  CHECK(error_body(filler + filler).size() == kMaxErrorBody);
}

TEST_CASE("request id and delay") {
  CHECK(error_of(500, "", {{"x-request-id", "a"}}).request_id == "a");
  CHECK(error_of(500, "", {{"request-id", "b"}}).request_id == "b");
  CHECK(error_of(500, R"({"request_id":"c","error":{}})").request_id == "c");
  CHECK(error_of(429, "", {{"retry-after", "2"}}).retry_after_ms == 2000);
  CHECK(error_of(429, R"({"error":{"details":[{"@type":"x"},{"retryDelay":"34.4s"}]}})").retry_after_ms == 34'400);
  // The provider's clock is the one its date was written by.
  const ResponseHead head{
      429, {{"date", "Sun, 01 Mar 2026 12:00:00 GMT"}, {"retry-after", "Sun, 01 Mar 2026 12:00:07 GMT"}}};
  CHECK(http_error(head, "").retry_after_ms == 7000);
}

TEST_CASE("errors inside an answer") {
  struct Row {
    const char* code;
    Category category;
    bool retryable;
  };
  for (const Row& row :
       {Row{"overloaded_error", Category::overloaded, true}, Row{"rate_limit_error", Category::rate_limit, true},
        Row{"rate_limit_exceeded", Category::rate_limit, true}, Row{"insufficient_quota", Category::rate_limit, false},
        Row{"api_error", Category::upstream, true}, Row{"server_error", Category::upstream, true},
        Row{"502", Category::upstream, true}, Row{"429", Category::rate_limit, true},
        Row{"content_filter", Category::content_filter, false},
        Row{"invalid_request_error", Category::invalid_request, false},
        Row{"authentication_error", Category::auth, false}, Row{"something_new", Category::upstream, false},
        Row{"", Category::upstream, false}}) {
    CAPTURE(row.code);
    const Error error = in_stream_error(row.code, "m");
    CHECK(error.code == "upstream_error");
    CHECK(error.category == row.category);
    CHECK(error.retryable == row.retryable);
    CHECK(error.provider_code == row.code);
  }
}

TEST_CASE("the provider's id of an exchange is found under every name that providers give it") {
  CHECK(request_id({500, {{"cf-ray", "r"}, {"x-request-id", "a"}}}) == "a");
  CHECK(request_id({500, {{"cf-ray", "r"}}}) == "r");
  for (const char* name : {"request-id", "x-amzn-requestid", "apim-request-id", "x-ms-request-id", "x-goog-request-id",
                           "x-github-request-id", "mistral-correlation-id", "x-debug-trace-id", "x-vercel-id"}) {
    CAPTURE(name);
    CHECK(request_id({500, {{name, "a"}}}) == "a");
  }
  CHECK(request_id({500, {{"content-type", "text/plain"}}}).empty());
}

TEST_CASE("llama.cpp counts the tokens beside its message") {
  const auto error = error_of(
      400, R"({"error":{"code":400,"message":"the request exceeds the available context size, try increasing it",
               "type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}})");
  CHECK(error.limit_tokens == 4096);
  CHECK(error.request_tokens == 5000);
}
