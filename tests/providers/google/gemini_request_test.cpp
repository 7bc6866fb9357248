// What is sent to Gemini for a chat.
#include <doctest/doctest.h>

#include "tests/providers/anthropic_messages/chat.hpp"
#include "worker/providers/schema/rewriter.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

struct Sent {
  HttpRequest http;
  json body;
  std::string text;
  std::vector<std::string> notes;
};

Chat gemini_chat(const json& payload, std::string model = "gemini-2.5-flash") {
  Chat chat = chat_of(payload);
  chat.target.api = Api::gemini_generate;
  chat.target.auth = Auth::x_goog_api_key;
  chat.target.model = chat.target.shown_as = std::move(model);
  chat.target.base_url = "https://generativelanguage.googleapis.com/v1beta";
  return chat;
}

Sent send(const Chat& chat) {
  auto built = google::kGeminiApi.build(
      {.chat = *chat.request, .messages = chat.request->messages, .target = chat.target, .offer_tools = true});
  REQUIRE(built);
  Sent sent{std::move(built->http), {}, {}, {}};
  sent.text = sent.http.body.str();
  sent.body = parse_strictly(sent.text);
  for (const auto& note : built->notes) sent.notes.push_back(note.code);
  return sent;
}

Sent send(const json& payload, std::string model = "gemini-2.5-flash") {
  return send(gemini_chat(payload, std::move(model)));
}
json contents(const json& messages, std::string model = "gemini-2.5-flash") {
  return send(json{{"messages", messages}}, std::move(model)).body["contents"];
}
json hello(json payload) {
  payload["messages"] = {user("hi")};
  return payload;
}
json gemini_state(const json& fields) { return "gemini:" + fields.dump(); }
json with_state(json part, const json& fields) {
  part["providerState"] = gemini_state(fields);
  return part;
}
json function(const json& schema) { return {{"name", "f"}, {"inputSchema", schema}}; }

std::string cleaned(const json& schema, std::vector<std::string>* messages = nullptr) {
  RequestNotes notes;
  const std::string text = schema.dump();
  SchemaBudget budget;
  std::string out = rewrite_schema(JsonSpan{text}, kGeminiSchemas, budget, notes).json;
  if (messages != nullptr) {
    for (const auto& note : notes.take()) messages->push_back(note.message);
  }
  return out;
}

}  // namespace

