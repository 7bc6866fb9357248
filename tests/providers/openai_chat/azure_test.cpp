#include <doctest/doctest.h>

#include "worker/providers/openai_chat/address.hpp"

using namespace aiw;

namespace {

std::string url(std::string base, std::string version, std::string_view operation = "chat/completions") {
  Target target;
  target.api = Api::azure_openai;
  target.base_url = std::move(base);
  target.api_version = std::move(version);
  target.model = "my model";
  return openai_chat::openai_url(target, operation);
}

}  // namespace

TEST_CASE("a dated version goes to the deployment, others to the v1 API") {
  const std::string base = "https://r.openai.azure.com";
  CHECK(url(base, "2024-10-21") == base + "/openai/deployments/my%20model/chat/completions?api-version=2024-10-21");
  CHECK(url(base + "/", "2024-10-21", "responses") == base + "/openai/responses?api-version=2024-10-21");
  CHECK(url(base, "") == base + "/openai/v1/chat/completions");
  CHECK(url(base, "", "responses") == base + "/openai/v1/responses");
  CHECK(url(base, "preview") == base + "/openai/v1/chat/completions?api-version=preview");
}

TEST_CASE("a base URL that says where the API begins is kept") {
  const std::string base = "https://r.openai.azure.com/openai";
  CHECK(url(base, "2024-10-21") == base + "/deployments/my%20model/chat/completions?api-version=2024-10-21");
  CHECK(url(base, "2024-10-21", "responses") == base + "/responses?api-version=2024-10-21");
  CHECK(url(base, "") == base + "/v1/chat/completions");
  CHECK(url(base + "/v1", "") == base + "/v1/chat/completions");
  CHECK(url(base + "/v1/", "preview", "responses") == base + "/v1/responses?api-version=preview");
  CHECK(url(base + "/deployments/d", "2024-10-21") == base + "/deployments/d/chat/completions?api-version=2024-10-21");
  CHECK(url("https://r.services.ai.azure.com/models", "2024-05-01-preview") ==
        "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview");
}

TEST_CASE("an api-version cannot add to the query") {
  CHECK(url("https://r.openai.azure.com", "2024&x=/y#z").ends_with("?api-version=2024%26x%3D%2Fy%23z"));
}

TEST_CASE("the key is shown as the target says") {
  ChatRequest chat;
  Target target;
  target.api = Api::azure_openai;
  target.base_url = "https://r.openai.azure.com";
  target.api_key = "secret";
  for (const auto& [auth, name] : {std::pair(Auth::api_key, "api-key"), std::pair(Auth::bearer, "Authorization")}) {
    target.auth = auth;
    const auto built = wire_api(Api::azure_openai)->build({chat, {}, target});
    REQUIRE(built);
    CHECK(built->http.url == "https://r.openai.azure.com/openai/v1/chat/completions");
    REQUIRE(built->http.headers.size() == 3);
    CHECK(built->http.headers[2].name == name);
    CHECK(built->http.headers[2].secret);
  }
}
