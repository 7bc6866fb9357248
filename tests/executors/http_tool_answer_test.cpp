#include <doctest/doctest.h>

#include "tests/executors/http_tool_fixture.hpp"

namespace aiw::test {
namespace {

Json tool_with(const Json& response, const Json& more = Json::object()) {
  Json http = {{"url", "https://api.example.com/"}, {"response", response}};
  http.update(more);
  return http;
}

Json answered(const Json& http, std::string_view body, std::string_view type = "application/json", int status = 200) {
  HttpToolFixture tool(http);
  tool.call(Json::object());
  tool.answer(status, body, type);
  REQUIRE(tool.raw_output());
  CHECK(tool.raw_output()->find('\n') == std::string::npos);
  CHECK_FALSE(tool.http().last().open());
  return tool.output();
}

Json json_value(const Json& value) { return {{"type", "json"}, {"value", value}}; }
Json text_value(const std::string& value) { return {{"type", "text"}, {"value", value}}; }
Json error_value(const std::string& value) { return {{"type", "error-text"}, {"value", value}}; }

TEST_CASE("HTTP tool: an answer is JSON if it says so and is, else text") {
  const Json plain = tool_with(Json::object());
  CHECK(answered(plain, "{\n \"a\": [1,\r\n2]}") == json_value({{"a", {1, 2}}}));
  CHECK(answered(plain, "\"x\"", "application/problem+json; charset=utf-8") == json_value("x"));
  CHECK(answered(plain, "[1]", "") == json_value({1}));
  CHECK(answered(plain, "[1]", "text/plain") == text_value("[1]"));
  CHECK(answered(plain, "no json") == text_value("no json"));
  CHECK(answered(plain, "", "", 204) == text_value(""));
  CHECK(answered(plain,
                 "a\xff"
                 "b\n",
                 "text/html") == text_value("a\xEF\xBF\xBD"
                                            "b\n"));
  // What is JSON to some parsers only.
  CHECK(answered(plain, R"({"a":1,"a":2})").at("type") == "text");
  CHECK(answered(plain, "1e999").at("type") == "text");
  CHECK(answered(plain, std::string(5000, '[') + std::string(5000, ']')).at("type") == "text");
  CHECK(answered(plain, R"(["\ud83d"])") == json_value({"\xEF\xBF\xBD"}));
}

TEST_CASE("HTTP tool: the declaration says how the answer is read and which part of it counts") {
  CHECK(answered(tool_with({{"as", "text"}}), "{\"a\":1}") == text_value("{\"a\":1}"));
  CHECK(answered(tool_with({{"as", "json"}}), "{\"a\":1}", "text/plain") == json_value({{"a", 1}}));
  CHECK(answered(tool_with({{"as", "json"}}), "<html>") == error_value("the answer is not JSON"));
  const std::string body = R"({"data":{"items":[{"a/b":"x"},{"n":null}],"":5}})";
  CHECK(answered(tool_with({{"pointer", "/data/items/0"}}), body, "text/plain") == json_value({{"a/b", "x"}}));
  CHECK(answered(tool_with({{"pointer", "/data/items/0/a~1b"}, {"as", "text"}}), body) == text_value("x"));
  CHECK(answered(tool_with({{"pointer", "/data/"}}), body) == json_value(5));
  for (const char* pointer : {"/none", "/data/items/2", "/data/items/-", "/data/items/0/a~1b/c", "/data/items/01x"}) {
    CHECK(answered(tool_with({{"pointer", pointer}}), body) ==
          error_value(std::string("the answer has no ") + pointer));
  }
  CHECK(answered(tool_with({{"pointer", "/a"}}), "no json") == error_value("the answer is not JSON"));
}

TEST_CASE("HTTP tool: a refusal is an error with the status and a bounded part of the body") {
  const Json plain = tool_with(Json::object());
  CHECK(answered(plain, R"({"error":"no"})", "application/json", 404) ==
        error_value(R"(HTTP error (404): {"error":"no"})"));
  CHECK(answered(plain, "", "", 302) == error_value("HTTP error (302): "));
  CHECK(answered(tool_with({{"pointer", "/x"}}, {{"errorPrefix", "LeanSpec API error"}}), "gone", "text/plain", 410) ==
        error_value("LeanSpec API error (410): gone"));
  CHECK(answered(plain, "a\xff", "", 500) == error_value("HTTP error (500): a\xEF\xBF\xBD"));

  HttpToolFixture tool(plain);
  tool.call(Json::object());
  tool.http().last().head(500, {});
  std::string body;
  for (int i = 0; i < 3000; ++i) body += "é";
  tool.http().last().body(body.substr(0, 4000));
  CHECK_FALSE(tool.raw_output());
  tool.http().last().body(body.substr(4000));
  CHECK_FALSE(tool.http().last().open());  // the rest is not waited for
  REQUIRE(tool.raw_output());
  const std::string text = tool.error_text();
  CHECK(text.size() == std::string("HTTP error (500): ").size() + 4096);
}

TEST_CASE("HTTP tool: failures of the network are errors for the model") {
  const Json plain = tool_with({{"maxBytes", 10}});
  HttpToolFixture tool(plain);
  tool.call(Json::object());
  CHECK(tool.http().last().limits().max_body_bytes == 10);
  tool.http().last().fail(network_error("upstream_reset"));
  CHECK(tool.output() == error_value("the call failed: the network failed"));
  tool.call(Json::object());
  tool.http().last().head(200, {});
  tool.http().last().fail(network_error("response_too_large"));
  CHECK(tool.output() == error_value("the answer is longer than 10 bytes"));
  tool.call(Json::object());
  tool.http().last().head(503, {});
  tool.http().last().body("busy");
  tool.http().last().fail(network_error("upstream_reset"));
  CHECK(tool.output() == error_value("HTTP error (503): busy"));
  CHECK(tool.http().count() == 3);  // nothing is sent twice
}

TEST_CASE("HTTP tool: a call that is given up closes its connection and says nothing") {
  HttpToolFixture tool(tool_with(Json::object()));
  tool.call(Json::object());
  CHECK(tool.http().last().open());
  tool.cancel_request();
  CHECK_FALSE(tool.http().last().open());
  CHECK_FALSE(tool.raw_output());
}

}  // namespace
TEST_CASE("HTTP tool: a literal key is taken out of the answer, too") {
  HttpToolFixture f(
      {{"url", "https://api.example/x"}, {"headers", {{"x-api-key", "literal-key-0001"}, {"x-trace", "trace-0001"}}}});
  f.call(Json::object());
  f.answer(200, R"({"got":"literal-key-0001","trace":"trace-0001"})");
  CHECK(f.output() == Json::parse(R"({"type":"json","value":{"got":"[redacted]","trace":"trace-0001"}})"));
}

TEST_CASE("HTTP tool: a key that the server says again is taken out of its answer, whatever that is") {
  const SecretResolver secrets = [](std::string_view, const BaseUrl&) { return std::string("s3cret \\ \"key\""); };
  HttpToolFixture f({{"url", "https://api.example/x"}, {"headers", {{"authorization", "Bearer ${KEY}"}}}}, secrets);
  f.call(Json::object());
  f.answer(200, R"({"got":"Bearer s3cret \\ \"key\"","type":"text"})");
  CHECK(f.output() == Json::parse(R"({"type":"json","value":{"got":"Bearer [redacted]","type":"text"}})"));
  f.call(Json::object());
  f.answer(200, R"({"got":"s3cr\u0065t \\ \u0022key\"","type":"text"})");
  CHECK(f.output() == Json::parse(R"({"type":"json","value":{"got":"[redacted]","type":"text"}})"));
  f.call(Json::object());
  f.answer(401, "no such key: s3cret \\ \"key\"", "text/plain");
  CHECK(f.error_text() == "HTTP error (401): no such key: [redacted]");
  f.call(Json::object());
  f.answer(401, R"({"error":"no such key: s3cret \\ \"key\""})");
  CHECK(f.error_text() == R"(HTTP error (401): {"error":"no such key: [redacted]"})");
  // Longer than what is shown of it: no piece of the key is left at the cut.
  const std::string filler(4090, 'x');
  f.call(Json::object());
  f.http().last().head(401, {});
  f.http().last().body(filler + "s3cret \\ \"key\"");
  CHECK(f.error_text() == "HTTP error (401): " + filler + "[redac");
}

}  // namespace aiw::test
