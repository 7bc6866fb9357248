#include <doctest/doctest.h>

#include <algorithm>

#include "tests/providers/bedrock/chat.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

using Notes = std::vector<std::string>;

json hello() { return {{"messages", {user("hi")}}}; }

json with(json payload, const json& more) {
  payload.update(more);
  return payload;
}

// A list of one part must not become that part.
template <typename... Parts>
json list(const Parts&... parts) {
  return json::array({parts...});
}

std::string header(const HttpRequest& request, std::string_view name) {
  const auto found = std::ranges::find(request.headers, name, &Header::name);
  return found == request.headers.end() ? "" : found->value;
}

}  // namespace

TEST_CASE("converse: the model stands in the path, encoded, and the operation says whether to stream") {
  Chat chat = bedrock_chat(hello());
  const auto url = [&] {
    const auto built = converse(chat);
    REQUIRE(built);
    return built->http.url;
  };
  const std::string host = "https://bedrock-runtime.us-east-1.amazonaws.com/model/";
  CHECK(url() == host + "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream");
  chat.target.model = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-x";
  chat.request->stream.upstream = false;
  CHECK(url() == host +
                     "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-x/"
                     "converse");
}

TEST_CASE("converse: a key is a bearer token, keys of AWS sign") {
  Chat chat = bedrock_chat(hello());
  CHECK(header(converse(chat)->http, "Authorization") == "Bearer key");
  chat.target.auth = Auth::sigv4;
  chat.target.aws = {"AKID", "secret", "token"};
  const auto built = converse(chat);
  REQUIRE(built);
  CHECK(header(built->http, "Authorization")
            .starts_with("AWS4-HMAC-SHA256 Credential=AKID/19700101/us-east-1/bedrock/aws4_request, "
                         "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token, Signature="));
  CHECK(header(built->http, "X-Amz-Security-Token") == "token");
}

TEST_CASE("converse: what signing needs and does not have is said") {
  Chat chat = bedrock_chat(hello());
  chat.target.auth = Auth::sigv4;
  CHECK(converse(chat).error().code == "invalid_request");
  chat.target.aws = {"AKID", "secret", ""};
  CHECK(converse(chat));
  chat.target.base_url = "https://proxy.example";
  CHECK(converse(chat).error().message == "signing needs the provider's region");
  chat.target.region = "eu-west-1";
  CHECK(header(converse(chat)->http, "Authorization").contains("/eu-west-1/bedrock/"));
  chat.target.base_url = "https://bedrock-runtime..amazonaws.com";
  CHECK(converse(chat).error().message == "Amazon Bedrock needs a region or a baseUrl");
}

TEST_CASE("converse: the region is read off every form of host that AWS has") {
  Chat chat = bedrock_chat(hello());
  chat.target.auth = Auth::sigv4;
  chat.target.aws = {"AKID", "secret", ""};
  for (const char* host : {"bedrock-runtime.ap-south-1.amazonaws.com", "bedrock-runtime-fips.ap-south-1.amazonaws.com",
                           "vpce-1-x.bedrock-runtime.ap-south-1.vpce.amazonaws.com"}) {
    chat.target.base_url = std::string("https://") + host;
    CHECK(header(converse(chat)->http, "Authorization").contains("/ap-south-1/bedrock/"));
  }
}

TEST_CASE("converse: a conversation becomes turns that alternate, results of a batch in one") {
  const json body = converse_body({{"system", "be brief"},
                                   {"messages",
                                    {user("a"), user("b"), assistant(list(text("c"), call("1"), call("2", {{"x", 1}}))),
                                     tool(list(result("1", text_output("r1")))),
                                     tool(list(result("2", {{"type", "json"}, {"value", {{"k", 2}}}}))), user("d")}}});
  CHECK(body["system"] == json::parse(R"([{"text":"be brief"}])"));
  CHECK(body["messages"] == json::parse(R"([
    {"role":"user","content":[{"text":"a"},{"text":"b"}]},
    {"role":"assistant","content":[{"text":"c"},
      {"toolUse":{"toolUseId":"1","name":"f","input":{}}},{"toolUse":{"toolUseId":"2","name":"f","input":{"x":1}}}]},
    {"role":"user","content":[
      {"toolResult":{"toolUseId":"1","content":[{"text":"r1"}]}},
      {"toolResult":{"toolUseId":"2","content":[{"json":{"k":2}}]}},{"text":"d"}]}])"));
}

