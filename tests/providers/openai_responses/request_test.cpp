// Requests of the Responses API, from chat lines as parents write them.
#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "protocol/decode.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using nlohmann::json;

namespace {

struct Sent {
  std::string url, text;
  json body;
  std::vector<std::string> notes;  // code and message
};

Target target_for(std::string model) {
  Target target;
  target.model = target.shown_as = std::move(model);
  target.api = Api::openai_responses;
  target.base_url = "https://api.openai.com/v1";
  target.api_key = "sk-test";
  return target;
}

Sent send(const json& payload, const Target& target, bool offer_tools = true) {
  const std::string line = json{{"id", "1"}, {"type", "chat"}, {"payload", payload}}.dump();
  auto decoded = decode_line({line, false});
  REQUIRE(std::holds_alternative<std::unique_ptr<ChatRequest>>(decoded));
  const auto& chat = *std::get<std::unique_ptr<ChatRequest>>(decoded);
  auto built = openai_responses::kApi.build({chat, chat.messages, target, offer_tools});
  REQUIRE(built);
  Sent sent{built->http.url, built->http.body.str(), {}, {}};
  sent.body = json::parse(sent.text);
  for (const auto& note : built->notes) sent.notes.push_back(note.code + " " + note.message);
  return sent;
}

Sent send(const json& payload, std::string model = "gpt-4o") { return send(payload, target_for(std::move(model))); }

json chat(std::vector<json> messages, json more = json::object()) {
  more["messages"] = std::move(messages);
  return more;
}
json says(const char* role, const json& content) { return {{"role", role}, {"content", content}}; }
json user(const json& content) { return says("user", content); }
json parts(const std::vector<json>& list) { return list; }
json state(const json& value) { return "openai-responses:" + value.dump(-1, ' ', true); }
json text(const char* words, const json& value = json()) {
  json part = {{"type", "text"}, {"text", words}};
  if (!value.is_null()) part["providerState"] = state({{"text", value}});
  return part;
}
json call(const char* id, const json& value = json()) {
  json part = {{"type", "tool-call"}, {"toolCallId", id}, {"toolName", "f"}, {"input", {{"x", 1}}}};
  if (!value.is_null()) part["providerState"] = state(value);
  return part;
}
json result(const char* id, const char* type, const json& value) {
  const json part = {
      {"type", "tool-result"}, {"toolCallId", id}, {"toolName", "f"}, {"output", {{"type", type}, {"value", value}}}};
  return says("tool", parts({part}));
}
json reasoning(const json& item) {
  return {{"type", "reasoning"}, {"text", "t"}, {"providerState", state({{"item", item}})}};
}
json function(const json& schema, const json& strict = json()) {
  return {{"name", "f"}, {"inputSchema", schema}, {"strict", strict}};
}

const json kReasoning = {
    {"type", "reasoning"}, {"id", "rs_1"}, {"encrypted_content", "gAAA/+="}, {"summary", json::array()}};
const json kClosed = {{"type", "object"},
                      {"properties", {{"x", {{"type", "string"}}}}},
                      {"required", {"x"}},
                      {"additionalProperties", false}};
const json kOpen = {{"type", "object"}, {"properties", {{"x", {{"type", "string"}}}}}};

bool noted(const Sent& sent, std::string_view words) {
  for (const auto& note : sent.notes) {
    if (note.contains(words)) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("responses request: nothing is stored, and the conversation comes last") {
  const auto sent = send(chat({user("Hi")}, {{"system", "Be brief."}, {"maxOutputTokens", 9}}));
  CHECK(sent.url == "https://api.openai.com/v1/responses");
  CHECK(sent.text ==
        R"({"model":"gpt-4o","stream":true,"store":false,"instructions":"Be brief.","max_output_tokens":9,)"
        R"("input":[{"role":"user","content":[{"type":"input_text","text":"Hi"}]}]})");
}

TEST_CASE("responses request: encrypted reasoning is asked of models that reason, and where reasoning is asked for") {
  const json kept = {"reasoning.encrypted_content"};
  for (const char* model : {"gpt-5", "gpt-5.4-nano", "o4-mini", "openai/gpt-5-mini", "openai.gpt-5.6", "grok-4"}) {
    CHECK(send(chat({user("x")}), model).body["include"] == kept);
  }
  for (const char* model : {"gpt-4o", "gpt-5-chat-latest", "grok-4-fast-non-reasoning", "oracle", "gpt-50"}) {
    CHECK_FALSE(send(chat({user("x")}), model).body.contains("include"));
  }
  const auto asked = send(chat({user("x")}, {{"reasoning", {{"effort", "high"}}}, {"logprobs", true}}), "a-deployment");
  CHECK(asked.body["include"] == json{"reasoning.encrypted_content", "message.output_text.logprobs"});
  CHECK(asked.body["reasoning"] == json{{"effort", "high"}});
  // A plain model refuses both.
  const auto plain = send(chat({user("x")}, {{"reasoning", {{"effort", "high"}}}}), "gpt-4o");
  CHECK_FALSE(plain.body.contains("include"));
  CHECK_FALSE(plain.body.contains("reasoning"));
  CHECK(noted(plain, "reasoning.effort"));
}

TEST_CASE("responses request: providerOptions change and remove what the worker sends unasked") {
  const auto sent = send(chat({user("x")}, {{"reasoning", {{"effort", "low"}}},
                                            {"providerOptions",
                                             {{"store", nullptr},
                                              {"include", nullptr},
                                              {"reasoning", {{"summary", "auto"}}},
                                              {"text", {{"verbosity", "low"}}},
                                              {"input", "mine"}}}}),
                         "gpt-5");
  CHECK_FALSE(sent.body.contains("store"));
  CHECK_FALSE(sent.body.contains("include"));
  CHECK(sent.body["reasoning"] == json{{"effort", "low"}, {"summary", "auto"}});
  CHECK(sent.body["text"] == json{{"verbosity", "low"}});
  CHECK(sent.body["input"].is_array());
  CHECK(noted(sent, "providerOptions.input"));
}

TEST_CASE("responses request: what the API or a model does not take is left out and said") {
  const json sampling = {{"temperature", 0.5}, {"topP", 0.9}, {"topK", 3}, {"seed", 1}, {"stopSequences", {"a"}}};
  const auto plain = send(chat({user("x")}, sampling));
  CHECK(plain.body["temperature"] == 0.5);
  CHECK(plain.body["top_p"] == 0.9);
  CHECK(plain.notes.size() == 3);
  for (const char* name : {"topK", "seed", "stopSequences"}) CHECK(noted(plain, name));
  const auto thinking = send(chat({user("x")}, sampling), "gpt-5-mini");
  CHECK_FALSE(thinking.body.contains("temperature"));
  CHECK(noted(thinking, "temperature"));
  CHECK(send(chat({user("x")}, sampling), "gpt-5.4").body.contains("temperature"));
  json none = sampling;
  none["reasoning"] = {{"effort", "none"}};
  CHECK(send(chat({user("x")}, none), "gpt-5.5").body.contains("temperature"));
  none["reasoning"] = {{"effort", "low"}};
  CHECK_FALSE(send(chat({user("x")}, none), "gpt-5.4").body.contains("temperature"));
  Target small = target_for("gpt-4o");
  small.max_tokens = 5;
  const auto limited = send(chat({user("x")}, {{"maxOutputTokens", 9}}), small);
  CHECK(limited.body["max_output_tokens"] == 5);
  CHECK(noted(limited, "max_tokens_lowered"));
}

TEST_CASE("responses request: Azure's address") {
  Target target = target_for("my-deployment");
  target.api = Api::azure_openai_responses;
  target.base_url = "https://r.openai.azure.com";
  CHECK(send(chat({user("x")}), target).url == "https://r.openai.azure.com/openai/v1/responses");
  target.api_version = "2025-03-01-preview";
  CHECK(send(chat({user("x")}), target).url ==
        "https://r.openai.azure.com/openai/responses?api-version=2025-03-01-preview");
}

TEST_CASE("responses request: system messages keep their place, under the name that the model knows") {
  const json payload = chat({says("system", "a"), user("b"), says("system", "c")});
  CHECK(send(payload).body["input"][2]["role"] == "system");
  CHECK(send(payload, "o3").body["input"][0]["role"] == "developer");
}

TEST_CASE("responses request: media") {
  const auto sent =
      send(chat({user(parts({{{"type", "image"}, {"url", "https://h/i.png"}},
                             {{"type", "image"}, {"data", "QQ=="}, {"mediaType", "image/jpeg"}},
                             {{"type", "image"}, {"fileId", "file-1"}},
                             {{"type", "file"}, {"data", "QQ=="}, {"mediaType", "application/pdf"}},
                             {{"type", "file"}, {"url", "https://h/a.pdf"}, {"mediaType", "application/pdf"}},
                             {{"type", "audio"}, {"data", "QQ=="}, {"mediaType", "audio/wav"}}}))}));
  CHECK(sent.body["input"][0]["content"] ==
        json{{{"type", "input_image"}, {"image_url", "https://h/i.png"}},
             {{"type", "input_image"}, {"image_url", "data:image/jpeg;base64,QQ=="}},
             {{"type", "input_image"}, {"file_id", "file-1"}},
             {{"type", "input_file"}, {"filename", "file.pdf"}, {"file_data", "data:application/pdf;base64,QQ=="}},
             {{"type", "input_file"}, {"file_url", "https://h/a.pdf"}}});
  CHECK(noted(sent, "audio"));
}

TEST_CASE("responses request: reasoning, call and text go back as the items they were, in order") {
  const auto sent = send(
      chat({user("x"),
            says("assistant", parts({reasoning(kReasoning), text("So:", {{"id", "msg_1"}, {"phase", "commentary"}}),
                                     call("call_1", {{"call", {{"id", "fc_1"}, {"namespace", "n"}}}})})),
            result("call_1", "json", {{"ok", true}})}));
  const json input = sent.body["input"];
  REQUIRE(input.size() == 5);
  CHECK(input[1] == kReasoning);
  CHECK(input[2] == json{{"type", "message"},
                         {"role", "assistant"},
                         {"id", "msg_1"},
                         {"phase", "commentary"},
                         {"status", "completed"},
                         {"content", {{{"type", "output_text"}, {"text", "So:"}, {"annotations", json::array()}}}}});
  CHECK(input[3] == json{{"type", "function_call"},
                         {"id", "fc_1"},
                         {"namespace", "n"},
                         {"call_id", "call_1"},
                         {"name", "f"},
                         {"arguments", "{\"x\":1}"}});
  CHECK(input[4] == json{{"type", "function_call_output"}, {"call_id", "call_1"}, {"output", "{\"ok\":true}"}});
}

TEST_CASE("responses request: reasoning that cannot be replayed is left out, and with it the ids that need it") {
  json bare = kReasoning;
  bare.erase("encrypted_content");
  const json payload =
      chat({user("x"),
            says("assistant",
                 parts({reasoning(bare), call("call_1", {{"call", {{"id", "fc_1"}}}}), text("y", {{"id", "msg_1"}})})),
            result("call_1", "text", "r")});
  const json input = send(payload).body["input"];
  REQUIRE(input.size() == 4);
  CHECK(input[1]["type"] == "function_call");
  CHECK_FALSE(input[1].contains("id"));
  CHECK(input[2] == json{{"role", "assistant"}, {"content", {{{"type", "output_text"}, {"text", "y"}}}}});
  json stored = payload;
  stored["providerOptions"] = {{"store", true}};
  CHECK(send(stored).body["input"][1] == bare);
  bare["content"] = {{{"type", "reasoning_text"}, {"text", "plain"}}};
  CHECK(send(chat({user("x"), says("assistant", parts({reasoning(bare)}))})).body["input"][1] == bare);
}

TEST_CASE("responses request: another provider's states are nothing to this one") {
  const auto sent = send(chat(
      {user("x"),
       says("assistant", parts({{{"type", "reasoning"}, {"text", "t"}, {"providerState", "anthropic-messages:{}"}},
                                {{"type", "provider"}, {"providerState", "anthropic-messages:{}"}},
                                {{"type", "text"}, {"text", "y"}, {"providerState", "openai-chat:{}"}},
                                {{"type", "text"}, {"text", "z"}, {"providerState", "openai-responses:{broken"}}}))}));
  CHECK(sent.body["input"].size() == 2);
  CHECK(sent.body["input"][1]["content"].size() == 2);
}

TEST_CASE("responses request: items of the API's own tools go back whole, a made image with its bytes") {
  const json search = {{"type", "web_search_call"}, {"id", "ws"}, {"action", {{"query", "\xC3\xA9"}}}};
  const json image = {{"type", "image_generation_call"}, {"id", "ig"}};
  const auto sent = send(
      chat({user("x"), says("assistant", parts({{{"type", "provider"}, {"providerState", state({{"item", search}})}},
                                                {{"type", "file"},
                                                 {"mediaType", "image/png"},
                                                 {"data", "QQ=="},
                                                 {"providerState", state({{"item", image}})}}}))}));
  CHECK(sent.body["input"][1] == search);
  CHECK(sent.body["input"][2] == json{{"type", "image_generation_call"}, {"id", "ig"}, {"result", "QQ=="}});
}

TEST_CASE("responses request: each kind of client call gets the output that the API wants for it") {
  const auto answered = [](const json& item, const char* type, const json& value) {
    const json part = call("call_x", {{"item", item}});
    return send(chat({user("x"), says("assistant", parts({part})), result("call_x", type, value)})).body["input"][2];
  };
  const json shell = {{"type", "shell_call"}, {"call_id", "call_1"}};
  CHECK(answered(shell, "text", "a\n") ==
        json{{"type", "shell_call_output"},
             {"call_id", "call_1"},
             {"output", {{{"stdout", "a\n"}, {"stderr", ""}, {"outcome", {{"type", "exit"}, {"exit_code", 0}}}}}}});
  CHECK(answered(shell, "json", json::array({{{"stdout", "b"}}}))["output"] == json::array({{{"stdout", "b"}}}));
  CHECK(answered({{"type", "local_shell_call"}, {"call_id", "call_1"}}, "text", "a") ==
        json{{"type", "local_shell_call_output"}, {"call_id", "call_1"}, {"output", "a"}});
  CHECK(answered({{"type", "apply_patch_call"}, {"call_id", "call_1"}}, "error-text", "no such file") ==
        json{{"type", "apply_patch_call_output"},
             {"call_id", "call_1"},
             {"status", "failed"},
             {"output", "no such file"}});
  CHECK(answered({{"type", "computer_call"}, {"call_id", "call_1"}}, "content",
                 json::array({{{"type", "image"}, {"data", "QQ=="}, {"mediaType", "image/png"}}})) ==
        json{{"type", "computer_call_output"},
             {"call_id", "call_1"},
             {"output", {{"type", "computer_screenshot"}, {"image_url", "data:image/png;base64,QQ=="}}}});
  CHECK(answered({{"type", "tool_search_call"}, {"call_id", "call_1"}, {"execution", "client"}}, "json",
                 json::array({{{"name", "g"}}}))["tools"] == json::array({{{"name", "g"}}}));
}

TEST_CASE("responses request: a custom tool's input and output are text") {
  json made = call("call_1", {{"call", {{"id", "ct"}, {"type", "custom_tool_call"}}}});
  made["input"] = "SELECT \"a\"";
  const json input =
      send(chat({user("x"), says("assistant", parts({made})), result("call_1", "text", "1")})).body["input"];
  CHECK(
      input[1] ==
      json{
          {"type", "custom_tool_call"}, {"id", "ct"}, {"call_id", "call_1"}, {"name", "f"}, {"input", "SELECT \"a\""}});
  CHECK(input[2] == json{{"type", "custom_tool_call_output"}, {"call_id", "call_1"}, {"output", "1"}});
}

TEST_CASE("responses request: results with media are content parts") {
  const json content = {{{"type", "text"}, {"text", "see"}}, {{"type", "image"}, {"url", "https://h/i"}}};
  const json input =
      send(chat({user("x"), says("assistant", parts({call("c")})), result("c", "content", content)})).body["input"];
  CHECK(input[2]["output"] ==
        json{{{"type", "input_text"}, {"text", "see"}}, {{"type", "input_image"}, {"image_url", "https://h/i"}}});
}

TEST_CASE("responses request: a function is strict if asked, or if nobody said and the schema fits as it is") {
  const auto tool = [](const json& schema, const json& strict) {
    return send(chat({user("x")}, {{"tools", json::array({function(schema, strict)})}})).body["tools"][0];
  };
  CHECK(tool(kClosed, nullptr)["strict"] == true);
  CHECK(tool(kOpen, nullptr)["strict"] == false);
  CHECK(tool(kOpen, nullptr)["parameters"] == kOpen);
  CHECK(tool(kOpen, false)["parameters"] == kOpen);
  CHECK(tool(kOpen, true)["strict"] == true);
  CHECK(tool(kOpen, true)["parameters"]["additionalProperties"] == false);
}

TEST_CASE("responses request: structured output") {
  const auto format = [](const json& asked) {
    return send(chat({user("x")}, {{"responseFormat", asked}})).body["text"]["format"];
  };
  CHECK(format({{"type", "json"}}) == json{{"type", "json_object"}});
  CHECK(format({{"type", "json"}, {"schema", kClosed}, {"name", "n"}, {"description", "d"}}) ==
        json{{"type", "json_schema"}, {"name", "n"}, {"description", "d"}, {"schema", kClosed}, {"strict", true}});
  CHECK(format({{"type", "json"}, {"schema", kOpen}}) ==
        json{{"type", "json_schema"}, {"name", "response"}, {"schema", kOpen}, {"strict", false}});
}

TEST_CASE("responses request: tools of the API's own, and how one is chosen") {
  const json tools = {
      function(kClosed),
      {{"executor", "provider"}, {"definition", {{"type", "web_search"}, {"search_context_size", "low"}}}},
      {{"executor", "parent"}, {"name", "sql"}, {"definition", {{"type", "custom"}, {"name", "sql"}}}},
      {{"executor", "provider"}, {"definition", {{"type", "mcp"}, {"server_label", "dice"}}}}};
  const auto chosen = [&](const json& choice) {
    return send(chat({user("x")}, {{"tools", tools}, {"toolChoice", choice}})).body["tool_choice"];
  };
  const auto named = [](const char* name) { return json{{"type", "tool"}, {"toolName", name}}; };
  CHECK(send(chat({user("x")}, {{"tools", tools}})).body["tools"][1] == tools[1]["definition"]);
  CHECK(chosen("required") == "required");
  CHECK(chosen(named("f")) == json{{"type", "function"}, {"name", "f"}});
  CHECK(chosen(named("sql")) == json{{"type", "custom"}, {"name", "sql"}});
  CHECK(chosen(named("web_search")) == json{{"type", "web_search"}});
  CHECK(chosen(named("mcp")) == json{{"type", "mcp"}, {"server_label", "dice"}});
  const auto last = send(chat({user("x")}, {{"tools", tools}}), target_for("gpt-4o"), false);
  CHECK(last.body["tool_choice"] == "none");
  CHECK(last.body["tools"].size() == 4);
}

TEST_CASE("responses request: cache marks are said where explicit caching is asked for, and nowhere else") {
  json marked = text("long");
  marked["cache"] = "5m";
  json payload = chat({user(parts({marked}))});
  CHECK_FALSE(send(payload).body["input"][0]["content"][0].contains("prompt_cache_breakpoint"));
  payload["providerOptions"] = {{"prompt_cache_options", {{"mode", "explicit"}}}};
  CHECK(send(payload).body["input"][0]["content"][0]["prompt_cache_breakpoint"] == json{{"mode", "explicit"}});
}

TEST_CASE("responses request: a longer history begins with the same bytes") {
  std::vector<json> history = {user("x"), says("assistant", parts({reasoning(kReasoning), call("c")})),
                               result("c", "text", "r"), says("assistant", parts({text("y", {{"id", "m"}})})),
                               user("z")};
  const std::string whole = send(chat(history)).text;
  CHECK(whole == send(chat(history)).text);
  while (history.size() > 1) {
    history.pop_back();
    std::string shorter = send(chat(history)).text;
    shorter.resize(shorter.size() - 2);
    CHECK(whole.starts_with(shorter));
  }
}

TEST_CASE("responses request: what a decoder gave comes back byte for byte") {
  const std::string item =
      R"({"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA\u00e9\ud83d\ude00/+="})";
  const auto got =
      aiw::testing::decode(openai_responses::kApi, BodyFormat::stream,
                           "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":" + item +
                               "}\n\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[]}}\n\n");
  REQUIRE(got.states.size() == 1);
  const json part = {{"type", "reasoning"}, {"text", ""}, {"providerState", got.states[0].second}};
  CHECK(send(chat({user("x"), says("assistant", parts({part}))})).text.contains(item));
}

TEST_CASE("responses request: the list of models") {
  const WireApi& api = openai_responses::kApi;
  const auto request = api.list_models(target_for(""), {}, {});
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->url == "https://api.openai.com/v1/models");
  const auto page = api.read_models(R"({"data":[{"id":"gpt-5","object":"model"},{"id":"m","context_length":9}]})");
  REQUIRE(page);
  REQUIRE(page->models.size() == 2);
  CHECK(page->models[0].id == "gpt-5");
  CHECK(page->models[1].context_tokens == 9);
  CHECK(page->next.empty());
  CHECK_FALSE(api.read_models("{}").has_value());
}
