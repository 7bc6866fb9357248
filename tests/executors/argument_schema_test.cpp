#include "worker/executors/argument_schema.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "worker/executors/tool_arguments.hpp"

using namespace aiw;
using Json = nlohmann::json;

namespace {

std::string first_violation(std::string_view schema, std::string_view arguments) {
  return ArgumentSchema(schema).first_violation(arguments).value_or("");
}

const std::string kTooMuch = "they have too many or too deeply nested values to check";

// Words that the check leaves undecided.
const std::set<std::string> kUndecidedFiles{"contains", "pattern", "format", "dependencies", "refRemote"};
bool is_undecided(const std::string& schema) {
  return schema.find("patternProperties") != std::string::npos || schema.find(R"("$ref":"http)") != std::string::npos ||
         schema.find(R"("$ref":"node")") != std::string::npos || schema.find("%25") != std::string::npos;
}
// draft 7 ignores what stands beside a $ref; 2020-12 does not.
const std::set<std::string> kOtherDraft{"ref overrides any sibling keywords"};

}  // namespace

TEST_CASE("a misfit names the place and the reason") {
  const std::string schema = R"({"type":"object","properties":{"city":{"type":"string","minLength":2},
      "days":{"type":"integer","minimum":1,"maximum":7},"unit":{"enum":["c","f"]},
      "stops":{"type":"array","items":{"type":"object","required":["a/b"]},"maxItems":2}},
      "required":["city"],"additionalProperties":false})";
  CHECK(first_violation(schema, R"({"city":"Ulm","days":3,"unit":"c","stops":[{"a/b":1}]})").empty());
  CHECK(first_violation(schema, "{}") == R"("city" is missing)");
  CHECK(first_violation(schema, "[]") == R"(is array, not "object")");
  CHECK(first_violation(schema, R"({"city":3})") == R"(/city: is number, not "string")");
  CHECK(first_violation(schema, R"({"city":"é"})") == "/city: has fewer than 2 characters");
  CHECK(first_violation(schema, R"({"city":"Ulm","days":8})") == "/days: is more than 7");
  CHECK(first_violation(schema, R"({"city":"Ulm","days":1.5})") == R"(/days: is number, not "integer")");
  CHECK(first_violation(schema, R"({"city":"Ulm","days":1.0})").empty());
  CHECK(first_violation(schema, R"({"city":"Ulm","unit":"k"})") == R"(/unit: is none of ["c","f"])");
  CHECK(first_violation(schema, R"({"city":"Ulm","stops":[{"a/b":1},{}]})") == R"(/stops/1: "a/b" is missing)");
  CHECK(first_violation(schema, R"({"city":"Ulm","stops":[1,2,3]})") == "/stops: has more than 2 items");
  CHECK(first_violation(schema, R"({"city":"Ulm","to":1})") == R"("to" is not a member that it has)");
}

TEST_CASE("alternatives, negations and references") {
  CHECK(first_violation(R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "1") == "fits none of the alternatives");
  CHECK(first_violation(R"({"oneOf":[{"type":"number"},{"minimum":2}]})", "3").starts_with("fits more than one"));
  CHECK(first_violation(R"({"not":{"type":"string"}})", R"("x")") == "is what it must not be");
  CHECK(first_violation(R"({"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}},"required":["v"]}},
                   "$ref":"#/$defs/n"})",
                        R"({"v":1,"next":{"v":2,"next":{}}})") == R"(/next/next: "v" is missing)");
}