TEST_CASE("converse: errors of tools have a status where the model's family knows it") {
  const json payload = {
      {"messages",
       {user("a"), assistant(list(call("1"))), tool(list(result("1", {{"type", "error-text"}, {"value", "no"}})))}}};
  const json pointer = converse_body(payload)["messages"][2]["content"][0]["toolResult"];
  CHECK(pointer == json::parse(R"({"toolUseId":"1","content":[{"text":"no"}],"status":"error"})"));
  CHECK_FALSE(converse_body(payload, kLlama)["messages"][2]["content"][0]["toolResult"].contains("status"));
}

TEST_CASE("converse: JSON that is no object is sent as text, images of results as images") {
  const json parts = {
      {"type", "content"},
      {"value", {text("see"), {{"type", "image"}, {"mediaType", "image/png"}, {"data", "iVBORw0KGgo="}}}}};
  const json body =
      converse_body({{"messages",
                      {user("a"), assistant(list(call("1"), call("2"))),
                       tool(list(result("1", {{"type", "json"}, {"value", {1, 2}}}), result("2", parts)))}}});
  const json& content = body["messages"][2]["content"];
  CHECK(content[0]["toolResult"]["content"] == json::parse(R"([{"text":"[1,2]"}])"));
  CHECK(content[1]["toolResult"]["content"] ==
        json::parse(R"([{"text":"see"},{"image":{"format":"png","source":{"bytes":"iVBORw0KGgo="}}}])"));
}

TEST_CASE("converse: a later system message keeps its place, blank text vanishes, the user begins") {
  const json payload = {
      {"messages", {assistant("x"), user(" \n"), {{"role", "system"}, {"content", "now"}}, user("y")}}};
  const json body = converse_body(payload);
  CHECK_FALSE(body.contains("system"));
  CHECK(body["messages"] == json::parse(R"([{"role":"user","content":[{"text":"."}]},
    {"role":"assistant","content":[{"text":"x"}]},
    {"role":"user","content":[{"text":"<system>now</system>"},{"text":"y"}]}])"));
  CHECK(converse_notes(payload) == Notes{"user_turn_added", "system_in_place"});
  CHECK(converse(bedrock_chat({{"messages", {user(" ")}}})).error().pointer == "/payload/messages");
}

TEST_CASE("converse: an answer to go on from does not end in white space") {
  const json body = converse_body({{"messages", {user("a"), assistant("so \n")}}});
  CHECK(body["messages"][1]["content"][0]["text"] == "so");
  const json kept = converse_body({{"messages", {user("a"), assistant("so "), user("b")}}});
  CHECK(kept["messages"][1]["content"][0]["text"] == "so ");
}

TEST_CASE("converse: media become blocks of their formats, others are left out") {
  const json image = {{"type", "image"}, {"data", "/9j/4AAQ"}};
  const json s3 = {{"type", "file"}, {"mediaType", "video/mp4"}, {"url", "s3://bucket/a.mp4"}};
  const json audio = {{"type", "audio"}, {"mediaType", "audio/mpeg"}, {"data", "AAAA"}};
  const json web = {{"type", "image"}, {"url", "https://a.example/b.png"}};
  const json payload = {{"messages", {user(list(text("t"), image, s3, audio, web))}}};
  CHECK(converse_body(payload)["messages"][0]["content"] == json::parse(R"([{"text":"t"},
    {"image":{"format":"jpeg","source":{"bytes":"/9j/4AAQ"}}},
    {"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://bucket/a.mp4"}}}},
    {"audio":{"format":"mp3","source":{"bytes":"AAAA"}}}])"));
  CHECK(converse_notes(payload) == Notes{"media_dropped"});
}

TEST_CASE("converse: documents have clean names that differ, and text beside them") {
  const auto file = [](const char* name, const char* type) {
    return json{{"type", "file"}, {"mediaType", type}, {"filename", name}, {"data", "JVBERi0"}};
  };
  const json body =
      converse_body({{"messages",
                      {user(list(file("My  résumé_v1.2 (final).pdf", "application/pdf"), file("a.txt", "text/plain"),
                                 file("a.csv", "text/csv"), file("日本.md", "text/markdown")))}}});
  const json& content = body["messages"][0]["content"];
  REQUIRE(content.size() == 5);
  CHECK(content[0]["document"]["name"] == "My r sum v1 2 (final)");
  CHECK(content[1]["document"] == json::parse(R"({"format":"txt","name":"a","source":{"bytes":"JVBERi0"}})"));
  CHECK(content[2]["document"]["name"] == "a-2");
  CHECK(content[3]["document"]["name"] == "document");
  CHECK(content[4] == json::parse(R"({"text":"."})"));
}