TEST_CASE("gemini: the model stands in the URL, the key in a header") {
  Chat chat = gemini_chat({{"messages", {user("hi")}}});
  chat.target.api_key = "secret-key";
  const auto sent = send(chat);
  CHECK(sent.http.url ==
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
  const auto key = std::ranges::find(sent.http.headers, "x-goog-api-key", &Header::name);
  REQUIRE(key != sent.http.headers.end());
  CHECK(key->value == "secret-key");
  CHECK(key->secret);
  CHECK_FALSE(sent.http.url.contains("secret-key"));
  CHECK_FALSE(sent.text.contains("secret-key"));
}

TEST_CASE("gemini: a base URL with or without its version and a slash") {
  const std::pair<const char*, const char*> urls[] = {
      {"https://h", "https://h/v1beta/models/m"},         {"https://h/", "https://h/v1beta/models/m"},
      {"https://h/v1beta/", "https://h/v1beta/models/m"}, {"https://h/v1", "https://h/v1/models/m"},
      {"https://h/gw", "https://h/gw/v1beta/models/m"},   {"https://h/x/v1alpha", "https://h/x/v1alpha/models/m"}};
  for (const auto& [base, url] : urls) {
    Chat chat = gemini_chat({{"messages", {user("hi")}}, {"stream", {{"upstream", false}}}}, "m");
    chat.target.base_url = base;
    CHECK(send(chat).http.url == std::string(url) + ":generateContent");
  }
  Chat chat = gemini_chat({{"messages", {user("hi")}}}, "tunedModels/a b?");
  CHECK(send(chat).http.url.contains("/v1beta/tunedModels/a%20b%3F:stream"));
}

TEST_CASE("gemini: a conversation is contents of user and model") {
  CHECK(contents({user("a"), user("b"), assistant("c"), user("d")}) ==
        json::parse(R"([{"role":"user","parts":[{"text":"a"},{"text":"b"}]},
                        {"role":"model","parts":[{"text":"c"}]},{"role":"user","parts":[{"text":"d"}]}])"));
}

TEST_CASE("gemini: system texts that come first are the instruction, later ones stay in place") {
  const auto sent = send(json{
      {"system", "one"},
      {"messages", {{{"role", "system"}, {"content", "two"}}, user("a"), {{"role", "system"}, {"content", "three"}}}}});
  CHECK(sent.body["systemInstruction"] == json::parse(R"({"parts":[{"text":"one"},{"text":"two"}]})"));
  CHECK(sent.body["contents"] ==
        json::parse(R"([{"role":"user","parts":[{"text":"a"},{"text":"<system>three</system>"}]}])"));
  CHECK(sent.notes == std::vector<std::string>{"system_in_place"});
}

TEST_CASE("gemini: the conversation is last, and a longer one begins with the same bytes") {
  json messages = {user("a"), assistant({text("b"), call("c1")}), tool(json::array({result("c1", text_output("r"))}))};
  json payload = {
      {"system", "s"}, {"temperature", 0.5}, {"tools", json::array({weather_tool()})}, {"messages", messages}};
  std::string shorter = send(payload).text;
  CHECK(shorter == send(payload).text);
  CHECK(shorter.ends_with("]}"));
  payload["messages"].push_back(assistant("d"));
  payload["messages"].push_back(user("e"));
  shorter.resize(shorter.find_last_not_of("]}") + 1);
  CHECK(send(payload).text.starts_with(shorter));
}

TEST_CASE("gemini: media by data and by URL") {
  const auto got =
      contents(json::array({user({{{"type", "image"}, {"data", "iVBORw0KGgoAAAA="}},
                                  {{"type", "file"}, {"mediaType", "application/pdf"}, {"url", "https://h/x"}},
                                  {{"type", "audio"}, {"url", "https://h/a.mp3?x=1"}},
                                  {{"type", "image"}, {"mediaType", "image/jpeg"}, {"fileId", "files/abc"}}})}));
  CHECK(got[0]["parts"] == json::parse(R"([{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAA="}},
      {"fileData":{"mimeType":"application/pdf","fileUri":"https://h/x"}},
      {"fileData":{"mimeType":"audio/mpeg","fileUri":"https://h/a.mp3?x=1"}},
      {"fileData":{"mimeType":"image/jpeg","fileUri":"files/abc"}}])"));
}

TEST_CASE("gemini: state goes back in the part it came with, byte for byte") {
  const json code = {{"executableCode", {{"language", "PYTHON"}, {"code", "1"}}}, {"thoughtSignature", "s3"}};
  const auto got =
      contents({user("a"), assistant({with_state({{"type", "reasoning"}, {"text", "t"}}, {{"thought", true}}),
                                      with_state(text("b"), {{"thoughtSignature", "s+/1="}}),
                                      with_state(text(""), {{"thoughtSignature", "s2"}}),
                                      {{"type", "provider"}, {"providerState", gemini_state({{"part", code}})}},
                                      with_state(call("w1"), {{"thoughtSignature", "s4"}})})});
  CHECK(got[1]["parts"] == json::parse(R"([{"text":"t","thought":true},{"text":"b","thoughtSignature":"s+/1="},
      {"text":"","thoughtSignature":"s2"},
      {"executableCode":{"language":"PYTHON","code":"1"},"thoughtSignature":"s3"},
      {"functionCall":{"id":"w1","name":"f","args":{}},"thoughtSignature":"s4"}])"));
}

