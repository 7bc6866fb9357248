// Requests to Ollama's own API, as its API document describes them.
#include <doctest/doctest.h>

#include "tests/providers/corpus.hpp"
#include "tests/providers/wire_chat.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;
using nlohmann::json;

namespace {

json one_user(const json& more = json::object()) {
  json payload = {{"messages", {says("user", "hi")}}};
  payload.update(more);
  return payload;
}

json image() { return {{"type", "image"}, {"mediaType", "image/png"}, {"data", "iVBORw0KGgo="}}; }

json tools() {
  return {{{"name", "f"}, {"description", "does"}, {"inputSchema", {{"type", "object"}}}}, {{"name", "g"}}};
}

}  // namespace

TEST_CASE("ollama: the smallest requests, byte for byte, and where they go") {
  WireChat chat(Api::ollama_chat, one_user());
  WireChat generate(Api::ollama_generate, one_user());
  CHECK(chat.text() == R"({"model":"model","stream":true,"messages":[{"role":"user","content":"hi"}]})");
  CHECK(generate.text() == R"({"model":"model","stream":true,"prompt":"hi"})");
  CHECK(chat.header("Authorization").empty());
  CHECK(chat.header("Accept") == "application/x-ndjson");
  for (const char* base : {"http://localhost:11434", "http://localhost:11434/", "http://localhost:11434/v1",
                           "http://localhost:11434/api/"}) {
    chat.target.base_url = generate.target.base_url = base;
    CHECK(chat.built().http.url == "http://localhost:11434/api/chat");
    CHECK(generate.built().http.url == "http://localhost:11434/api/generate");
  }
  chat.chat->stream.upstream = false;
  CHECK(chat.body()["stream"] == false);
  chat.target.api_key = "cloud";
  CHECK(chat.header("Authorization") == "Bearer cloud");
}

TEST_CASE("ollama: options have their names and places") {
  const json payload =
      one_user({{"maxOutputTokens", 9},
                {"temperature", 0.5},
                {"topP", 0.9},
                {"topK", 3},
                {"frequencyPenalty", 0.1},
                {"presencePenalty", 0.2},
                {"seed", 4},
                {"logprobs", true},
                {"stopSequences", {"a"}},
                {"responseFormat", {{"type", "json"}, {"schema", {{"type", "object"}}}}},
                {"providerOptions", {{"keep_alive", "5m"}, {"options", {{"num_ctx", 8192}}}, {"stream", false}}}});
  const json options = json::parse(R"({"num_predict":9,"temperature":0.5,"top_p":0.9,"top_k":3,"seed":4,
    "frequency_penalty":0.1,"presence_penalty":0.2,"stop":["a"],"num_ctx":8192})");
  for (const Api api : {Api::ollama_chat, Api::ollama_generate}) {
    const WireChat chat(api, payload);
    const json body = chat.body();
    CHECK(body["options"] == options);
    CHECK(body["logprobs"] == true);
    CHECK(body["format"] == json({{"type", "object"}}));
    CHECK(body["keep_alive"] == "5m");
    CHECK(body["stream"] == true);
    CHECK(chat.notes() == std::vector<std::string>{"parameter_dropped"});
  }
  CHECK(WireChat(Api::ollama_chat, one_user({{"responseFormat", {{"type", "json"}}}})).body()["format"] == "json");
}

TEST_CASE("ollama: think is a switch or a level") {
  const auto think = [](const json& reasoning) {
    const WireChat chat(Api::ollama_chat, one_user({{"reasoning", reasoning}}));
    return std::pair(chat.body().value("think", json()), chat.notes().size());
  };
  using Result = std::pair<json, std::size_t>;
  CHECK(think({{"effort", "none"}}) == Result{false, 0});
  CHECK(think({{"effort", "minimal"}}) == Result{"low", 0});
  CHECK(think({{"effort", "medium"}}) == Result{"medium", 0});
  CHECK(think({{"effort", "xhigh"}}) == Result{"high", 0});
  CHECK(think({{"budgetTokens", 100}}) == Result{true, 1});
  CHECK(think({{"budgetTokens", 0}}) == Result{false, 0});
}