TEST_CASE("converse: tools, their choice and their cache marks") {
  json cached = weather_tool();
  cached["cache"] = "1h";
  cached["executor"] = "return";
  const json system_tool = {{"executor", "provider"}, {"definition", {{"systemTool", {{"name", "nova_grounding"}}}}}};
  const json payload = with(hello(), {{"tools", {system_tool, cached}}, {"toolChoice", "required"}});
  CHECK(converse_body(payload)["toolConfig"] == json::parse(R"({"tools":[{"systemTool":{"name":"nova_grounding"}},
    {"toolSpec":{"name":"weather","description":"Tells the weather","inputSchema":{"json":{"type":"object"}}}},
    {"cachePoint":{"type":"default","ttl":"1h"}}],"toolChoice":{"any":{}}})"));
  CHECK(converse_body(payload, kNova)["toolConfig"]["tools"].size() == 2);
  CHECK_FALSE(converse_body(payload, kLlama)["toolConfig"].contains("toolChoice"));
  CHECK(converse_notes(payload, kLlama) == Notes{"toolChoice"});
}

TEST_CASE("converse: a history with calls always defines tools") {
  const json history = {
      {"messages", {user("a"), assistant(list(call("1"))), tool(list(result("1", text_output("r"))))}}};
  CHECK(
      converse_body(history)["toolConfig"] ==
      json::parse(R"({"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]})"));
  const json with_tools = with(history, {{"tools", {weather_tool()}}, {"toolChoice", "required"}});
  const json last = converse_body(with_tools, kClaude, false);
  CHECK(last["toolConfig"]["tools"].size() == 1);
  CHECK_FALSE(last["toolConfig"].contains("toolChoice"));
  CHECK(converse_notes(with_tools, kClaude, false) == Notes{"tools_still_offered"});
  CHECK_FALSE(converse_body(with(hello(), {{"tools", {weather_tool()}}}), kClaude, false).contains("toolConfig"));
}

TEST_CASE("converse: cache marks become cache points, for the families that have them") {
  json marked = text("long");
  marked["cache"] = true;
  const json payload = {{"messages", {{{"role", "system"}, {"content", {marked}}}, user(list(marked, text("short")))}}};
  const json body = converse_body(payload);
  CHECK(body["system"] == json::parse(R"([{"text":"long"},{"cachePoint":{"type":"default"}}])"));
  CHECK(body["messages"][0]["content"] ==
        json::parse(R"([{"text":"long"},{"cachePoint":{"type":"default"}},{"text":"short"}])"));
  CHECK_FALSE(converse_text(bedrock_chat(payload, kLlama)).contains("cachePoint"));
}

TEST_CASE("converse: sampling has its names, or is left out and said") {
  const json options = {{"maxOutputTokens", 10},  {"temperature", 0.5},  {"topK", 3},
                        {"stopSequences", {"|"}}, {"seed", 1},           {"logprobs", true},
                        {"frequencyPenalty", 1},  {"presencePenalty", 1}};
  const json body = converse_body(with(hello(), options), kNova);
  CHECK(body["inferenceConfig"] == json::parse(R"({"maxTokens":10,"temperature":0.5,"stopSequences":["|"]})"));
  CHECK(body["additionalModelRequestFields"] == json::parse(R"({"inferenceConfig":{"topK":3}})"));
  CHECK(converse_notes(with(hello(), options), kNova) ==
        Notes{"seed", "logprobs", "frequencyPenalty", "presencePenalty"});
  CHECK(converse_body(with(hello(), {{"topK", 3}}))["additionalModelRequestFields"] == json{{"top_k", 3}});
  CHECK(converse_notes(with(hello(), {{"topK", 3}}), kLlama) == Notes{"topK"});
  CHECK(converse_notes(with(hello(), {{"temperature", 0.5}, {"topP", 0.5}})) == Notes{"topP"});
}