TEST_CASE("gemini: what another provider gave is left out") {
  const auto sent =
      send(json{{"messages",
                 {user("a"), assistant({{{"type", "reasoning"}, {"text", "t"}, {"providerState", "other:{}"}},
                                        {{"type", "provider"}, {"providerState", "other:{}"}},
                                        text("b")})}}});
  CHECK(sent.body["contents"][1]["parts"] == json::parse(R"([{"text":"b"}])"));
  CHECK(sent.notes == std::vector<std::string>{"reasoning_dropped", "provider_part_dropped"});
}

TEST_CASE("gemini: calls without a signature get a stand-in where the model wants one") {
  const json messages = {user("a"), assistant({call("x"), call("y")})};
  const auto parts = contents(messages, "gemini-3-pro-preview")[1]["parts"];
  CHECK(parts[0]["thoughtSignature"] == "skip_thought_signature_validator");
  CHECK_FALSE(parts[1].contains("thoughtSignature"));
  CHECK_FALSE(contents(messages, "gemini-2.5-pro")[1]["parts"][0].contains("thoughtSignature"));
}

TEST_CASE("gemini: ids that the wire did not give are not sent") {
  const auto got = contents({user("a"), assistant({call("call_0"), call("call_1_7"), call("call_abc")}),
                             tool({result("call_0", text_output("r")), result("call_abc", text_output("r"))})});
  CHECK_FALSE(got[1]["parts"][0]["functionCall"].contains("id"));
  CHECK_FALSE(got[1]["parts"][1]["functionCall"].contains("id"));
  CHECK(got[1]["parts"][2]["functionCall"]["id"] == "call_abc");
  CHECK_FALSE(got[2]["parts"][0]["functionResponse"].contains("id"));
  CHECK(got[2]["parts"][1]["functionResponse"]["id"] == "call_abc");
}