TEST_CASE("what is not decided is not refused, whatever stands around it") {
  CHECK(first_violation(R"({"pattern":"^a"})", R"("b")").empty());
  CHECK(first_violation(R"({"not":{"pattern":"^a"}})", R"("b")").empty());
  CHECK(first_violation(R"({"oneOf":[{"type":"string"},{"pattern":"^a"}]})", R"("b")").empty());
  CHECK(first_violation(R"({"$ref":"https://elsewhere.example/x"})", "1").empty());
  CHECK(first_violation("nonsense", "1").empty());
  CHECK(first_violation("7", "1").empty());
}

TEST_CASE("schemas and arguments that are made to hurt end in time") {
  CHECK(first_violation(R"({"$ref":"#"})", "1") == kTooMuch);
  CHECK(first_violation(R"({"allOf":[{"$ref":"#"},{"$ref":"#"}]})", "{}") == kTooMuch);
  std::string deep = "1";
  for (int i = 0; i < 90; ++i) deep = R"({"a":)" + deep + "}";
  CHECK(first_violation(R"({"anyOf":[{"type":"null"},{"required":["b"],"properties":{"a":{"$ref":"#"}}},
                   {"properties":{"a":{"$ref":"#"}},"not":{}},{"properties":{"a":{"$ref":"#"}},"not":{}}]})",
                        deep) == kTooMuch);
  std::string nested = "{}";
  for (int i = 0; i < 5'000; ++i) nested = R"({"not":)" + nested + "}";
  CHECK(first_violation(nested, "1") == kTooMuch);
  std::string items = "[0";
  for (int i = 1; i < 50'000; ++i) items += "," + std::to_string(i);
  CHECK(first_violation(R"({"uniqueItems":true})", items + "]").empty());
  CHECK(first_violation(R"({"uniqueItems":true})", items + ",7]") == "has the same item twice");
}

TEST_CASE("the work of a check is bounded, whatever schema and arguments make of each other") {
  const auto repeat = [](int times, const std::string& text, const std::string& between = ",") {
    std::string out;
    for (int i = 0; i < times; ++i) out += (i == 0 ? "" : between) + text;
    return out;
  };
  std::string words;
  for (int i = 0; i < 20'000; ++i) words += (i == 0 ? "\"w" : ",\"w") + std::to_string(i) + "\"";
  const std::string long_text = "\"" + std::string(200'000, 'a') + "\"";
  const std::string zeros = "[" + repeat(20'000, "0") + "]";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"allOf":[)" + repeat(30'000, R"({"minLength":1})") + "]}", long_text},
      {R"({"items":{"anyOf":[{"enum":[)" + words + "]},true]}}", zeros},
      {R"({"allOf":[)" + repeat(5'000, R"({"uniqueItems":true})") + "]}", "[" + words + "]"},
      {R"({"items":{"anyOf":[{"enum":[)" + repeat(1'000, "[[" + repeat(100, "1") + ",2]]") + "]},true]}}",
       "[" + repeat(1'000, "[[" + repeat(100, "1") + "]]") + "]"},
      {"{\"enum\":[" + std::string(2 << 20, ' ') + "1]}", "2"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    // What stands behind it is reached only if the work before it was not cut short: without the bound, after minutes.
    CHECK(first_violation(R"({"allOf":[)" + cases[i].first + ",false]}", cases[i].second).contains("to check"));
  }
  CHECK(first_violation(R"({"allOf":[{"minLength":1},false]})", R"("a")") == "nothing may stand here");
}

TEST_CASE("the public suite of JSON Schema: nothing that fits is refused, and what is wrong is found") {
  const std::filesystem::path suite = "/usr/share/json-schema-test-suite/tests/draft7";
  if (!std::filesystem::exists(suite)) {
    MESSAGE("the package json-schema-test-suite is absent: its cases were NOT run");
    return;
  }
  int cases = 0;
  for (const auto& file : std::filesystem::directory_iterator(suite)) {
    if (file.path().extension() != ".json") continue;
    const std::string word = file.path().stem();
    std::ifstream in(file.path());
    for (const auto& group : Json::parse(in)) {
      const bool other_draft = kOtherDraft.contains(group["description"].get<std::string>());
      const std::string text = group["schema"].dump();
      const bool undecided = kUndecidedFiles.contains(word) || is_undecided(text);
      const ArgumentSchema schema(text);
      for (const auto& test : group["tests"]) {
        CAPTURE(word);
        CAPTURE(group["description"].get<std::string>());
        CAPTURE(test["description"].get<std::string>());
        const bool refused = schema.first_violation(test["data"].dump()).has_value();
        const bool valid = test["valid"];
        if (valid && !other_draft) CHECK(!refused);
        if (!valid && !undecided) CHECK(refused);
        ++cases;
      }
    }
  }
  CHECK(cases > 400);
}

TEST_CASE("nulls that stand for an absent member are found at every depth") {
  const auto nulls = [](std::string_view schema, std::string_view arguments) {
    std::size_t work = 100'000;
    return ArgumentSchema(schema).absent_nulls(arguments, work);
  };
  using Pointers = std::vector<std::string>;
  const std::string schema = R"({"type":"object","properties":{"q":{"type":"string"},"a/b":{"enum":["x"]},
      "maybe":{"type":["string","null"]},"or":{"anyOf":[{"type":"string"},{"type":"null"}]},"any":{},
      "list":{"type":"array","items":{"$ref":"#/$defs/n"}},
      "pick":{"anyOf":[{"type":"object","properties":{"k":{"const":1},"v":{"type":"string"}},"required":["k"]},
                       {"type":"object","properties":{"k":{"const":2},"w":{"type":"string"}},"required":["k"]}]}},
      "required":["q"],"$defs":{"n":{"type":"object","properties":{"d":{"type":"boolean"},"next":{"$ref":"#/$defs/n"}}}}})";
  CHECK(nulls(schema, R"({"q":"x","a/b":null,"maybe":null,"or":null,"any":null,"list":null,"more":null})") ==
        Pointers{"/a~1b", "/list"});
  CHECK(nulls(schema, R"({"q":"x","list":[{"d":true},{"d":null,"next":{"d":null,"next":null}}]})") ==
        Pointers{"/list/1/d", "/list/1/next/d", "/list/1/next/next"});
  CHECK(nulls(schema, R"({"q":"x","pick":{"k":2,"v":null,"w":null}})") == Pointers{"/pick/w"});
  CHECK(nulls(schema, R"({"q":null})").empty());  // required
  CHECK(nulls(schema, R"({"q":"null"})").empty());
  CHECK(nulls("true", R"({"q":null})").empty());
}

TEST_CASE("members are taken out of a text, and the rest stays as it is written") {
  CHECK(without_members(R"({"a":1,"b": null ,"c":[1.50, {"d":null,"e":12345678901234567890}]})", {"/b", "/c/1/d"}) ==
        R"({"a":1,"c":[1.50,{"e":12345678901234567890}]})");
  CHECK(without_members(R"({"a":null})", {"/a"}) == "{}");
  CHECK(without_members(R"({"a/b":null,"~":null,"\u0061":null,"b":{"x":1}})", {"/a~1b", "/~0", "/a"}) ==
        R"({"b":{"x":1}})");
  CHECK(without_members(R"({"a":1})", {}) == R"({"a":1})");
}

TEST_CASE("arguments that are too much to check are refused, so that none can hide a violation behind others") {
  const std::string schema = R"({"type":"object","properties":{"path":{"enum":["/public"]},
      "a":{"type":"array","items":{"type":"integer"}}},"required":["path"]})";
  const std::string good = R"("path":"/public"})";
  CHECK(first_violation(schema, "{" + good).empty());
  for (const std::string path : {"/public", "/etc/shadow"}) {
    const std::string member = "\"path\":\"" + path + "\"";
    CHECK(first_violation(schema, "{" + member + std::string(4 << 20, ' ') + "}") ==
          "they are longer than 4 MiB, which is too much to check");
    std::string zeros;
    for (int i = 0; i < 200'000; ++i) zeros += "0,";
    CHECK(first_violation(schema, "{\"a\":[" + zeros + "0]," + member + "}") == kTooMuch);
  }
  std::string deep = R"({"path":"/etc/shadow"})";
  for (int i = 0; i < 60; ++i) deep = R"({"path":"/public","next":)" + deep + "}";
  CHECK(first_violation(
            R"({"$defs":{"n":{"allOf":[{"properties":{"path":{"enum":["/public"]},"next":{"$ref":"#/$defs/n"}}}]}},
                   "$ref":"#/$defs/n"})",
            deep) == kTooMuch);
  CHECK(first_violation("{\"enum\":[" + std::string(2 << 20, ' ') + "1]}", "1") ==
        "the schema is longer than 1 MiB, which is too much to check");
  std::size_t work = 2;
  CHECK(ArgumentSchema(schema).first_violation("{" + good, work) == kTooMuch);
}

TEST_CASE("parsing counts as work, for the values and not for the texts") {
  const ArgumentSchema schema(R"({"properties":{"x":{"type":"array"}}})");
  std::string zeros = "{\"x\":[0";
  for (int i = 0; i < 400'000; ++i) zeros += ",0";
  std::size_t work = 250'000;
  CHECK_FALSE(schema.first_violation(zeros + "]}", work));
  CHECK(work < 150'000);
  CHECK(schema.first_violation(zeros + "]}", work) == std::nullopt);
  CHECK(schema.first_violation(zeros + "]}", work) == kTooMuch);
  std::string commas;
  for (int i = 0; i < 500'000; ++i) commas += R"(\",[{)";
  CHECK(first_violation(R"({"properties":{"x":{"type":"string"}}})", "{\"x\":\"" + commas + "\"}").empty());
}

TEST_CASE("arguments of any size fit a schema that allows any members") {
  const std::string large = "{\"a\":\"" + std::string(5 << 20, 'x') + "\"}";
  for (const char* schema :
       {"{}", R"({"type":"object"})",
        R"({"type":"object","properties":{},"required":[],"additionalProperties":true,"title":"t"})"}) {
    CHECK(first_violation(schema, large).empty());
  }
  CHECK(!first_violation(R"({"type":"object","additionalProperties":false})", large).empty());
  CHECK(first_violation(R"({"type":"object"})", "[]") == R"(is array, not "object")");
}

TEST_CASE("a reason is short, however long names, schemas and pointers are") {
  const std::string name(900'000, 'n');
  const std::string shown = std::string(120, 'n') + "…";
  CHECK(first_violation(R"({"required":[")" + name + "\"]}", "{}") == "\"" + shown + "\" is missing");
  CHECK(first_violation(R"({"additionalProperties":false})", "{\"" + name + "\":1}") ==
        "\"" + shown + "\" is not a member that it has");
  CHECK(first_violation(R"({"enum":[")" + name + "\"]}", "1").size() < 200);
  CHECK(first_violation(R"({"enum":[)" + std::string(200, '[') + std::string(200, ']') + "]}", "1").size() < 200);
  CHECK(first_violation(R"({"additionalProperties":{"type":"integer"}})", "{\"" + name + "\":\"\"}") ==
        "/" + std::string(299, 'n') + "…: is string, not \"integer\"");
}

TEST_CASE("long references, names and lists of types are paid for each time") {
  const std::string name(300'000, 'k');
  const auto often = [](const std::string& leaf) {
    const auto fan = [](const std::string& to) {
      std::string all;
      for (int i = 0; i < 100; ++i) all += (i == 0 ? "" : ",") + std::string(R"({"$ref":"#/$defs/)") + to + "\"}";
      return R"({"anyOf":[)" + all + "]}";
    };
    return R"({"$defs":{"a":)" + fan("b") + ",\"b\":" + fan("c") + ",\"c\":" + leaf + R"(},"$ref":"#/$defs/a"})";
  };
  const std::string named = "{\"" + name + "\":1}";
  std::string types;
  for (int i = 0; i < 50'000; ++i) types += R"("null",)";
  // Each of them 10,000 times took seconds.
  CHECK(first_violation(often(R"({"required":[")" + name + "\"]}"), "{}") == kTooMuch);
  CHECK(first_violation(often(R"({"propertyNames":{"type":"integer"}})"), named) == kTooMuch);
  CHECK(first_violation(often(R"({"type":[)" + types + R"("null"]})"), "{}") == kTooMuch);
  CHECK(first_violation(often(R"({"dependentRequired":{")" + name + R"(":["b"]},"minProperties":9})"), named) ==
        "fits none of the alternatives");
  CHECK(first_violation(often(R"({"additionalProperties":{"type":"null"}})"), named) == kTooMuch);
  // A reference is looked up once.
  CHECK(first_violation(often(R"({"$ref":"#/$defs/)" + name + "\"}"), "{}").empty());
  // Items without a schema are not walked through.
  std::string zeros = "[0";
  for (int i = 0; i < 200'000; ++i) zeros += ",0";
  CHECK(first_violation(often(R"({"allOf":[{"prefixItems":[{"type":"integer"}]},false]})"), zeros + "]") ==
        "fits none of the alternatives");
}
