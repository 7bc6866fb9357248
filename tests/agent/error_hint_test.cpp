#include "worker/agent/error_hint.hpp"

#include <doctest/doctest.h>

#include "worker/providers/provider_defaults.hpp"

using namespace aiw;

namespace {

Target target(std::string base_url, std::string api_key, Api api = Api::openai_chat) {
  Target target;
  target.provider_id = "p";
  target.model = target.shown_as = "m";
  target.api = api;
  target.base_url = std::move(base_url);
  target.api_key = std::move(api_key);
  return target;
}

Error http(int status, Category category, std::string message = "no") {
  return {.code = "upstream_http", .category = category, .message = std::move(message), .status = status};
}

std::string told(Error error, const Target& of) {
  complete_error(error, of);
  return error.message;
}

}  // namespace

TEST_CASE("beside a refusal without a key stands that the config has none") {
  const auto without = target("https://p.example/v1", "");
  CHECK(told(http(401, Category::auth), without) == "no (there is no apiKey in the config of the provider p)");
  CHECK(told(http(403, Category::permission), without).contains("no apiKey"));
  CHECK(told(http(400, Category::invalid_request, "API key not valid"), without).contains("no apiKey"));
  CHECK(told(http(400, Category::invalid_request), without) == "no");
  CHECK(told(http(401, Category::auth), target("https://p.example/v1", "sk-1")) == "no");
  auto by_header = without;
  REQUIRE(by_header.headers.set({"x-api-key", "sk-1", true}));
  CHECK(told(http(401, Category::auth), by_header) == "no");
  auto signed_by_aws = without;
  signed_by_aws.aws.access_key_id = "AKIA";
  CHECK(told(http(403, Category::auth), signed_by_aws) == "no");
}

TEST_CASE("a key that is the name of a variable is told, not repeated") {
  for (const char* key : {"$OPENAI_API_KEY", "$key_2"}) {
    const auto words = told(http(401, Category::auth), target("https://p.example/v1", key));
    CHECK(
        words ==
        "no (a key in the config of the provider p is literally $NAME; a reference to a variable is written ${NAME})");
  }
  auto by_header = target("https://p.example/v1", "");
  REQUIRE(by_header.headers.set({"Authorization", "Bearer $TOKEN", true}));
  CHECK(told(http(401, Category::auth), by_header).contains("${NAME}"));
  for (const char* key : {"$", "$1", "$a-b", "a$B", "sk-1"}) {
    CAPTURE(key);
    CHECK(told(http(401, Category::auth), target("https://p.example/v1", key)) == "no");
  }
}

TEST_CASE("beside a 404 stands what is odd about the base URL") {
  const auto not_found = http(404, Category::not_found);
  CHECK(told(not_found, target("https://p.example/v1/chat/completions", "k")) ==
        "no (the baseUrl ends in /chat/completions, which the worker adds by itself)");
  CHECK(told(not_found, target("https://p.example/v1/messages", "k", Api::anthropic_messages)).contains("/messages"));
  CHECK(told(not_found, target("https://p.example", "k")).contains("has no /v1"));
  CHECK(told(http(405, Category::invalid_request), target("https://p.example/api", "k")).contains("has no /v1"));
  CHECK(told({.code = "bad_content_type", .category = Category::upstream, .message = "a page"},
             target("http://localhost:3000", "k"))
            .contains("has no /v1"));
  CHECK(told(not_found, target("https://p.example/v1", "k")) == "no");
  CHECK(told(not_found, target("https://p.example/api/v3/openai", "k")) == "no");
  CHECK(told(not_found, target("https://p.example", "k", Api::gemini_generate)) == "no");
  CHECK(told(http(404, Category::not_found, "the model m does not exist"), target("https://p.example", "k")) ==
        "the model m does not exist");
  CHECK(told(http(500, Category::upstream), target("https://p.example", "k")) == "no");
  auto perplexity = target("https://api.perplexity.ai", "k");
  perplexity.known = find_provider_defaults("perplexity");
  CHECK(told(not_found, perplexity) == "no");
}

TEST_CASE("the URL of an alias's upstream does not name its model") {
  auto hidden = target("https://p.example", "k", Api::gemini_generate);
  hidden.model = "big/1";
  Error error = http(500, Category::upstream);
  error.url = "https://p.example/models/big%2F1:generateContent";
  Error same = error;
  hidden.shown_as = "alias";
  complete_error(error, hidden);
  CHECK(error.url == "https://p.example/models/");
  hidden.shown_as = hidden.model;
  complete_error(same, hidden);
  CHECK(same.url == "https://p.example/models/big%2F1:generateContent");
}

TEST_CASE("what may be a key in the path of a base URL is not shown") {
  const auto shown = [](const std::string& base_url, const std::string& path) {
    Error error = http(500, Category::upstream);
    error.url = base_url + path;
    complete_error(error, target(base_url, "k"));
    return error.url;
  };
  CHECK(shown("https://p.example/v1", "/chat/completions") == "https://p.example/v1/chat/completions");
  CHECK(shown("https://p.example/v1/0123456789abcdef0123456789abcdef/gate/openai", "/responses") ==
        "https://p.example/v1/[redacted]/gate/openai/responses");
  CHECK(shown("https://p.example/AbCdEfGhIjKlMnOpQr", "/responses") == "https://p.example/[redacted]/responses");
  CHECK(shown("https://p.example", "/models/gemini-2.5-flash:streamGenerateContent") ==
        "https://p.example/models/gemini-2.5-flash:streamGenerateContent");
  Error elsewhere = http(500, Category::upstream);
  elsewhere.url = "https://other.example/sk-0123456789abcdef/token";
  complete_error(elsewhere, target("https://p.example", "k"));
  CHECK(elsewhere.url == "https://other.example/[redacted]/token");
}

TEST_CASE("a message with a hint is not longer than others may be") {
  const auto words = told(http(401, Category::auth, std::string(5000, 'x')), target("https://p.example/v1", ""));
  CHECK(words.size() == 4096);
  CHECK(words.ends_with(" (there is no apiKey in the config of the provider p)"));
}