TEST_CASE("gemini: a result is an object in a content of its own") {
  const auto responses = [](const json& output) {
    const auto got =
        contents({user("a"), assistant(json::array({call("x")})), tool(json::array({result("x", output)})), user("b")});
    CHECK(got.size() == 4);
    CHECK(got[2]["role"] == "user");
    return got[2]["parts"][0]["functionResponse"]["response"];
  };
  CHECK(responses(text_output("r")) == json{{"output", "r"}});
  CHECK(responses({{"type", "json"}, {"value", {{"k", 1}}}}) == json{{"k", 1}});
  CHECK(responses({{"type", "json"}, {"value", {1, 2}}}) == json{{"output", {1, 2}}});
  CHECK(responses({{"type", "error-text"}, {"value", "no"}}) == json{{"error", "no"}});
  CHECK(responses({{"type", "error-json"}, {"value", {{"k", 1}}}}) == json{{"error", {{"k", 1}}}});
  // A member of that name would be taken for a reference to media.
  CHECK(responses({{"type", "json"}, {"value", {{"$ref", "#/x"}}}}) == json{{"output", R"({"$ref":"#/x"})"}});
}

TEST_CASE("gemini: media of a result is in it, or follows the results") {
  const json image = {{"type", "image"}, {"mediaType", "image/png"}, {"data", "iVBORw0KGgo="}};
  const json output = {{"type", "content"}, {"value", {text("see"), image}}};
  const json messages = {user("a"), assistant({call("x"), call("y")}),
                         tool({result("x", output), result("y", text_output("r"))}), user("b")};
  const json media = json::parse(R"({"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}})");
  const auto inside = contents(messages, "gemini-3-flash-preview");
  CHECK(inside[2]["parts"][0]["functionResponse"]["parts"] == json::array({media}));
  CHECK(inside[2]["parts"].size() == 2);
  const auto after = contents(messages);
  CHECK(after[2]["parts"].size() == 3);
  CHECK(after[2]["parts"][2] == media);
  CHECK(after[2]["parts"][0]["functionResponse"]["response"] == json{{"output", "see"}});
}

TEST_CASE("gemini: a conversation must have something, and begin with the user") {
  const Chat chat =
      gemini_chat({{"messages", json::array({assistant(json::array({{{"type", "reasoning"}, {"text", "t"}}}))})}});
  const auto built = google::kGeminiApi.build(
      {.chat = *chat.request, .messages = chat.request->messages, .target = chat.target, .offer_tools = true});
  REQUIRE_FALSE(built);
  CHECK(built.error().pointer == "/payload/messages");
  CHECK(contents(json::array({assistant("a")}))[0]["role"] == "user");
}

TEST_CASE("gemini: options have their names in generationConfig") {
  const auto sent = send(hello({{"maxOutputTokens", 9},
                                {"temperature", 0.5},
                                {"topP", 0.25},
                                {"topK", 3},
                                {"seed", 4},
                                {"frequencyPenalty", 1},
                                {"presencePenalty", -1},
                                {"stopSequences", {"x"}},
                                {"logprobs", true}}));
  CHECK(sent.body["generationConfig"] == json::parse(R"({"maxOutputTokens":9,"temperature":0.5,"topP":0.25,"topK":3,
      "frequencyPenalty":1.0,"presencePenalty":-1.0,"seed":4,"stopSequences":["x"],"responseLogprobs":true})"));
  CHECK(send(hello(json::object())).body.size() == 1);
}

TEST_CASE("gemini: reasoning is a budget or a level, by the model") {
  const auto thinking = [](const json& reasoning, std::string model) {
    return send(hello({{"reasoning", reasoning}}), std::move(model)).body["generationConfig"]["thinkingConfig"];
  };
  const json budget = {{"thinkingBudget", 100}, {"includeThoughts", true}};
  CHECK(thinking({{"budgetTokens", 100}}, "gemini-2.5-pro") == budget);
  CHECK(thinking({{"budgetTokens", 100}}, "gemini-3-pro-preview") == budget);
  CHECK(thinking({{"effort", "low"}}, "gemini-2.5-flash")["thinkingBudget"] == 1024);
  CHECK(thinking({{"effort", "none"}}, "gemini-2.5-flash") == json{{"thinkingBudget", 0}});
  CHECK(thinking({{"effort", "none"}}, "gemini-2.5-pro")["thinkingBudget"] == 128);
  CHECK(thinking({{"effort", "medium"}}, "gemini-3-pro-preview")["thinkingLevel"] == "HIGH");
  CHECK(thinking({{"effort", "medium"}}, "gemini-3-flash-preview")["thinkingLevel"] == "MEDIUM");
  CHECK(thinking({{"effort", "minimal"}}, "gemini-3.1-pro-preview")["thinkingLevel"] == "LOW");
  const auto old = send(hello({{"reasoning", {{"effort", "low"}}}}), "gemini-2.0-flash");
  CHECK(old.body.size() == 1);
  CHECK(old.notes == std::vector<std::string>{"parameter_dropped"});
}

TEST_CASE("gemini: providerOptions are merged into the depth, and cannot take the conversation's place") {
  const auto sent = send(hello({{"temperature", 0.5},
                                {"providerOptions",
                                 {{"generationConfig", {{"responseModalities", {"TEXT"}}, {"temperature", nullptr}}},
                                  {"safetySettings", json::array()},
                                  {"contents", json::array()}}}}));
  CHECK(sent.body["generationConfig"] == json::parse(R"({"responseModalities":["TEXT"]})"));
  CHECK(sent.body["safetySettings"] == json::array());
  CHECK(sent.body["contents"].size() == 1);
  CHECK(sent.notes == std::vector<std::string>{"parameter_dropped"});
}

TEST_CASE("gemini: functions share an entry, definitions are sent as they are") {
  const json search = {{"googleSearch", json::object()}};
  const auto sent =
      send(hello({{"tools", {{{"executor", "provider"}, {"definition", search}}, weather_tool(), {{"name", "g"}}}}}));
  CHECK(sent.body["tools"] == json::parse(R"([{"googleSearch":{}},{"functionDeclarations":[
      {"name":"weather","description":"Tells the weather","parametersJsonSchema":{"type":"object"}},{"name":"g"}]}])"));
  CHECK_FALSE(sent.body.contains("toolConfig"));
}

