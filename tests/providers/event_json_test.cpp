#include "worker/providers/codec/event_json.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "protocol/json_text.hpp"
#include "tests/providers/corpus.hpp"

using namespace aiw;

namespace {

// What the texts of consecutive events' member `t` become, one string a delta and the flush last.
std::vector<std::string> join(const std::vector<std::string>& events) {
  EventJson json;
  TextJoiner joiner;
  std::vector<std::string> out;
  for (const auto& event : events) {
    const auto root = json.parse(event);
    REQUIRE(root);
    out.emplace_back(joiner.add(get_string_or_empty(*root, "t"), json.repaired()));
  }
  out.emplace_back(joiner.flush());
  for (const auto& text : out) CHECK_FALSE(find_invalid_utf8(text));
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("one whole JSON value is parsed, anything else is refused") {
  EventJson json;
  CHECK(json.parse(R"({"a":[1,2,{"b":null}]})"));
  CHECK(json.parse("  3 "));
  for (const std::string bad :
       {"", " ", "{", R"({"a":1}{"b":2})", R"({"a":1} {"b":2})", R"({"a":1}x)", R"({"a" 1})", R"({"a":"\x"})",
        R"({"a":"\ud8zz"})", "{\"a\":\"\x01\"}", "[1,]", "\xFF", "{\"a\xFF\":}"}) {
    CAPTURE(bad);
    CHECK_FALSE(json.parse(bad));
  }
  CHECK(json.parse("{}"));  // the parser is usable after failures
}

TEST_CASE("nesting is bounded") {
  EventJson json;
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(json.parse(nested(EventJson::kMaxDepth)));
  CHECK_FALSE(json.parse(nested(EventJson::kMaxDepth + 1)));
  CHECK_FALSE(json.parse(std::string(1 << 20, '[')));
}

TEST_CASE("a surrogate pair split across deltas is joined") {
  CHECK(join({R"({"t":"a\ud83d"})", R"({"t":"\ude00b"})"}) == Texts{"a",
                                                                    "\xF0\x9F\x98\x80"
                                                                    "b",
                                                                    ""});
  CHECK(join({R"({"t":"a\ud83d"})", R"({"t":""})", R"({"t":"\uDE00"})"}) == Texts{"a", "", "\xF0\x9F\x98\x80", ""});
}

TEST_CASE("UTF-8 split across deltas is joined") {
  CHECK(join({"{\"t\":\"a\xE2\"}", "{\"t\":\"\x82\"}", "{\"t\":\"\xAC!\"}"}) == Texts{"a", "", "\xE2\x82\xAC!", ""});
  CHECK(join({"{\"t\":\"\xF0\x9F\"}", "{\"t\":\"\x98\x80\"}"}) == Texts{"", "\xF0\x9F\x98\x80", ""});
}

TEST_CASE("what never becomes a character is replaced") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(join({R"({"t":"a\ud83d"})", R"({"t":"b"})"}) == Texts{"a", mark + "b", ""});
  CHECK(join({R"({"t":"\ud83d"})"}) == Texts{"", mark});
  CHECK(join({R"({"t":"\ude00\ud83dx"})"}) == Texts{mark + mark + "x", ""});
  CHECK(join({"{\"t\":\"\xE2\x82\"}"}) == Texts{"", mark});
  CHECK(join({"{\"t\":\"\xFF\x80z\xC3(\"}"}) == Texts{mark + mark + "z" + mark + "(", ""});
  CHECK(join({R"({"t":"\ud83d\ud83d\ude00"})"}) == Texts{mark + "\xF0\x9F\x98\x80", ""});
}

TEST_CASE("characters that serve as markers survive, repaired or not") {
  const std::string marker = "\xF4\x8F\x80\x80";  // U+10F000
  CHECK(join({"{\"t\":\"" + marker + "\"}"}) == Texts{marker, ""});
  CHECK(join({"{\"t\":\"" + marker + R"(\udbfc\udc00\ude00"})"}) == Texts{marker + marker + "\xEF\xBF\xBD", ""});
}

TEST_CASE("escapes that look like surrogates but are text stay") {
  CHECK(join({R"({"t":"\\ud83d \u0041\ud83d"})"}) == Texts{R"(\ud83d A)", "\xEF\xBF\xBD"});
}

TEST_CASE("plain_text never shows a marker") {
  EventJson json;
  const auto root = json.parse(R"({"name":"x\ud83d"})");
  REQUIRE(root);
  CHECK(json.plain_text(get_string_or_empty(*root, "name")) == "x\xEF\xBF\xBD");
}

TEST_CASE("getters give nothing for missing members, nulls and other types") {
  EventJson json;
  const auto root = json.parse(R"({"s":"x","n":null,"i":5,"neg":-1,"f":2.0,"half":2.5,"big":9223372036854775808,
                                    "huge":1e300,"o":{"a":{"b":7}},"l":[1],"t":true})");
  REQUIRE(root);
  CHECK(get_string(*root, "s") == "x");
  CHECK_FALSE(get_string(*root, "i"));
  CHECK_FALSE(get_member(*root, "n"));
  CHECK_FALSE(get_member(*root, "absent"));
  CHECK(get_count(*root, "i") == 5);
  CHECK(get_count(*root, "f") == 2);
  for (const auto key : {"neg", "half", "big", "huge", "s", "t", "n", "o"}) {
    CAPTURE(key);
    CHECK_FALSE(get_count(*root, key));
  }
  CHECK(get_bool(*root, "t") == true);
  CHECK(get_object(*root, "o"));
  CHECK_FALSE(get_object(*root, "l"));
  CHECK(get_array(*root, "l"));
  CHECK(get_path(*root, {"o", "a", "b"}));
  CHECK_FALSE(get_path(*root, {"o", "x", "b"}));
  CHECK(to_json(*get_member(*root, "o")) == R"({"a":{"b":7}})");
}

TEST_CASE("numbers of any size and form are written as they came") {
  EventJson json;
  for (const std::string text :
       {R"({"a":1000000000000000000000,"b":-99999999999999999999})",
        R"({"a":[18446744073709551616,18446744073709551615]})",
        R"({"a":1e400,"b":-1E+400,"c":[0.10,1.50,1E5,1.0,-0.0]})",
        R"({"a":0.12345678901234567890123,"b":{"c":1e-400}})", R"([[],{},1.10,[2.20,{"x":"3.30"}],"4.40",5.5])",
        R"({"s":"\"1.0\"","t":"\\","n":1.00})", "{\"s\":\"\xF4\x8F\xA4\x80\",\"n\":1000000000000000000000}"}) {
    CAPTURE(text);
    const auto root = json.parse(text);
    REQUIRE(root);
    CHECK(json.is_valid_json() == !text.contains('\xF4'));
    CHECK(json.json_text(*root) == text);
  }
}

