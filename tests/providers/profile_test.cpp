#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/providers/wire_chat.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/profile/server_profile.hpp"
#include "worker/providers/profile/state_maker.hpp"
#include "worker/providers/schema/rewriter.hpp"

using namespace aiw;
using namespace aiw::testing;
using json = nlohmann::json;

namespace {

constexpr Api kChatApis[] = {
    Api::openai_chat,        Api::azure_openai,    Api::openai_responses, Api::azure_openai_responses,
    Api::anthropic_messages, Api::gemini_generate, Api::vertex,           Api::bedrock_converse,
    Api::cohere_chat,        Api::ollama_chat};

json user(const std::string& text) { return {{"role", "user"}, {"content", text}}; }
json call(const std::string& id, const std::string& name, json more = json::object()) {
  json part = {{"type", "tool-call"}, {"toolCallId", id}, {"toolName", name}, {"input", json::object()}};
  part.update(more);
  return {{"role", "assistant"}, {"content", json::array({part})}};
}
json result(const std::string& id, const std::string& name, json output = {{"type", "text"}, {"value", "r"}}) {
  return {{"role", "tool"},
          {"content",
           json::array({{{"type", "tool-result"}, {"toolCallId", id}, {"toolName", name}, {"output", output}}})}};
}

// All strings that stand under one of these keys, anywhere.
void collect(const json& value, const std::set<std::string>& keys, std::vector<std::string>& out) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (keys.contains(key) && member.is_string()) out.push_back(member);
      collect(member, keys, out);
    }
  } else if (value.is_array()) {
    for (const auto& item : value) collect(item, keys, out);
  }
}
std::vector<std::string> strings_at(const json& value, const std::set<std::string>& keys) {
  std::vector<std::string> out;
  collect(value, keys, out);
  return out;
}

WireChat chat_with(Api api, const char* provider, const json& messages, const json& more = json::object()) {
  json payload = {{"messages", messages}};
  payload.update(more);
  WireChat chat(api, payload);
  chat.target.project = "p";
  chat.target.region = "r";
  chat.target.known = provider == nullptr ? nullptr : find_provider_defaults(provider);
  return chat;
}

}  // namespace

TEST_CASE(
    "profile: a word that fits stays, another becomes one that fits, the same for the same and others for others") {
  using Charset = WordRule::Charset;
  const WordRule rules[] = {{.most = 40},
                            {.charset = Charset::word, .most = 64},
                            {.charset = Charset::word},
                            {.charset = Charset::dotted, .most = 64},
                            {.charset = Charset::identifier, .most = 30},
                            {.charset = Charset::alphanumeric, .exact = 9}};
  const std::string words[] = {"",
                               "a",
                               "call_1",
                               "call_2",
                               "9lives",
                               "a b",
                               "a.b",
                               "a:b",
                               "\xC3\xA9t\xC3\xA9",
                               std::string(400, 'x'),
                               std::string(399, 'x') + "y",
                               "abcdefghi",
                               "-",
                               "_"};
  for (const auto& rule : rules) {
    std::set<std::string> fitted_words;
    for (const auto& word : words) {
      CAPTURE(word);
      const std::string made = fitted(rule, word);
      CHECK(fits(rule, made));
      CHECK(made == fitted(rule, word));
      CHECK((made == word) == fits(rule, word));
      CHECK(fitted_words.insert(made).second);
    }
  }
}

TEST_CASE("profile: ids of calls and results go together in every API, however long and odd they are") {
  const std::string odd[] = {"call_" + std::string(386, 'a'), "call_" + std::string(385, 'a') + "b", "a b/c:d",
                             "\xC3\xA9"};
  for (const Api api : kChatApis) {
    CAPTURE(to_string(api));
    json messages = json::array({user("x")});
    for (const auto& id : odd) {
      messages.push_back(call(id, "f"));
      messages.push_back(result(id, "f"));
    }
    const json body = chat_with(api, nullptr, messages).body();
    const auto calls = strings_at(body, {"id", "toolUseId", "call_id"});
    const auto results = strings_at(body, {"tool_call_id", "tool_use_id"});
    const std::set<std::string> distinct(calls.begin(), calls.end());
    if (api == Api::ollama_chat) continue;  // has no ids
    CHECK(distinct.size() == std::size(odd));
    for (const auto& id : results) CHECK(distinct.contains(id));
  }
}