TEST_CASE("gemini: tool choice and strictness are modes of calling") {
  const auto calling = [](json payload) {
    if (!payload.contains("tools")) payload["tools"] = {weather_tool()};
    return send(hello(payload)).body["toolConfig"]["functionCallingConfig"];
  };
  CHECK(calling({{"toolChoice", "auto"}}) == json{{"mode", "AUTO"}});
  CHECK(calling({{"toolChoice", "none"}}) == json{{"mode", "NONE"}});
  CHECK(calling({{"toolChoice", "required"}}) == json{{"mode", "ANY"}});
  CHECK(calling({{"toolChoice", {{"type", "tool"}, {"toolName", "weather"}}}}) ==
        json::parse(R"({"mode":"ANY","allowedFunctionNames":["weather"]})"));
  json strict = weather_tool();
  strict["strict"] = true;
  CHECK(calling({{"tools", {strict}}}) == json{{"mode", "VALIDATED"}});
  CHECK(send(hello({{"tools", json::array({weather_tool()})}, {"parallelToolCalls", false}})).notes ==
        std::vector<std::string>{"parameter_dropped"});
}

TEST_CASE("gemini: each dialect of schemas has its own field") {
  const json google = {{"type", "OBJECT"}, {"properties", {{"a", {{"type", "STRING"}, {"nullable", true}}}}}};
  const auto declared = send(hello({{"tools", {function(google)}}})).body["tools"][0]["functionDeclarations"][0];
  CHECK(declared["parameters"] == google);
  CHECK_FALSE(declared.contains("parametersJsonSchema"));
  const auto format = [](const json& schema) {
    return send(hello({{"responseFormat", {{"type", "json"}, {"schema", schema}}}})).body["generationConfig"];
  };
  CHECK(format(google) == json{{"responseMimeType", "application/json"}, {"responseSchema", google}});
  const json plain = {{"type", "object"}};
  CHECK(format(plain) == json{{"responseMimeType", "application/json"}, {"responseJsonSchema", plain}});
}

TEST_CASE("gemini schema: one that fits stays as it is, byte for byte") {
  const std::string schema =
      R"({ "type":"object", "properties":{"$schema":{"type":["string","null"]},"b":{"anyOf":[{"type":"integer"}]}},)"
      R"( "additionalProperties":false, "required":["b"], "propertyOrdering":["b"] })";
  RequestNotes notes;
  SchemaBudget budget;
  CHECK(rewrite_schema(JsonSpan{schema}, kGeminiSchemas, budget, notes).json == schema);
  CHECK(notes.take().empty());
}

TEST_CASE("gemini schema: what says the same another way is rewritten without a word") {
  std::vector<std::string> notes;
  const auto got = json::parse(cleaned(json::parse(R"({"$schema":"x","type":"object","definitions":{
      "P":{"type":"object","properties":{"k":{"const":"v"},"n":{"type":"integer","exclusiveMinimum":0}}}},
      "properties":{"a":{"$ref":"#/definitions/P","description":"d"},"l":{"type":"array","items":
      {"$ref":"#/properties/a"}},"m":{"allOf":[{"type":"string"},{"minLength":1}]}}})"),
                                       &notes));
  const json p = json::parse(R"({"type":"object","properties":{"k":{"enum":["v"],"type":"string"},
                                 "n":{"type":"integer","minimum":1}},"description":"d"})");
  CHECK(got ==
        json{{"type", "object"},
             {"properties",
              {{"a", p}, {"l", {{"type", "array"}, {"items", p}}}, {"m", {{"type", "string"}, {"minLength", 1}}}}}});
  CHECK(notes.empty());
}