TEST_CASE("each value of a text has its own fractions") {
  EventJson json;
  const auto root = json.parse(R"({"a": {"x": 1.10}, "b": [ {"y": 2.20}, {"z": [3.30, {}, []]} ], "c": {"w": 4.40}})");
  REQUIRE(root);
  CHECK(json.json_text(*get_member(*root, "c")) == R"({"w":4.40})");
  CHECK(json.json_text(*get_member(*root, "a")) == R"({"x":1.10})");
  const auto list = *get_array(*root, "b");
  CHECK(json.json_text(list.at(1).value()) == R"({"z":[3.30,{},[]]})");
  CHECK(json.json_text(list.at(0).value()) == R"({"y":2.20})");
  CHECK(json.json_text(*get_member(*root, "b")) == R"([{"y":2.20},{"z":[3.30,{},[]]}])");
}

TEST_CASE("large numbers and broken characters in one text are both repaired") {
  EventJson json;
  for (const std::string text :
       {R"({"t":"\ud83d","n":[1000000000000000000000,1.10]})", R"({"n":[1000000000000000000000,1.10],"t":"\ud83d"})",
        "{\"n\":[1000000000000000000000,1.10],\"t\":\"\xFF\"}"}) {
    CAPTURE(text);
    const auto root = json.parse(text);
    REQUIRE(root);
    CHECK(json.repaired());
    CHECK_FALSE(json.is_valid_json());
    CHECK(json.json_text(*get_member(*root, "n")) == "[1000000000000000000000,1.10]");
    CHECK(json.plain_text(get_string_or_empty(*root, "t")) == "\xEF\xBF\xBD");
  }
  const auto root = json.parse(R"({"id":1000000000000000000000})");
  REQUIRE(root);
  CHECK(json.plain_text(get_string_or_empty(*root, "id")) == "1000000000000000000000");
  CHECK_FALSE(get_count(*root, "id"));
  for (const std::string bad : {"[01000000000000000000000]", "[1000000000000000000000.]", "[1000000000000000000000e]",
                                "[-]", "[+1000000000000000000000]", "[1000000000000000000000"}) {
    CAPTURE(bad);
    CHECK_FALSE(json.parse(bad));
  }
}

TEST_CASE("an error is what says something") {
  EventJson json;
  for (const char* none : {"null", "false", "{}", "[]", "\"\""}) {
    const std::string text = std::string("{\"error\":") + none + "}";
    CHECK_FALSE(get_error(*json.parse(text)));
  }
  for (const char* some : {"true", "1", "{\"a\":null}", "[0]", "\"x\""}) {
    const std::string text = std::string("{\"error\":") + some + "}";
    CHECK(get_error(*json.parse(text)));
  }
}

TEST_CASE("JSONTestSuite: events accept what is JSON and reject what is not") {
  const auto root = testing::corpus_root();
  if (!root) {
    MESSAGE("skipped: the corpus is not there (AIW_CORPUS)");
    return;
  }
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*root / "json")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EventJson json;
    const bool accepted = json.parse(text).has_value();
    if (name.starts_with("y_")) CHECK(accepted);
    if (name.starts_with("n_")) CHECK_FALSE(accepted);
    ++count;
  }
  CHECK(count > 100);
}