TEST_CASE("profile: Mistral's ids are nine letters and digits, and a user's turn does not follow a tool's") {
  const json body = chat_with(Api::openai_chat, "mistral",
                              {user("x"), call("call_abcdef", "f"), result("call_abcdef", "f"), user("y")})
                        .body();
  const auto& messages = body.at("messages");
  REQUIRE(messages.size() == 5);
  const std::string id = messages[1].at("tool_calls")[0].at("id");
  CHECK(id.size() == 9);
  CHECK(messages[2].at("tool_call_id") == id);
  CHECK(messages[3] == json{{"role", "assistant"}, {"content", "Done."}});
  CHECK(messages[4].at("role") == "user");
}

TEST_CASE("profile: a name that a model invented fits, one of the request's own tools stays") {
  for (const char* name : {"multi_tool_use.parallel", "$READFILE", "read file"}) {
    for (const Api api : kChatApis) {
      if (api == Api::cohere_chat || api == Api::ollama_chat) continue;
      CAPTURE(to_string(api));
      const auto chat = chat_with(api, nullptr, {user("x"), call("c", name), result("c", name)});
      const auto notes = chat.notes();
      const bool takes_dots = (api == Api::gemini_generate || api == Api::vertex) && name[0] == 'm';
      CHECK(std::ranges::count(notes, "tool_name_changed") == (takes_dots ? 0 : 1));
      CHECK(chat.text().contains(std::string("\"") + name + "\"") == takes_dots);
    }
  }
}

TEST_CASE("profile: servers whose templates take one system message get one, first") {
  for (const char* provider : {"vllm", "llamacpp", "ollama", "lmstudio"}) {
    CAPTURE(provider);
    const json system = {{"role", "system"}, {"content", "B"}};
    const auto chat =
        chat_with(Api::openai_chat, provider,
                  {system, user("one"), user("two"), {{"role", "assistant"}, {"content", "a"}}, system, user("three")},
                  {{"system", "A"}});
    const json messages = chat.body().at("messages");
    REQUIRE(messages.size() == 4);
    CHECK(messages[0] == json{{"role", "system"}, {"content", "A\n\nB"}});
    CHECK(messages[1].at("content").dump().find("two") != std::string::npos);
    CHECK(messages[3].at("content").dump().find("<system>B</system>") != std::string::npos);
    CHECK(chat.notes() == std::vector<std::string>{"system_in_place"});
  }
  // Others keep their places.
  const json messages =
      chat_with(Api::openai_chat, nullptr, {{{"role", "system"}, {"content", "B"}}, user("x")}, {{"system", "A"}})
          .body()
          .at("messages");
  CHECK(messages.size() == 3);
}

TEST_CASE("profile: a turn of the assistant that says nothing is left out, and thinking is not a turn's last") {
  const json thought = {
      {"role", "assistant"},
      {"content", json::array({{{"type", "reasoning"},
                                {"text", "hm"},
                                {"providerState", R"(openai-chat:{"field":"reasoning_content"})"}}})}};
  for (const char* provider : {"moonshot", "mistral", "deepseek", "openai", "vllm"}) {
    CAPTURE(provider);
    const json messages =
        chat_with(Api::openai_chat, provider, {user("x"), thought, {{"role", "assistant"}, {"content", ""}}, user("y")})
            .body()
            .at("messages");
    for (const auto& message : messages) CHECK(message.at("role") == "user");
  }
  const json signed_thought = {
      {"role", "assistant"},
      {"content",
       json::array(
           {{{"type", "text"}, {"text", "a"}},
            {{"type", "reasoning"}, {"text", "hm"}, {"providerState", R"(anthropic-messages:{"signature":"s"})"}}})}};
  const json body = chat_with(Api::anthropic_messages, nullptr, {user("x"), signed_thought, user("y")}).body();
  CHECK(body.at("messages")[1].at("content").size() == 1);
}

TEST_CASE("profile: a failed call without words gets some, in every API") {
  for (const Api api : kChatApis) {
    for (const char* words : {"", " \n"}) {
      CAPTURE(to_string(api));
      const json output = {{"type", "error-text"}, {"value", words}};
      const auto text = chat_with(api, nullptr, {user("x"), call("c", "f"), result("c", "f", output)}).text();
      CHECK(text.find("The tool failed and gave no message.") != std::string::npos);
    }
  }
}