TEST_CASE("converse: reasoning in the words of each family") {
  const auto fields = [](const json& reasoning, const char* model, const json& more = json::object()) {
    return converse_body(with(with(hello(), {{"reasoning", reasoning}}), more), model)
        .value("additionalModelRequestFields", json());
  };
  const json budget = {{"budgetTokens", 2000}};
  const json high = {{"effort", "high"}};
  CHECK(fields(budget, kClaude) == json::parse(R"({"thinking":{"type":"enabled","budget_tokens":2000}})"));
  CHECK(fields(high, "anthropic.claude-opus-4-7-v1:0") ==
        json::parse(R"({"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}})"));
  CHECK(fields(high, kNova) == json::parse(R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}})"));
  CHECK(fields(high, "openai.gpt-oss-120b-1:0") == json{{"reasoning_effort", "high"}});
  CHECK(fields(high, kLlama).is_null());
  CHECK(fields({{"effort", "none"}}, kClaude).is_null());
  CHECK(converse_notes(with(hello(), {{"reasoning", high}}), kLlama) == Notes{"reasoning.effort"});
}

TEST_CASE("converse: thinking excludes sampling and forced tools, and needs room") {
  const json thinking = with(hello(), {{"reasoning", {{"budgetTokens", 2000}}}, {"maxOutputTokens", 1000}});
  CHECK(converse_body(thinking)["inferenceConfig"] == json{{"maxTokens", 3000}});
  CHECK(converse_notes(with(thinking, {{"temperature", 0.1}, {"topK", 2}})) ==
        Notes{"max_tokens_raised", "temperature", "topK"});
  const json forced = with(hello(), {{"reasoning", {{"budgetTokens", 2000}}},
                                     {"tools", {weather_tool()}},
                                     {"toolChoice", {{"type", "tool"}, {"toolName", "weather"}}}});
  const json body = converse_body(forced);
  CHECK_FALSE(body.contains("additionalModelRequestFields"));
  CHECK(body["toolConfig"]["toolChoice"] == json::parse(R"({"tool":{"name":"weather"}})"));
  const json adaptive = with(forced, {{"reasoning", {{"effort", "high"}}}});
  CHECK_FALSE(converse_body(adaptive, "anthropic.claude-opus-4-6-v1").contains("additionalModelRequestFields"));
}

TEST_CASE("converse: a turn that uses tools and did not begin with thinking takes no budget") {
  const auto body = [](const json& first, bool user_after = false) {
    json messages = {
        user("hi"),
        {{"role", "assistant"},
         {"content",
          list(first,
               json{{"type", "tool-call"}, {"toolCallId", "t"}, {"toolName", "weather"}, {"input", json::object()}})}},
        {{"role", "tool"},
         {"content", list(json{{"type", "tool-result"},
                               {"toolCallId", "t"},
                               {"toolName", "weather"},
                               {"output", {{"type", "text"}, {"value", "x"}}}})}}};
    if (user_after) messages.push_back(user("and?"));
    return converse_body(
        {{"messages", messages}, {"reasoning", {{"budgetTokens", 2000}}}, {"tools", {weather_tool()}}});
  };
  const json text = {{"type", "text"}, {"text", "hm"}};
  const json thought = {
      {"type", "reasoning"}, {"text", "hm"}, {"providerState", R"(bedrock-converse:{"signature":"s=="})"}};
  const json unsigned_thought = {{"type", "reasoning"}, {"text", "hm"}};
  const json redacted = {
      {"type", "provider"},
      {"providerState", R"(bedrock-converse:{"block":{"reasoningContent":{"redactedContent":"RXU4"}}})"}};
  CHECK_FALSE(body(text).contains("additionalModelRequestFields"));
  CHECK_FALSE(body(unsigned_thought).contains("additionalModelRequestFields"));
  CHECK(body(thought).contains("additionalModelRequestFields"));
  CHECK(body(redacted).contains("additionalModelRequestFields"));
  CHECK_FALSE(body(text, true).contains("additionalModelRequestFields"));  // the same turn for the API
  const json answered = {user("hi"), {{"role", "assistant"}, {"content", list(text)}}, user("and?")};
  CHECK(converse_body({{"messages", answered}, {"reasoning", {{"budgetTokens", 2000}}}})
            .contains("additionalModelRequestFields"));
}

TEST_CASE("converse: a schema travels as a string, closed as the API wants it") {
  const json schema = {{"type", "object"}, {"properties", {{"a", {{"type", "string"}}}}}, {"required", {"a"}}};
  const json body = converse_body(with(hello(), {{"responseFormat", {{"type", "json"}, {"schema", schema}}}}));
  const json& format = body["outputConfig"]["textFormat"];
  CHECK(format["type"] == "json_schema");
  CHECK(format["structure"]["jsonSchema"]["name"] == "response");
  json closed = schema;
  closed["additionalProperties"] = false;
  CHECK(json::parse(format["structure"]["jsonSchema"]["schema"].get<std::string>()) == closed);
}

