#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "worker/providers/schema/rewriter.hpp"

using namespace aiw;
using nlohmann::json;

namespace {

struct Converted {
  RewrittenSchema schema;
  std::vector<ChatRequest::Note> notes;
};

Converted convert(const std::string& text) {
  RequestNotes notes;
  SchemaBudget budget;
  Converted out;
  out.schema = rewrite_schema({text}, kStrictSchemas, budget, notes);
  out.notes = notes.take();
  return out;
}

json object_with(const char* name, const char* property) {
  return {{"type", "object"},
          {"properties", {{name, json::parse(property)}}},
          {"required", {name}},
          {"additionalProperties", false}};
}

// What becomes of a required property.
json property(const char* text) {
  const auto got = convert(object_with("p", text).dump());
  REQUIRE(got.schema.fits);
  return json::parse(got.schema.json)["properties"]["p"];
}

bool fits(const char* text) { return convert(object_with("p", text).dump()).schema.fits; }

}  // namespace

TEST_CASE("a schema that fits stays as it was written") {
  const std::string text =
      R"({ "type":"object", "title":"T","properties":{"b":{"$ref":"#/$defs/x"},"a":{"type":["string","null"],"format":"date"}},)"
      R"("required":["a","b"],"additionalProperties":false,"$defs":{"x":{"type":"array","items":{"$ref":"#/$defs/x"},"maxItems":1.0}}})";
  const auto got = convert(text);
  CHECK(got.schema.fits);
  CHECK(got.schema.json == text);
  CHECK(got.notes.empty());
}

TEST_CASE("objects are closed and require all they have, what was optional may be null") {
  const auto got = convert(R"({"type":"object","properties":{
      "a":{"type":"string"},"b":{"type":"string"},"c":{"enum":["x"]},"d":{"anyOf":[{"type":"integer"}]},
      "e":{"type":["null","number"]},"f":{"$ref":"#/$defs/o"}},"required":["b","gone"],
      "$defs":{"o":{"type":"object","properties":{},"additionalProperties":true}}})");
  CHECK(got.schema.fits);
  CHECK(json::parse(got.schema.json) == json::parse(R"({"type":"object","properties":{
      "a":{"type":["string","null"]},"b":{"type":"string"},"c":{"anyOf":[{"enum":["x"]},{"type":"null"}]},
      "d":{"anyOf":[{"type":"integer"},{"type":"null"}]},"e":{"type":["null","number"]},
      "f":{"anyOf":[{"$ref":"#/$defs/o"},{"type":"null"}]}},
      "required":["b","a","c","d","e","f"],"additionalProperties":false,
      "$defs":{"o":{"type":"object","properties":{},"required":[],"additionalProperties":false}}})"));
  REQUIRE(got.notes.size() == 1);
  CHECK(got.notes[0].code == "schema_changed");
}

TEST_CASE("keywords outside the subset are dropped, and named") {
  const auto got = convert(R"({"type":"object","properties":{"p":{"type":"string","minLength":1,"format":"uri"}},
      "required":["p"],"additionalProperties":false,"not":{}})");
  CHECK(json::parse(got.schema.json)["properties"]["p"] == json::parse(R"({"type":"string"})"));
  CHECK_FALSE(json::parse(got.schema.json).contains("not"));
  REQUIRE(got.notes.size() == 1);
  CHECK(got.notes[0].message.find("format, minLength, not") != std::string::npos);
}

TEST_CASE("what has another form in the subset gets it") {
  CHECK(property(R"({"oneOf":[{"type":"string"},{"type":"null"}]})") ==
        json::parse(R"({"anyOf":[{"type":"string"},{"type":"null"}]})"));
  CHECK(property(R"({"$ref":"#/$defs/x","description":"d"})") ==
        json::parse(R"({"anyOf":[{"$ref":"#/$defs/x"}],"description":"d"})"));
  CHECK(property(R"({"allOf":[{"$ref":"#/$defs/x"}]})") == json::parse(R"({"$ref":"#/$defs/x"})"));
  CHECK(property(R"({"type":"array","items":{"type":"object","properties":{}}})")["items"] ==
        json::parse(R"({"type":"object","properties":{},"additionalProperties":false,"required":[]})"));
}

TEST_CASE("what the subset cannot say is sent as it was, without strict") {
  CHECK(fits(R"({"type":"string"})"));
  for (const char* text : {R"({"type":"object"})", R"({"type":"object","additionalProperties":{"type":"string"}})",
                           "{}", "true", R"({"type":"array"})", R"({"allOf":[{"type":"string"},{"type":"string"}]})",
                           R"({"type":"array","items":[{"type":"string"}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(fits(text));
  }
  for (const std::string& text : {std::string(R"({"anyOf":[{"type":"object"}]})"), std::string(R"({"type":"string"})"),
                                  std::string(R"({"type":"object","properties":{"x":{"maximum":1e999}}})")}) {
    const auto got = convert(text);
    CHECK_FALSE(got.schema.fits);
    CHECK(got.schema.json == text);
    REQUIRE(got.notes.size() == 1);
    CHECK(got.notes[0].code == "schema_not_strict");
  }
}

TEST_CASE("a tool without arguments has an empty schema") {
  CHECK(json::parse(convert(R"({"type":"object"})").schema.json) ==
        json::parse(R"({"type":"object","properties":{},"additionalProperties":false,"required":[]})"));
}

TEST_CASE("nesting beyond reason is refused, not followed") {
  std::string text = R"({"type":"string"})";
  for (int i = 0; i < 90; ++i) text = R"({"type":"array","items":)" + text + "}";
  CHECK_FALSE(fits(text.c_str()));
}