TEST_CASE("ollama: tools, and choices that it does not have") {
  const auto with = [](const json& more) {
    json payload = one_user({{"tools", tools()}});
    payload.update(more);
    return WireChat(Api::ollama_chat, payload);
  };
  const WireChat plain = with(json::object());
  CHECK(plain.body()["tools"] == json::parse(R"([
    {"type":"function","function":{"name":"f","description":"does","parameters":{"type":"object"}}},
    {"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}])"));
  CHECK(plain.notes().empty());
  CHECK_FALSE(with({{"toolChoice", "none"}}).body().contains("tools"));
  CHECK(with({{"toolChoice", "required"}, {"parallelToolCalls", false}}).notes().size() == 2);
  WireChat last = with(json::object());
  last.offer_tools = false;
  CHECK_FALSE(last.body().contains("tools"));
  const WireChat generate(Api::ollama_generate, one_user({{"tools", tools()}}));
  CHECK_FALSE(generate.body().contains("tools"));
  CHECK(generate.notes() == std::vector<std::string>{"parameter_dropped"});
}

TEST_CASE("ollama: roles, images, calls and results") {
  const json payload = {
      {"system", "sys"},
      {"messages",
       {says("user", json{text_part("look"), image(), text_part("here")}),
        says("assistant", {text_part("x"), text_part("y"), call_part("a", {{"k", 1}}), call_part("b", json::object())}),
        says("tool",
             {result_part("a", "json", {{"v", "w"}}), result_part("b", "content", {text_part("see"), image()})}),
        says("system", "later")}}};
  CHECK(WireChat(Api::ollama_chat, payload).body()["messages"] == json::parse(R"([
    {"role":"system","content":"sys"},
    {"role":"user","content":"look\nhere","images":["iVBORw0KGgo="]},
    {"role":"assistant","content":"xy","tool_calls":[{"function":{"name":"f","arguments":{"k":1}}},
                                                     {"function":{"name":"f","arguments":{}}}]},
    {"role":"tool","content":"{\"v\":\"w\"}","tool_name":"f"},
    {"role":"tool","content":"see","tool_name":"f","images":["iVBORw0KGgo="]},
    {"role":"system","content":"later"}])"));
}

TEST_CASE("ollama: an image by URL is refused, other media is left out") {
  for (const Api api : {Api::ollama_chat, Api::ollama_generate}) {
    const json by_url = {
        {"messages", {says("user", "a"), says("user", json{{{"type", "image"}, {"url", "https://x/y"}}})}}};
    const auto refused = WireChat(api, by_url).build();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "invalid_request");
    CHECK(refused.error().pointer == "/payload/messages/1");
    const json pdf = {{"type", "file"}, {"mediaType", "application/pdf"}, {"data", "JVBERi0="}};
    const WireChat dropped(api, {{"messages", {says("user", json{text_part("a"), pdf})}}});
    CHECK(dropped.notes() == std::vector<std::string>{"media_dropped"});
    CHECK(dropped.text().find("JVBERi0=") == std::string::npos);
  }
}

TEST_CASE("ollama: a longer history starts with the same bytes") {
  const json payload = {
      {"system", "s"},
      {"tools", tools()},
      {"messages",
       {says("user", json{text_part("one"), image()}), says("assistant", {call_part("a", {{"x", 1}})}),
        says("tool", {result_part("a", "text", "r")}), says("assistant", "two"), says("user", "three")}}};
  check_prefixes(Api::ollama_chat, payload, "]}");
}

TEST_CASE("ollama: thinking goes back where it came from") {
  json payload = {{"messages",
                   {says("assistant",
                         {{{"type", "reasoning"}, {"text", "hm"}, {"providerState", "ollama-chat:{\"thinking\":true}"}},
                          call_part("a", json::object())})}}};
  CHECK(WireChat(Api::ollama_chat, payload).body()["messages"][0]["thinking"] == "hm");
  payload["messages"][0]["content"][0]["providerState"] = "cohere-chat:{\"type\":\"thinking\"}";
  CHECK_FALSE(WireChat(Api::ollama_chat, payload).body()["messages"][0].contains("thinking"));
}