TEST_CASE("converse: providerOptions are merged into the options, the conversation stays ours") {
  const json options = {{"guardrailConfig", {{"guardrailIdentifier", "g"}, {"guardrailVersion", "1"}}},
                        {"performanceConfig", {{"latency", "optimized"}}},
                        {"additionalModelRequestFields", {{"x", 1}}},
                        {"messages", json::array()},
                        {"system", json::array()}};
  const json payload = with(hello(), {{"topK", 3}, {"providerOptions", options}});
  const json body = converse_body(payload);
  CHECK(body["guardrailConfig"]["guardrailIdentifier"] == "g");
  CHECK(body["performanceConfig"]["latency"] == "optimized");
  CHECK(body["additionalModelRequestFields"] == json::parse(R"({"top_k":3,"x":1})"));
  CHECK(body["messages"][0]["content"][0]["text"] == "hi");
  CHECK(converse_notes(payload) == Notes{"providerOptions.messages", "providerOptions.system"});
}

TEST_CASE("converse: reasoning goes back with its own signature only, redacted blocks as they came") {
  const json own = {
      {"type", "reasoning"}, {"text", "hm\n"}, {"providerState", R"(bedrock-converse:{"signature":"s\u00e9=="})"}};
  const json redacted = {
      {"type", "provider"},
      {"providerState", R"(bedrock-converse:{"block":{"reasoningContent":{"redactedContent":"RXU4="}}})"}};
  const json foreign = {
      {"type", "reasoning"}, {"text", "x"}, {"providerState", R"(anthropic-messages:{"signature":"s"})"}};
  const json broken = {{"type", "provider"}, {"providerState", "bedrock-converse:{"}};
  const json payload = {
      {"messages", {user("a"), assistant(list(own, redacted, foreign, broken, text("t"))), user("b")}}};
  CHECK(converse_body(payload)["messages"][1]["content"] == json::parse(R"([
    {"reasoningContent":{"reasoningText":{"text":"hm\n","signature":"sé=="}}},
    {"reasoningContent":{"redactedContent":"RXU4="}},{"text":"t"}])"));
  CHECK(converse_notes(payload) == Notes{"reasoning_dropped", "provider_part_dropped"});
}

TEST_CASE("converse: equal requests are equal byte for byte, and a longer history begins with the shorter one") {
  json messages = {user("a"), assistant(list(text("b"), call("1", {{"z", 1}, {"a", 2}}))),
                   tool(list(result("1", text_output("r"))))};
  const json payload = {{"system", "s"}, {"messages", messages}, {"tools", {weather_tool()}}};
  const std::string shorter = converse_text(bedrock_chat(payload));
  CHECK(shorter == converse_text(bedrock_chat(payload)));
  messages.push_back(assistant("c"));
  messages.push_back(user("d"));
  const std::string longer = converse_text(bedrock_chat(with(payload, {{"messages", messages}})));
  CHECK(longer.starts_with(shorter.substr(0, shorter.find_last_not_of("]}") + 1)));
  CHECK(longer.find("\"messages\"") > longer.find("\"toolConfig\""));
}

TEST_CASE("converse: Claude's oldest models take what the newest refuse") {
  const json payload = with(hello(), {{"temperature", 0.5}, {"topP", 0.5}, {"topK", 2}});
  for (const char* model : {"anthropic.claude-v2:1", "anthropic.claude-instant-v1", "anthropic.claude-3-haiku-v1:0"}) {
    CAPTURE(model);
    CHECK(converse_notes(payload, model) == Notes{});
  }
  CHECK(converse_notes(payload, "anthropic.claude-opus-4-7-v1:0") == Notes{"temperature", "topP", "topK"});
  const json format = {{"responseFormat", {{"type", "json"}, {"schema", {{"type", "object"}}}}}};
  CHECK(converse_notes(with(hello(), format), "anthropic.claude-v2") == Notes{"responseFormat"});
}

TEST_CASE("converse: more output than the model gives is asked down to its limit, and said") {
  Chat chat = bedrock_chat(with(hello(), {{"maxOutputTokens", 100}}));
  chat.target.max_tokens = 50;
  const auto built = converse(chat);
  REQUIRE(built);
  CHECK(json::parse(built->http.body.str())["inferenceConfig"]["maxTokens"] == 50);
  REQUIRE(built->notes.size() == 1);
  CHECK(built->notes[0].code == "max_tokens_lowered");
}
