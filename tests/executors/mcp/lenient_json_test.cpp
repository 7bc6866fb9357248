#include "worker/executors/mcp/lenient_json.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "protocol/json_reader.hpp"

using namespace aiw;

namespace {

std::string strict(const std::string& text) {
  const auto made = to_strict_json(text, 100);
  return made ? *made : "! " + made.error();
}

bool is_valid(std::string text) {
  JsonReader reader(text.data(), text.size(), 100);
  reader.validate();
  return reader.ok();
}

}  // namespace

TEST_CASE("lenient json: of members with one key the last stays, at every depth") {
  CHECK(strict(R"({"a":1,"b":2,"a":3})") == R"({"b":2,"a":3})");
  CHECK(strict(R"({"a":1,"a":2,"a":3})") == R"({"a":3})");
  CHECK(strict(R"({"a":{"x":1,"x":2},"a":{"y":1,"y":2}})") == R"({"a":{"y":2}})");
  CHECK(strict(R"([{"a":1,"\u0061":[{"b":1,"b":{}}]}])") == R"([{"\u0061":[{"b":{}}]}])");
  CHECK(strict(R"({"a":"b","b":"a"})") == R"({"a":"b","b":"a"})");
  CHECK(strict(R"({"a":["a","a"],"b":{"a":1}})") == R"({"a":["a","a"],"b":{"a":1}})");
}

TEST_CASE("lenient json: control characters are escaped, and what is no number becomes a string") {
  CHECK(strict("{\"a\tb\" : \"\n\x01\"}") == R"({"a\tb" : "\n\u0001"})");
  CHECK(strict(R"([NaN,Infinity,-Infinity,1e400,-1e400,1e-400,12])") ==
        R"(["NaN","Infinity","-Infinity","1e400","-1e400",1e-400,12])");
  CHECK(strict('[' + std::string(400, '9') + ']') == "[\"" + std::string(400, '9') + "\"]");
  CHECK(strict("[18446744073709551617]") == "[18446744073709551617]");
}

TEST_CASE("lenient json: what no parser reads stays wrong, and is not made right") {
  for (const std::string text :
       {"", "{", "[1,]", "{a:1}", "[1 2]", R"(["a" "b"])", "[nan]", "[NaNs]", R"(["\x"])", "['a']", "[01]", "[1]]",
        R"({"a":1}{"b":2})", "\"a", "[1e400e1]", "[NaN NaN]", "// x\n1"}) {
    CAPTURE(text);
    CHECK(strict(text).starts_with("! "));
  }
  CHECK(strict(std::string(101, '[') + std::string(101, ']')) == "! nested deeper than 100");
}

TEST_CASE("lenient json: responses are found in what is no JSON, requests and what lies deeper are not") {
  using Ids = std::vector<std::string_view>;
  CHECK(find_response_ids(R"({"id":3,"result":{"id":4,},})") == Ids{"3"});
  CHECK(find_response_ids(R"({"result":{"text":"\"}"},"id": "x" ])") == Ids{"\"x\""});
  CHECK(find_response_ids(R"({"error":[,"id":3)").empty());
  CHECK(find_response_ids(R"([{"id":1,"result":0},{"id":2},{"id":3,"error":0},{"id":4,"method":"m","result":0}])") ==
        Ids{"1", "3"});
  CHECK(find_response_ids(R"({"params":{"id":3,"result":0},})").empty());
  CHECK(find_response_ids("}]{\"id\":1,\"result\":").size() == 1);
  for (const std::string text : {"", "{", "\"", "{\"id\":", "[[[", ":::", "{\"id\"", "\\"}) {
    CHECK(find_response_ids(text).empty());
  }
}

TEST_CASE("lenient json: whatever comes out is JSON that a strict reader takes, and stays as it is") {
  constexpr std::array<std::string_view, 20> kPieces = {
      "{",     "}",   "[",    "]",  ",",           ":", "\"a\"",           "\"b\"", "\"", "\\",
      "1e999", "NaN", "null", "\t", "\"\\u0061\"", "1", "{\"a\":1,\"a\":", "}",     "]",  "\n"};
  std::mt19937 random(1);
  int good = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (auto count = random() % 14; count > 0; --count) text += kPieces[random() % kPieces.size()];
    const auto made = to_strict_json(text, 100);
    static_cast<void>(find_response_ids(text));
    if (!made) continue;
    ++good;
    CAPTURE(text);
    REQUIRE(is_valid(*made));
    CHECK(to_strict_json(*made, 100) == *made);
    if (is_valid(text)) CHECK(nlohmann::json::parse(*made) == nlohmann::json::parse(text));
  }
  CHECK(good > 2'000);
}