TEST_CASE("generate: system, images and the prompt of one user message") {
  const WireChat chat(
      Api::ollama_generate,
      {{"system", "a"},
       {"messages", {says("system", "b"), says("user", json{text_part("x"), text_part("y"), image()})}}});
  CHECK(chat.text() == R"({"model":"model","stream":true,"system":"a\nb","prompt":"x\ny","images":["iVBORw0KGgo="]})");
}

TEST_CASE("generate: a conversation is a transcript, or goes on from the context of its last answer") {
  const auto answer = decode(ollama::kGenerateApi, BodyFormat::unary,
                             R"({"response":"Hi","done":true,"done_reason":"stop","context":[1,2]})");
  REQUIRE(answer.states.size() == 1);
  json said = text_part("Hi");
  json payload = {
      {"messages", {says("system", "s"), says("user", "one"), says("assistant", json{said}), says("user", "two")}}};
  CHECK(
      WireChat(Api::ollama_generate, payload).text() ==
      R"({"model":"model","stream":true,"system":"s","prompt":"User: one\n\nAssistant: Hi\n\nUser: two\n\nAssistant:"})");
  said["providerState"] = answer.states[0].second;
  payload["messages"][2] = says("assistant", json{said});
  CHECK(WireChat(Api::ollama_generate, payload).text() ==
        R"({"model":"model","stream":true,"system":"s","context":[1,2],"prompt":"two"})");
  said["providerState"] = "ollama-generate:{\"context\":7}";
  payload["messages"][2] = says("assistant", json{said});
  CHECK_FALSE(WireChat(Api::ollama_generate, payload).body().contains("context"));
}

TEST_CASE("ollama: a conversation that cannot fit the context is warned of, since Ollama cuts it silently") {
  const auto notes = [](std::size_t bytes, const json& options) {
    const json payload = {{"messages", {says("user", std::string(bytes, 'x'))}}, {"providerOptions", options}};
    return WireChat(Api::ollama_chat, payload).notes();
  };
  const json small = {{"options", {{"num_ctx", 1000}}}};
  CHECK(notes(7'900, small).empty());
  CHECK(notes(8'000, small) == std::vector<std::string>{"context_exceeded"});
  CHECK(notes(1'000'000, {{"options", {{"num_ctx", "many"}}}}).empty());
  CHECK(notes(1'000'000, {{"keep_alive", 1}}).empty());
}

TEST_CASE("a model's limit bounds what Cohere, Ollama and completions are asked for") {
  for (const auto& [api, where] :
       {std::pair(Api::cohere_chat, "/max_tokens"), std::pair(Api::ollama_chat, "/options/num_predict"),
        std::pair(Api::openai_completions, "/max_tokens")}) {
    WireChat chat(api, one_user({{"maxOutputTokens", 100}}));
    chat.target.max_tokens = 50;
    CHECK(chat.body()[json::json_pointer(where)] == 50);
    CHECK(chat.notes() == std::vector<std::string>{"max_tokens_lowered"});
  }
}

TEST_CASE("ollama: the list of models") {
  Target target;
  target.base_url = "http://localhost:11434/v1";
  const auto request = ollama::kChatApi.list_models(target, "", {});
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->url == "http://localhost:11434/api/tags");
  const auto page =
      ollama::kChatApi.read_models(R"({"models":[{"name":"a:latest","model":"a:latest"},{"name":"b"},{}]})");
  REQUIRE(page);
  REQUIRE(page->models.size() == 2);
  CHECK(page->models[0].id == "a:latest");
  CHECK(page->models[1].id == "b");
  CHECK(page->next.empty());
  CHECK_FALSE(ollama::kChatApi.read_models("[]"));
}
