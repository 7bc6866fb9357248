// Requests to Cohere's chat, version 2, as its API reference describes them.
#include <doctest/doctest.h>

#include "protocol/json_text.hpp"
#include "tests/providers/corpus.hpp"
#include "tests/providers/wire_chat.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;
using nlohmann::json;

namespace {

WireChat chat_of(const json& payload) { return {Api::cohere_chat, payload}; }

json one_user(const json& more = json::object()) {
  json payload = {{"messages", {says("user", "hi")}}};
  payload.update(more);
  return payload;
}

json tools() {
  return {{{"name", "f"}, {"description", "does"}, {"inputSchema", {{"type", "object"}}}}, {{"name", "g"}}};
}

}  // namespace

TEST_CASE("cohere: the smallest request, byte for byte, and where it goes") {
  auto chat = chat_of(one_user());
  chat.target.api_key = "k";
  CHECK(chat.text() ==
        R"({"model":"model","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]})");
  CHECK(chat.header("Authorization") == "Bearer k");
  CHECK(chat.header("Accept") == "text/event-stream");
  for (const char* base : {"https://api.cohere.com", "https://api.cohere.com/", "https://api.cohere.com/v2",
                           "https://api.cohere.com/v1/"}) {
    chat.target.base_url = base;
    CHECK(chat.built().http.url == "https://api.cohere.com/v2/chat");
  }
  chat.chat->stream.upstream = false;
  CHECK(chat.body()["stream"] == false);
  CHECK(chat.header("Accept") == "application/json");
}

TEST_CASE("cohere: options have their names") {
  auto chat = chat_of(one_user({{"maxOutputTokens", 9},
                                {"temperature", 0.5},
                                {"topP", 0.9},
                                {"topK", 3},
                                {"frequencyPenalty", 0.1},
                                {"presencePenalty", 0.2},
                                {"seed", 4},
                                {"logprobs", true},
                                {"stopSequences", {"a", "\n"}},
                                {"parallelToolCalls", false},
                                {"responseFormat", {{"type", "json"}, {"schema", {{"type", "object"}}}}},
                                {"providerOptions", {{"documents", {{{"id", "d"}}}}, {"messages", 1}}}}));
  CHECK(chat.body() == json::parse(R"({"model":"model","stream":true,"max_tokens":9,"temperature":0.5,"p":0.9,"k":3,
    "frequency_penalty":0.1,"presence_penalty":0.2,"seed":4,"logprobs":true,"stop_sequences":["a","\n"],
    "response_format":{"type":"json_object","json_schema":{"type":"object"}},"documents":[{"id":"d"}],
    "messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]})"));
  CHECK(chat.notes() == std::vector<std::string>{"parameter_dropped", "parameter_dropped"});
  CHECK(chat_of(one_user({{"responseFormat", {{"type", "json"}}}})).body()["response_format"] ==
        json({{"type", "json_object"}}));
}