TEST_CASE("profile: arguments that are no JSON go back as {}, those that are as they were written") {
  for (const Api api : {Api::openai_chat, Api::azure_openai, Api::openai_responses, Api::cohere_chat}) {
    CAPTURE(to_string(api));
    const auto arguments = [&](const json& more) {
      const json body = chat_with(api, nullptr, {user("x"), call("c", "f", more), result("c", "f")}).body();
      return strings_at(body, {"arguments"}).at(0);
    };
    CHECK(arguments({{"input", nullptr}, {"inputText", R"({"city": "Par)"}}) == "{}");
    CHECK(arguments({{"input", {{"a", 1}}}, {"inputText", R"({"a": 1})"}}) == R"({"a": 1})");
    CHECK(arguments({{"input", json::object()}, {"inputText", "{ }"}}) == "{ }");
  }
}

TEST_CASE("profile: what another server sealed does not go to this one, its own does, and 0.1's as before") {
  const auto sent = [](const std::string& state) {
    const json reasoning = {{"type", "reasoning"}, {"text", "hm"}, {"providerState", state}};
    json turn = call("c", "f");
    turn.at("content").insert(turn.at("content").begin(), reasoning);
    auto chat = chat_with(Api::anthropic_messages, nullptr, {user("x"), turn, result("c", "f")});
    return chat.text().find("SEALED") != std::string::npos;
  };
  const std::string state = R"(anthropic-messages:{"signature":"SEALED"})";
  CHECK(sent(state));
  CHECK(sent(with_maker(state, "provider.example:443")));
  CHECK_FALSE(sent(with_maker(state, kClaude)));
  CHECK_FALSE(sent(with_maker(state, "other.example:443")));
  CHECK_FALSE(sent(state + "@"));
}

TEST_CASE("profile: a state's maker is found however the parent escapes the state") {
  const auto sent = [](const std::string& maker, std::string_view plain, std::string_view escaped) {
    const json reasoning = {{"type", "reasoning"}, {"text", "hm"}, {"providerState", "x"}};
    json turn = call("c", "f");
    turn.at("content").insert(turn.at("content").begin(), reasoning);
    auto chat = chat_with(Api::anthropic_messages, nullptr, {user("x"), turn, result("c", "f")});
    std::string raw;
    append_json_escaped(raw, with_maker(R"(anthropic-messages:{"signature":"SEA/LED"})", maker));
    for (auto at = raw.find(plain); at != std::string::npos; at = raw.find(plain, at + escaped.size())) {
      raw.replace(at, plain.size(), escaped);
    }
    std::get<ReasoningPart>(chat.chat->messages.at(1).parts.at(0)).provider_state = RawString{raw};
    return chat.text().find("SEA/LED") != std::string::npos;
  };
  for (const auto& [plain, escaped] :
       {std::pair{"@", "\\u0040"}, {"}", "\\u007d"}, {"/", "\\/"}, {"\\\"", "\\u0022"}, {"e", "\\u0065"}}) {
    CAPTURE(escaped);
    CHECK(sent("provider.example:443", plain, escaped));
    CHECK_FALSE(sent("other.example:443", plain, escaped));
  }
}

TEST_CASE("profile: a maker is the provider by its host, whatever the config calls it; Claude's hosts are one") {
  Target target;
  target.base_url = "https://api.openai.com/v1";
  CHECK(state_maker(target) == "openai");
  target.base_url = "https://My-Resource.openai.azure.com";
  target.api = Api::azure_openai_responses;
  CHECK(state_maker(target) == "my-resource.openai.azure.com:443");
  target.api = Api::anthropic_messages;
  target.base_url = "https://api.anthropic.com";
  CHECK(state_maker(target) == kClaude);
  target.api = Api::vertex_anthropic;
  target.base_url = "https://us-east5-aiplatform.googleapis.com";
  CHECK(state_maker(target) == kClaude);
  target.api = Api::anthropic_messages;
  target.base_url = "https://api.deepseek.com/anthropic";
  CHECK(state_maker(target) == "deepseek");
  CHECK(is_same_maker("deepseek", "deepseek"));
  CHECK_FALSE(is_same_maker("deepseek", "openai"));
  target.account = "0123abcd";
  CHECK(state_maker(target) == "deepseek#0123abcd");
  CHECK(is_same_maker("deepseek#0123abcd", "deepseek#0123abcd"));
  CHECK_FALSE(is_same_maker("deepseek#0123abcd", "deepseek#4567abcd"));
  CHECK(is_same_maker("deepseek", "deepseek#0123abcd"));  // given while the config had one key
  CHECK(is_same_maker("deepseek#0123abcd", "deepseek"));
  CHECK(split_maker(R"(a:{"b":"}@c"}@d)").maker == "d");
  CHECK(split_maker(R"(a:{"b":"}@c"})").maker.empty());
  CHECK(split_maker("a").state == "a");
}

TEST_CASE("profile: images go as what their bytes are, and what a server does not take becomes a note") {
  const std::string png = R"(iVBORw0KGgoAAAA=)", jpeg = R"(/9j/4AAQSkZJRgABAQ==)";
  const auto image = [](const std::string& data, const char* type) {
    json part = {{"type", "image"}, {"data", data}};
    if (type != nullptr) part["mediaType"] = type;
    return part;
  };
  for (const Api api : kChatApis) {
    CAPTURE(to_string(api));
    if (api == Api::ollama_chat) continue;  // says no type
    for (const auto& [part, expected] :
         {std::pair{image(png, "image/jpeg"), "image/png"}, std::pair{image(jpeg, nullptr), "image/jpeg"},
          std::pair{image(jpeg, "image/*"), "image/jpeg"}}) {
      const auto text =
          chat_with(api, nullptr, json::array({{{"role", "user"}, {"content", json::array({part})}}})).text();
      const std::string wanted =
          api == Api::bedrock_converse ? std::string("\"format\":\"") + (expected + 6) : expected;
      CHECK(text.find(wanted) != std::string::npos);
    }
    const json svg = {
        {"role", "user"},
        {"content", json::array({image("PHN2Zz4=", "image/svg+xml"), {{"type", "text"}, {"text", "x"}}})}};
    const json in_result =
        result("c", "f", {{"type", "content"}, {"value", json::array({image("PHN2Zz4=", "image/svg+xml")})}});
    for (const json& messages : {json::array({svg}), json::array({user("x"), call("c", "f"), in_result})}) {
      const auto chat = chat_with(api, nullptr, messages);
      CHECK(chat.text().find("PHN2Zz4=") == std::string::npos);
      CHECK(chat.text().find("an image of type image/svg+xml was left out") != std::string::npos);
      CHECK(chat.notes() == std::vector<std::string>{"media_replaced"});
    }
  }
}

TEST_CASE("profile: a schema's top is an object with properties, and combinators are folded into it") {
  ServerProfile profile;
  profile.schema_combinators = false;
  profile.schema_properties = true;
  const auto adapted = [&](const char* schema) {
    SchemaBudget budget;
    const auto text = adapt_tool_schema(JsonSpan{schema}, profile, budget);
    return text ? json::parse(text->json) : json();
  };
  CHECK(adapted(R"({"type":"object","properties":{"a":{"anyOf":[{},{}]}}})").is_null());
  CHECK(adapted(R"({})") == json::parse(R"({"type":"object","properties":{}})"));
  CHECK(adapted(R"({"type":["object","null"],"properties":{"a":{}}})").at("type") == "object");
  const json one = adapted(
      R"({"type":"object","description":"D.","oneOf":[{"required":["a"]},{"required":["b","c"]}],"properties":{"a":{"type":"string"}}})");
  CHECK(one.at("description") == "D. Exactly one of: a; b and c.");
  CHECK_FALSE(one.contains("oneOf"));
  CHECK(one.value("required", json::array()).empty());
  const json any = adapted(R"({"anyOf":[{"properties":{"a":{"type":"string"},"k":{}},"required":["k","a"]},
                                        {"$ref":"#/$defs/B"}],"$defs":{"B":{"properties":{"a":{"type":"number"}},"required":["k"]}}})");
  CHECK(any.at("required") == json::array({"k"}));
  CHECK(any.at("properties").at("a") == json::parse(R"({"anyOf":[{"type":"string"},{"type":"number"}]})"));
  const json all = adapted(
      R"({"allOf":[{"properties":{"a":{}},"required":["a"]},{"allOf":[{"properties":{"b":{}},"required":["b"]}]}]})");
  CHECK(all.at("required") == json::array({"a", "b"}));
  CHECK(all.at("properties").size() == 2);
  // References that lead nowhere, or round in a circle, and what is no schema.
  CHECK(adapted(R"({"$ref":"#"})") == json::parse(R"({"type":"object","properties":{}})"));
  CHECK(adapted(R"({"$ref":"#/$defs/A","$defs":{"A":{"$ref":"#/$defs/A"}}})").at("type") == "object");
  CHECK(adapted(R"({"anyOf":[{"$ref":"#/$defs/A"}],"$defs":{"A":{"anyOf":[{"$ref":"#/$defs/A"}]}}})").at("type") ==
        "object");
  CHECK(adapted(R"({"enum":[1],"not":{},"oneOf":7})") == json::parse(R"({"type":"object","properties":{}})"));
}

TEST_CASE("profile: more tools than the server takes are left out and told") {
  json tools = json::array();
  for (int i = 0; i < 140; ++i)
    tools.push_back({{"name", "t" + std::to_string(i)}, {"inputSchema", {{"type", "object"}}}});
  for (const auto& [api, provider] :
       {std::pair{Api::openai_chat, "openai"}, std::pair{Api::openai_responses, "openai-responses"}}) {
    const auto chat = chat_with(api, provider, json::array({user("x")}), {{"tools", tools}});
    CHECK(chat.body().at("tools").size() == 128);
    CHECK(chat.notes() == std::vector<std::string>{"tools_dropped"});
  }
  CHECK(chat_with(Api::openai_chat, "fireworks", json::array({user("x")}), {{"tools", tools}})
            .body()
            .at("tools")
            .size() == 140);
}

TEST_CASE("profile: calls of another provider get the reasoning that a server insists on") {
  for (const auto& [provider, reasoning] : {std::pair{"deepseek", ""}, std::pair{"moonshot", " "}}) {
    const json messages =
        chat_with(Api::openai_chat, provider, {user("x"), call("c", "f"), result("c", "f")}).body().at("messages");
    CHECK(messages[1].at("reasoning_content") == reasoning);
  }
  const json messages =
      chat_with(Api::openai_chat, "groq", {user("x"), call("c", "f"), result("c", "f")}).body().at("messages");
  CHECK_FALSE(messages[1].contains("reasoning_content"));
}

TEST_CASE("profile: Claude on Vertex AI has structured outputs from 4.6 on") {
  const json more = {
      {"tools",
       json::array(
           {{{"name", "f"}, {"strict", true}, {"inputSchema", {{"type", "object"}, {"properties", json::object()}}}}})},
      {"responseFormat", {{"type", "json"}, {"schema", {{"type", "object"}, {"properties", json::object()}}}}}};
  for (const auto& [model, takes] :
       {std::pair{"claude-haiku-4-5@20251001", false}, std::pair{"claude-sonnet-4-6", true}}) {
    auto chat = chat_with(Api::vertex_anthropic, nullptr, json::array({user("x")}), more);
    chat.target.model = model;
    const json body = chat.body();
    CHECK(body.contains("output_config") == takes);
    CHECK(body.at("tools")[0].contains("strict") == takes);
  }
}

TEST_CASE("profile: the config's quirks win over what is known") {
  Target target;
  target.api = Api::openai_chat;
  target.model = "m";
  target.base_url = "https://h";
  target.quirks = {};
  target.quirks.one_system = true;
  target.quirks.images = false;
  target.quirks.image_links = true;
  target.quirks.audio = true;
  target.quirks.call_id_length = 20;
  target.quirks.max_tools = 3;
  const ServerProfile profile = server_profile(target);
  CHECK(profile.one_system);
  CHECK_FALSE(profile.images.any);
  CHECK(profile.images.types.empty());
  CHECK(profile.images.links);
  CHECK(profile.audio.any);
  CHECK(profile.call_ids.most == 20);
  CHECK(profile.most_tools == 3);
  target.quirks = {};
  target.quirks.user_after_result = true;
  target.quirks.assistant_last = true;
  target.quirks.max_stop_sequences = 0;
  target.known = find_provider_defaults("mistral");
  CHECK(server_profile(target).user_after_result);
  CHECK(server_profile(target).assistant_last);
  CHECK(server_profile(target).call_ids.exact == 9);
}

TEST_CASE("profile: calls side by side have ids of their own, and each its result") {
  const json twice = {{"role", "assistant"},
                      {"content", json::array({call("c", "f").at("content")[0], call("c", "g").at("content")[0]})}};
  for (const Api api : {Api::anthropic_messages, Api::bedrock_converse}) {
    const json body =
        chat_with(api, nullptr,
                  {user("x"), twice, result("c", "f"), result("c", "g"), user("y"), call("c", "f"), result("c", "f")})
            .body();
    const auto calls = strings_at(body.at("messages"), {"id", "toolUseId"});
    const auto ids = api == Api::anthropic_messages ? strings_at(body, {"tool_use_id"}) : std::vector<std::string>();
    if (!ids.empty()) CHECK(ids == std::vector<std::string>{calls[0], calls[1], calls[2]});
    CHECK(calls[0] == "c");
    CHECK(calls[1] != "c");
    if (!ids.empty()) CHECK(calls[2] == "c");  // in a later turn it may come again
  }
}

TEST_CASE("profile: names of tools and of their properties go out changed and come back as they were") {
  const json schema = {{"type", "object"},
                       {"properties", {{"$select", {{"type", "string"}}}, {"ok", {{"type", "string"}}}}},
                       {"required", json::array({"$select"})}};
  const auto chat = chat_with(Api::anthropic_messages, nullptr, json::array({user("x")}),
                              {{"tools", json::array({{{"name", "read file"}, {"inputSchema", schema}}})},
                               {"toolChoice", {{"type", "tool"}, {"toolName", "read file"}}}});
  const auto built = chat.built();
  REQUIRE(built.renamed != nullptr);
  REQUIRE(built.renamed->tools.size() == 1);
  REQUIRE(built.renamed->properties.size() == 1);
  const auto& [sent, own] = *built.renamed->tools.begin();
  CHECK(own == "read file");
  const json body = chat.body();
  CHECK(body.at("tools")[0].at("name") == sent);
  CHECK(body.at("tool_choice").at("name") == sent);
  const auto& [property, original] = *built.renamed->properties.begin();
  CHECK(original == "$select");
  CHECK(body.at("tools")[0].at("input_schema").at("properties").contains(property));
  CHECK(body.at("tools")[0].at("input_schema").at("required") == json::array({property}));
}

TEST_CASE(
    "profile: a conversation that ends with the assistant is asked to continue where it has to be, in that request "
    "only") {
  WireChat chat(Api::anthropic_messages,
                {{"messages", json::array({user("x"), {{"role", "assistant"}, {"content", "a"}}})}});
  chat.target.model = "claude-opus-4-7";
  CHECK(chat.body().at("messages").size() == 3);
  CHECK(chat.notes() == std::vector<std::string>{"user_turn_added"});
  chat.target.model = "claude-sonnet-4-5";
  CHECK(chat.body().at("messages").size() == 2);
}

TEST_CASE("profile: text files are told as text, and stop sequences stay within their number") {
  const json file = {{"type", "file"}, {"mediaType", "text/csv"}, {"data", "YSxiCjEsMgo="}, {"filename", "t.csv"}};
  const auto chat =
      chat_with(Api::openai_chat, "groq", json::array({{{"role", "user"}, {"content", json::array({file})}}}),
                {{"stopSequences", {"a", "b", "c", "d", "e"}}});
  CHECK(chat.body().at("messages")[0].dump().find("t.csv:\\na,b\\n1,2") != std::string::npos);
  CHECK(chat.body().at("stop").size() == 4);
  CHECK(chat.notes() == std::vector<std::string>{"parameter_dropped", "media_replaced"});
}

TEST_CASE("profile: what informs only does not go back, and a custom call goes back as one") {
  const json ended = {
      {"role", "assistant"},
      {"content", json::array({{{"type", "text"}, {"text", "a"}},
                               {{"type", "provider"},
                                {"providerState", R"(anthropic-messages:{"stop_details":{"type":"refusal"}})"}}})}};
  CHECK(chat_with(Api::anthropic_messages, nullptr, json::array({user("x"), ended, user("y")})).notes().empty());
  const json custom = {
      {"inputText", R"("SELECT 1")"}, {"input", "SELECT 1"}, {"providerState", R"(openai-chat:{"type":"custom"})"}};
  const json messages =
      chat_with(Api::openai_chat, nullptr, json::array({user("x"), call("c", "sql", custom), result("c", "sql")}))
          .body()
          .at("messages");
  CHECK(messages[1].at("tool_calls")[0] ==
        json::parse(R"({"id":"c","type":"custom","custom":{"name":"sql","input":"SELECT 1"}})"));
}

TEST_CASE("profile: reasoning that nothing follows does not go back to the Responses API") {
  const json reasoning = {
      {"type", "reasoning"},
      {"text", ""},
      {"providerState",
       R"(openai-responses:{"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"E"}})"}};
  const auto sent = [&](json content) {
    const json turn = {{"role", "assistant"}, {"content", std::move(content)}};
    return chat_with(Api::openai_responses, nullptr, json::array({user("x"), turn, user("y")})).text().contains("rs_1");
  };
  CHECK_FALSE(sent(json::array({reasoning})));
  CHECK(sent(json::array({reasoning, {{"type", "text"}, {"text", "a"}}})));
}

TEST_CASE("profile: choices that refer to themselves are folded within a limit") {
  ServerProfile profile;
  profile.schema_combinators = false;
  std::string choices;
  for (int i = 0; i < 50; ++i) choices += std::string(i == 0 ? "" : ",") + R"({"$ref":"#/$defs/a"})";
  const std::string schema = R"({"type":"object","anyOf":[)" + choices +
                             R"(],"$defs":{"a":{"properties":{"p":{"type":"string"}},"anyOf":[)" + choices + "]}}}";
  SchemaBudget budget;
  const auto adapted = adapt_tool_schema(JsonSpan{schema}, profile, budget);
  REQUIRE(adapted);
  const json got = json::parse(adapted->json);
  CHECK_FALSE(got.contains("anyOf"));
  CHECK(got.at("properties").at("p") == json{{"type", "string"}});
}

TEST_CASE("profile: a property that is renamed has one name wherever the schema names it") {
  const json schema = json::parse(R"({"type":"object","properties":{"a b":{"type":"string"},"o":{
      "properties":{"c d":{}},"dependentRequired":{"c d":["a b","e"]},
      "anyOf":[{"required":["c d"]},{"not":{"required":["c d"]}}],
      "if":{"required":["c d"]},"then":{"required":["e"]},"dependentSchemas":{"c d":{"required":["c d"]}}}}})");
  ServerProfile profile;
  profile.property_names = {.charset = WordRule::Charset::word_or_dot, .most = 64};
  SchemaBudget budget;
  const std::string text = schema.dump();
  const auto adapted = adapt_tool_schema(JsonSpan{text}, profile, budget);
  REQUIRE(adapted);
  CHECK(adapted->properties.size() == 2);
  std::string back = adapted->json;
  for (const auto& [sent, own] : adapted->properties) {
    CHECK(fits(profile.property_names, sent));
    for (auto at = back.find(sent); at != std::string::npos; at = back.find(sent)) back.replace(at, sent.size(), own);
  }
  CHECK_FALSE(adapted->json.contains("a b"));
  CHECK_FALSE(adapted->json.contains("c d"));
  CHECK(json::parse(back) == schema);
}

TEST_CASE("profile: a history's calls have the names of properties that the schema has") {
  const json schema = {{"type", "object"}, {"properties", {{"file path", {{"type", "string"}}}}}};
  const json body =
      chat_with(Api::anthropic_messages, nullptr,
                json::array({user("x"), call("c", "f", {{"input", {{"file path", "file path"}}}}), result("c", "f")}),
                {{"tools", json::array({{{"name", "f"}, {"inputSchema", schema}}})}})
          .body();
  const std::string name = body.at("tools")[0].at("input_schema").at("properties").begin().key();
  CHECK(body.at("messages")[1].at("content")[0].at("input") == json{{name, "file path"}});
}