TEST_CASE("gemini schema: what is lost is noted") {
  std::vector<std::string> notes;
  const auto got = json::parse(
      cleaned(json::parse(R"({"type":"object","properties":{"a":{"type":"number","exclusiveMaximum":5,"not":{}}},
                              "patternProperties":{}})"),
              &notes));
  CHECK(got == json::parse(R"({"type":"object","properties":{"a":{"type":"number"}}})"));
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].contains("exclusiveMaximum, not, patternProperties"));
}

TEST_CASE("gemini schema: a recursive reference stays, alone, with what it needs") {
  const auto got = json::parse(cleaned(json::parse(R"({"$ref":"#/definitions/T","definitions":{"T":{"type":"object",
      "properties":{"next":{"$ref":"#/definitions/T","description":"d"}}}}})")));
  CHECK(got["type"] == "object");
  CHECK(got["properties"]["next"] == json{{"$ref", "#/$defs/T"}});
  CHECK(got["$defs"].contains("T"));
  CHECK_FALSE(got.contains("definitions"));
}

TEST_CASE("gemini schema: definitions that are no object define nothing, and end nothing") {
  for (const char* definitions : {"null", "7", "true", "\"x\"", "[1]"}) {
    for (const std::string key : {"$defs", "definitions"}) {
      CAPTURE(definitions);
      const auto schema = R"({"properties":{"b":{"$ref":"#/)" + key + R"(/x"}},")" + key + "\":" + definitions + "}";
      CHECK(json::parse(cleaned(json::parse(schema))).is_object());
    }
  }
}

TEST_CASE("gemini schema: one that grows without bounds becomes any object") {
  json schema = {{"type", "object"}, {"$defs", {{"d0", {{"type", "string"}}}}}};
  for (int i = 1; i < 40; ++i) {
    const json ref = {{"$ref", "#/$defs/d" + std::to_string(i - 1)}};
    schema["$defs"]["d" + std::to_string(i)] = {{"type", "object"}, {"properties", {{"a", ref}, {"b", ref}}}};
  }
  schema["properties"]["x"] = {{"$ref", "#/$defs/d39"}};
  std::vector<std::string> notes;
  CHECK(json::parse(cleaned(schema, &notes)) == json{{"type", "object"}});
  CHECK(notes.size() == 1);
}

TEST_CASE("gemini: models are listed by pages") {
  Chat chat = gemini_chat({{"messages", {user("hi")}}});
  const auto& api = google::kGeminiApi;
  CHECK(api.list_models(chat.target, "", {})->url ==
        "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000");
  CHECK(api.list_models(chat.target, "a+b=", {})->url.ends_with("&pageToken=a%2Bb%3D"));
  const auto page = api.read_models(R"({"models":[{"name":"models/gemini-x","displayName":"X","inputTokenLimit":8,
      "outputTokenLimit":2},{"name":""}],"nextPageToken":"n"})");
  REQUIRE(page);
  REQUIRE(page->models.size() == 1);
  CHECK(page->models[0].id == "gemini-x");
  CHECK(page->models[0].context_tokens == 8);
  CHECK(page->models[0].max_output_tokens == 2);
  CHECK(page->next == "n");
  CHECK_FALSE(api.read_models("[]"));
}

TEST_CASE("gemini: more output than the model gives is asked down to its limit, and said") {
  Chat chat = gemini_chat({{"messages", {user("hi")}}, {"maxOutputTokens", 100}});
  chat.target.max_tokens = 50;
  const Sent sent = send(chat);
  CHECK(sent.body["generationConfig"]["maxOutputTokens"] == 50);
  CHECK(sent.notes == std::vector<std::string>{"max_tokens_lowered"});
}