TEST_CASE("cohere: tools, and the choices there are") {
  const auto with = [](const json& choice) {
    return chat_of(one_user({{"tools", tools()}, {"toolChoice", choice}})).body();
  };
  CHECK(with("auto")["tools"] == json::parse(R"([
    {"type":"function","function":{"name":"f","description":"does","parameters":{"type":"object","properties":{}}}},
    {"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}])"));
  CHECK_FALSE(with("auto").contains("tool_choice"));
  CHECK(with("none")["tool_choice"] == "NONE");
  CHECK(with("required")["tool_choice"] == "REQUIRED");
  const json named = with({{"type", "tool"}, {"toolName", "g"}});
  CHECK(named["tool_choice"] == "REQUIRED");
  REQUIRE(named["tools"].size() == 1);
  CHECK(named["tools"][0]["function"]["name"] == "g");

  auto last = chat_of(one_user({{"tools", tools()}, {"toolChoice", "required"}}));
  last.offer_tools = false;
  CHECK(last.body()["tool_choice"] == "NONE");
  CHECK(last.body()["tools"].size() == 2);

  json strict = tools();
  strict[1]["strict"] = true;
  strict.push_back({{"executor", "provider"}, {"definition", {{"type", "own"}}}});
  const json body = chat_of(one_user({{"tools", strict}})).body();
  CHECK(body["strict_tools"] == true);
  CHECK(body["tools"][2] == json({{"type", "own"}}));
}

TEST_CASE("cohere: what the API refuses beside something else is left out, and the parent is told") {
  const auto chat = chat_of(one_user({{"tools", tools()}, {"responseFormat", {{"type", "json"}}}}));
  CHECK_FALSE(chat.body().contains("response_format"));
  CHECK(chat.notes() == std::vector<std::string>{"parameter_dropped"});
}

TEST_CASE("cohere: thinking has budgets, and only models that think take it") {
  const auto with = [](const json& reasoning, const std::string& model) {
    auto chat = chat_of(one_user({{"reasoning", reasoning}}));
    chat.target.model = model;
    return std::pair(chat.body().value("thinking", json()), chat.notes().size());
  };
  const std::string thinks = "command-a-reasoning-08-2025";
  CHECK(with({{"budgetTokens", 500}}, thinks) ==
        std::pair(json({{"type", "enabled"}, {"token_budget", 500}}), std::size_t{0}));
  CHECK(with({{"effort", "high"}}, thinks) == std::pair(json({{"type", "enabled"}}), std::size_t{1}));
  CHECK(with({{"effort", "none"}}, thinks) == std::pair(json({{"type", "disabled"}}), std::size_t{0}));
  CHECK(with({{"budgetTokens", 0}}, thinks) == std::pair(json({{"type", "disabled"}}), std::size_t{0}));
  CHECK(with({{"effort", "high"}}, "command-r-08-2024") == std::pair(json(), std::size_t{1}));
  CHECK(with({{"effort", "none"}}, "command-a-03-2025") == std::pair(json(), std::size_t{0}));
}

TEST_CASE("cohere: roles, images, and what cannot be sent") {
  const json payload = {
      {"system", "sys"},
      {"messages",
       {says("system", json{text_part("a"), text_part("b")}),
        says("user", json{text_part("look"),
                          {{"type", "image"}, {"mediaType", "image/jpeg"}, {"data", "/9j/4A=="}},
                          {{"type", "image"}, {"url", "https://x/y.png"}},
                          {{"type", "file"}, {"mediaType", "application/pdf"}, {"data", "JVBERi0="}}}),
        says("assistant", json{text_part("x"), text_part("y")})}}};
  const auto chat = chat_of(payload);
  CHECK(chat.body()["messages"] == json::parse(R"([
    {"role":"system","content":[{"type":"text","text":"sys"}]},
    {"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
    {"role":"user","content":[{"type":"text","text":"look"},
      {"type":"image_url","image_url":{"url":"data:image/jpeg;base64,/9j/4A=="}},
      {"type":"image_url","image_url":{"url":"https://x/y.png"}},
      {"type":"text","text":"[a file of type application/pdf was left out: it cannot be read here]"}]},
    {"role":"assistant","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]}])"));
  CHECK(chat.notes() == std::vector<std::string>{"media_replaced"});
}

TEST_CASE("cohere: tool calls and every kind of result") {
  json as_written = call_part("b", {{"y", 1}});
  as_written["inputText"] = "{ \"y\": 1}";
  const json image = {{"type", "image"}, {"mediaType", "image/png"}, {"data", "iVBORw0KGgo="}};
  const json document = {{"id", "d"}, {"data", {{"title", "t"}}}};
  const json payload = {
      {"messages",
       {says("assistant", {call_part("a", {{"x", "\"q\""}}), as_written, call_part("c", json::object()),
                           call_part("d", json::object()), call_part("e", json::object())}),
        says("tool", {result_part("a", "text", "plain \"text\""), result_part("b", "json", {{"k", "v"}}),
                      result_part("c", "content", {text_part("see"), image}), result_part("d", "error-text", "bad"),
                      result_part("e", "json", {document, {{"data", "words"}}})}),
        says("user", "next")}}};
  const json messages = chat_of(payload).body()["messages"];
  REQUIRE(messages.size() == 8);
  CHECK_FALSE(messages[0].contains("content"));
  CHECK(messages[0]["tool_calls"][0] ==
        json::parse(R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":\"\\\"q\\\"\"}"}})"));
  CHECK(messages[0]["tool_calls"][1]["function"]["arguments"] == "{ \"y\": 1}");
  CHECK(messages[1] == json({{"role", "tool"}, {"tool_call_id", "a"}, {"content", "plain \"text\""}}));
  CHECK(messages[2]["content"] == R"({"k":"v"})");
  CHECK(messages[3]["content"] == json::array({text_part("see")}));
  CHECK(messages[4]["content"] == "bad");
  CHECK(messages[5]["content"] == json::array({{{"type", "document"}, {"document", document}},
                                               {{"type", "document"}, {"document", {{"data", "words"}}}}}));
  // Images follow all results of the turn, in front of what the user says next.
  CHECK(messages[6]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo=");
  CHECK(messages[7]["content"][0]["text"] == "next");
}

TEST_CASE("cohere: JSON that only looks like a document stays text") {
  for (const json& value : {json({{"data", {{"a", 1}}}, {"more", 1}}), json({{"data", 1}}), json({{"id", "x"}}),
                            json::array({{{"data", "x"}}, 7}), json::array()}) {
    const json payload = {
        {"messages",
         {says("assistant", {call_part("a", json::object())}), says("tool", {result_part("a", "json", value)})}}};
    CHECK(chat_of(payload).body()["messages"][1]["content"] == value.dump());
  }
}

TEST_CASE("cohere: a longer history starts with the same bytes") {
  const json payload = {
      {"system", "s"},
      {"tools", tools()},
      {"messages",
       {says("user", "one"), says("assistant", {text_part("two"), call_part("a", {{"x", 1}})}),
        says("tool", {result_part("a", "json", {{"k", 1}})}), says("assistant", "three"), says("user", "four")}}};
  check_prefixes(Api::cohere_chat, payload, "]}");
  CHECK(chat_of(payload).text() == chat_of(payload).text());
}

TEST_CASE("cohere: thinking and the tool plan go back as they came, to Cohere alone") {
  const auto answer = decode(cohere_chat::kApi, BodyFormat::unary,
                             R"({"message":{"tool_plan":"I will \"look\" \u20ac","content":[{"type":"thinking",
      "thinking":"hm"}],"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},
      "finish_reason":"TOOL_CALL"})");
  REQUIRE(answer.states.size() == 2);
  std::string plan, thinking;
  for (const auto& [part, state] : answer.states) (answer.parts.contains(part) ? thinking : plan) = state;
  json payload = {{"messages",
                   {says("assistant", {{{"type", "reasoning"}, {"text", "hm"}, {"providerState", thinking}},
                                       {{"type", "provider"}, {"providerState", plan}},
                                       call_part("a", json::object())})}}};
  const json message = chat_of(payload).body()["messages"][0];
  CHECK(message["content"] == json::parse(R"([{"type":"thinking","thinking":"hm"}])"));
  CHECK(message["tool_plan"] == "I will \"look\" \xE2\x82\xAC");

  for (const char* foreign : {"anthropic-messages:{\"signature\":\"S\"}", "cohere-chat:{oops", "cohere-chat:[]"}) {
    payload["messages"][0]["content"][0]["providerState"] = foreign;
    payload["messages"][0]["content"][1]["providerState"] = foreign;
    const json dropped = chat_of(payload).body()["messages"][0];
    CHECK_FALSE(dropped.contains("content"));
    CHECK_FALSE(dropped.contains("tool_plan"));
  }
}

TEST_CASE("cohere: the list of models, page by page") {
  Target target;
  target.base_url = "https://api.cohere.com/v2";
  target.api_key = "k";
  const auto first = cohere_chat::kApi.list_models(target, "", {});
  REQUIRE(first);
  CHECK(first->method == "GET");
  CHECK(first->url == "https://api.cohere.com/v1/models?endpoint=chat&page_size=1000");
  CHECK(cohere_chat::kApi.list_models(target, "a/b=", {})->url.ends_with("&page_token=a%2Fb%3D"));
  const auto page = cohere_chat::kApi.read_models(
      R"({"models":[{"name":"command-a-03-2025","context_length":288000.0},{"name":""},7],"next_page_token":"n"})");
  REQUIRE(page);
  REQUIRE(page->models.size() == 1);
  CHECK(page->models[0].id == "command-a-03-2025");
  CHECK(page->models[0].context_tokens == 288000);
  CHECK(page->next == "n");
  CHECK_FALSE(cohere_chat::kApi.read_models("{}"));
}
