// Vertex AI's URLs; its messages are Gemini's and Anthropic's.
#include <doctest/doctest.h>

#include "tests/providers/anthropic_messages/chat.hpp"
#include "worker/providers/google/model.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

Chat vertex_chat(std::string model, json payload = json::object()) {
  payload["messages"] = {user("hi")};
  Chat chat = chat_of(payload);
  chat.target.api = google::vertex_api_of(model);
  chat.target.auth = Auth::bearer;
  chat.target.api_key = "ya29.token";
  chat.target.model = std::move(model);
  chat.target.base_url = "https://us-east5-aiplatform.googleapis.com";
  chat.target.region = "us-east5";
  chat.target.project = "p1";
  return chat;
}

std::expected<BuiltRequest, Error> built(const Chat& chat) {
  return wire_api(chat.target.api)
      ->build({.chat = *chat.request, .messages = chat.request->messages, .target = chat.target});
}

std::string url(const Chat& chat) {
  const auto request = built(chat);
  REQUIRE(request);
  return request->http.url;
}

}  // namespace

TEST_CASE("vertex: Gemini's models are Google's, Claude's are Anthropic's") {
  CHECK(url(vertex_chat("gemini-2.5-pro")) ==
        "https://us-east5-aiplatform.googleapis.com/v1/projects/p1/locations/us-east5/publishers/google/models/"
        "gemini-2.5-pro:streamGenerateContent?alt=sse");
  CHECK(url(vertex_chat("claude-sonnet-4@20250514")) ==
        "https://us-east5-aiplatform.googleapis.com/v1/projects/p1/locations/us-east5/publishers/anthropic/models/"
        "claude-sonnet-4@20250514:streamRawPredict");
  const json unary = {{"stream", {{"upstream", false}}}};
  CHECK(url(vertex_chat("claude-opus-4", unary)).ends_with("/claude-opus-4:rawPredict"));
  CHECK(url(vertex_chat("gemini-x", unary)).ends_with("/gemini-x:generateContent"));
  CHECK(url(vertex_chat("publishers/meta/models/llama")).contains("/locations/us-east5/publishers/meta/models/llama:"));
}

TEST_CASE("vertex: the token is a bearer's, and Claude's body says its version instead of the model") {
  const auto request = built(vertex_chat("claude-sonnet-4"));
  REQUIRE(request);
  const auto key = std::ranges::find(request->http.headers, "Authorization", &Header::name);
  REQUIRE(key != request->http.headers.end());
  CHECK(key->value == "Bearer ya29.token");
  CHECK(key->secret);
  const json body = parse_strictly(request->http.body.str());
  CHECK(body["anthropic_version"] == "vertex-2023-10-16");
  CHECK_FALSE(body.contains("model"));
  CHECK(body["messages"].size() == 1);
}

TEST_CASE("vertex: a base URL may bring a version, a place or a publisher") {
  const std::pair<const char*, const char*> bases[] = {
      {"https://h/v1beta1", "https://h/v1beta1/projects/p1/locations/us-east5/publishers/google/models/m:"},
      {"https://h/v1/projects/q/locations/eu", "https://h/v1/projects/q/locations/eu/publishers/google/models/m:"},
      {"https://h/v1/projects/q/locations/eu/publishers/google",
       "https://h/v1/projects/q/locations/eu/publishers/google/models/m:"}};
  for (const auto& [base, start] : bases) {
    Chat chat = vertex_chat("m");
    chat.target.base_url = base;
    CHECK(url(chat).starts_with(start));
  }
  Chat global = vertex_chat("m");
  global.target.region.clear();
  CHECK(url(global).contains("/locations/global/"));
}

TEST_CASE("vertex: the project is the config's, else the credentials', and needed unless a key stands for it") {
  Chat chat = vertex_chat("m");
  chat.target.project.clear();
  REQUIRE_FALSE(built(chat));
  CHECK(built(chat).error().pointer == "/payload/config/providers");
  chat.target.credentials = R"({"type":"service_account","client_email":"e","private_key":"k","project_id":"p2"})";
  CHECK(url(chat).contains("/projects/p2/"));
  chat.target.credentials.clear();
  chat.target.auth = Auth::x_goog_api_key;
  CHECK(url(chat).starts_with("https://us-east5-aiplatform.googleapis.com/v1/publishers/google/models/m:"));
}

TEST_CASE("vertex: a project or region cannot lead elsewhere") {
  for (const std::string bad : {"a/../b", "..", "a?b", "a#b", "a%2fb"}) {
    Chat chat = vertex_chat("m");
    chat.target.project = bad;
    CHECK_FALSE(built(chat));
    chat = vertex_chat("m");
    chat.target.region = bad;
    CHECK_FALSE(built(chat));
  }
}

TEST_CASE("vertex: Google's models are listed") {
  Chat chat = vertex_chat("m");
  CHECK(google::kVertexApi.list_models(chat.target, "", {})->url ==
        "https://us-east5-aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=200");
  const auto page =
      google::kVertexApi.read_models(R"({"publisherModels":[{"name":"publishers/google/models/gemini-x"}]})");
  REQUIRE(page);
  REQUIRE(page->models.size() == 1);
  CHECK(page->models[0].id == "gemini-x");
}
