// References multiply what a schema says. All schemas of a request share one limit.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/providers/wire_chat.hpp"
#include "worker/providers/schema/rewriter.hpp"

using namespace aiw;
using namespace aiw::testing;
using json = nlohmann::json;

namespace {

json reference(const std::string& to) { return {{"$ref", "#/$defs/" + to}}; }

// An object of n properties, each of which is the definition `to`.
json object_of(std::size_t n, const std::string& to) {
  json properties = json::object();
  for (std::size_t i = 0; i < n; ++i) properties["p" + std::to_string(i)] = reference(to);
  return {{"type", "object"}, {"properties", properties}};
}

// n * n * n strings, by references.
json cube(std::size_t n) {
  json schema = object_of(n, "b");
  schema["$defs"] = {{"b", object_of(n, "c")}, {"c", object_of(n, "d")}, {"d", {{"type", "string"}}}};
  return schema;
}

json tools_of(std::size_t n, const json& schema) {
  json tools = json::array();
  for (std::size_t i = 0; i < n; ++i) tools.push_back({{"name", "t" + std::to_string(i)}, {"inputSchema", schema}});
  return tools;
}

}  // namespace

TEST_CASE("schema budget: tools without references cost nothing of it") {
  json schema = {{"type", "object"}, {"properties", json::object()}, {"x-own", 1}};
  for (int i = 0; i < 2000; ++i) schema["properties"]["p" + std::to_string(i)] = {{"type", "string"}};
  SchemaBudget budget;
  RequestNotes notes;
  for (const SchemaRules* rules : {&kStrictSchemas, &kClaudeSchemas, &kGeminiSchemas}) {
    rewrite_schema(JsonSpan{schema.dump()}, *rules, budget, notes);
  }
  CHECK(budget.values == SchemaBudget{}.values);
}

TEST_CASE("schema budget: one schema gets half of what is left, and what it does not use is for the others") {
  SchemaBudget budget;
  RequestNotes notes;
  const auto rewritten = [&](const json& schema) {
    const std::string text = schema.dump();
    return rewrite_schema(JsonSpan{text}, kGeminiSchemas, budget, notes);
  };
  CHECK(rewritten(cube(10)).fits);
  const std::size_t before = budget.values;
  CHECK(rewritten(cube(100)).json == R"({"type":"object"})");
  CHECK(budget.values >= before / 2);
  CHECK(rewritten(cube(10)).fits);
  for (int i = 0; i < 30; ++i) rewritten(cube(100));
  CHECK(budget.values < 100);
  CHECK_FALSE(rewritten(cube(10)).fits);
  CHECK(rewritten({{"type", "object"}, {"properties", {{"a", {{"const", "x"}}}}}}).fits);
  CHECK(notes.take().size() == 1);
}

TEST_CASE("schema budget: long texts and names count by their bytes") {
  for (const bool name : {false, true}) {
    CAPTURE(name);
    const std::string text(1 << 20, 'x');
    json schema = object_of(100, "b");
    schema["$defs"]["b"] = name ? json{{"properties", {{text, json::object()}}}} : json{{"description", text}};
    SchemaBudget budget;
    RequestNotes notes;
    const std::string given = schema.dump();
    CHECK_FALSE(rewrite_schema(JsonSpan{given}, kGeminiSchemas, budget, notes).fits);
  }
}

TEST_CASE("schema budget: many tools with references make no request longer than the limit allows") {
  const std::size_t limit = 40 * SchemaBudget{}.values;
  for (const Api api : {Api::openai_chat, Api::openai_responses, Api::anthropic_messages, Api::gemini_generate,
                        Api::vertex, Api::bedrock_converse, Api::cohere_chat, Api::ollama_chat}) {
    CAPTURE(to_string(api));
    json top = cube(20);
    top["anyOf"] = json::array();
    for (int i = 0; i < 90; ++i) top["anyOf"].push_back({{"$ref", "#/$defs/b"}, {"title", std::to_string(i)}});
    const json payload = {{"messages", {{{"role", "user"}, {"content", "x"}}}},
                          {"tools", tools_of(100, top)},
                          {"responseFormat", {{"type", "json"}, {"name", "f"}, {"schema", cube(26)}}}};
    WireChat chat(api, payload);
    chat.target.project = chat.target.region = "p";
    CHECK(chat.text().size() < payload.dump().size() + limit);
  }
}

TEST_CASE("schema budget: references at the top of tools share the limit, choices without references need none") {
  ServerProfile profile;
  profile.schema_combinators = false;
  SchemaBudget budget;
  const auto properties = [&](const json& schema) {
    const std::string text = schema.dump();
    const auto adapted = adapt_tool_schema(JsonSpan{text}, profile, budget);
    return json::parse(adapted.value().json).value("properties", json::object()).size();
  };
  json choices = {{"type", "object"}, {"anyOf", json::array()}, {"$defs", {{"b", object_of(30, "c")}}}};
  for (int i = 0; i < 90; ++i) choices["anyOf"].push_back(reference("b"));
  CHECK(properties(choices) == 30);
  for (int i = 0; i < 200; ++i) properties(choices);
  CHECK(properties(choices) == 0);
  CHECK(properties({{"anyOf", json::array({object_of(500, "c"), object_of(600, "c")})}}) == 600);
}

TEST_CASE("schema budget: a tool beside some that multiply keeps what its references name") {
  json tools = tools_of(8, cube(60));
  tools.push_back({{"name", "harmless"}, {"inputSchema", cube(2)}});
  const json body =
      WireChat(Api::gemini_generate, {{"messages", {{{"role", "user"}, {"content", "x"}}}}, {"tools", tools}}).body();
  const json& declared = body.at("tools")[0].at("functionDeclarations");
  CHECK(declared[0].at("parametersJsonSchema") == json{{"type", "object"}});
  CHECK(declared[8].at("parametersJsonSchema").at("properties").at("p1").at("properties").size() == 2);
}
