#include "worker/agent/assistant_message.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "protocol/decode.hpp"

using namespace aiw;

namespace {

std::string message(const AssistantMessage& answer) {
  Rope json;
  answer.write_message(json);
  return json.str();
}

CheckedCall check(std::string input) { return check_call({"id", "name", std::move(input), false}); }

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

}  // namespace

TEST_CASE("parts are put together by number, whatever the order of their pieces") {
  AssistantMessage answer;
  CHECK(answer.empty());
  answer.delta(0, ContentKind::reasoning, "thi");
  answer.delta(1, ContentKind::text, "Hel");
  answer.delta(0, ContentKind::reasoning, "nk");
  answer.provider_state(0, "state-0");
  answer.delta(1, ContentKind::text, "lo \"you\"");
  answer.delta(2, ContentKind::tool_input, R"({"x")");
  answer.tool_call(2, check_call({"call_1", "add", R"({"x":1})", false}));
  answer.provider_state(2, "state-2");
  answer.provider_state(3, "state-3");
  answer.delta(4, ContentKind::refusal, "no");
  CHECK(!answer.empty());
  CHECK(message(answer) ==
        R"({"role":"assistant","content":[{"type":"reasoning","text":"think","providerState":"state-0"},)"
        R"({"type":"text","text":"Hello \"you\""},)"
        R"({"type":"tool-call","toolCallId":"call_1","toolName":"add","input":{"x":1},"inputText":"{\"x\":1}",)"
        R"("providerState":"state-2"},{"type":"provider","providerState":"state-3"},{"type":"text","text":"no"}]})");
  REQUIRE(answer.calls().size() == 1);
  CHECK(answer.calls()[0]->call.id == "call_1");
}

TEST_CASE("a call whose input never became complete is left out") {
  AssistantMessage answer;
  answer.delta(0, ContentKind::text, "a");
  answer.delta(1, ContentKind::tool_input, R"({"x")");
  CHECK(message(answer) == R"({"role":"assistant","content":[{"type":"text","text":"a"}]})");
  CHECK(answer.calls().empty());
  AssistantMessage only_begun;
  only_begun.delta(0, ContentKind::tool_input, "{");
  CHECK(only_begun.empty());
}

TEST_CASE("a part that was only announced is not content") {
  AssistantMessage answer;
  answer.delta(0, ContentKind::text, "");
  CHECK(answer.empty());
  CHECK(message(answer) == R"({"role":"assistant","content":[]})");
}

TEST_CASE("a message that was written is read again as it was") {
  AssistantMessage answer;
  answer.delta(0, ContentKind::text, "a\n\xE2\x82\xAC");
  answer.tool_call(1, check_call({"c", "t", "{\n  \"k\": [1, 2]\n}", false}));
  std::string json = "[" + message(answer) + "]";
  const auto messages = decode_messages(json);
  REQUIRE(messages.size() == 1);
  REQUIRE(messages[0].parts.size() == 2);
  CHECK(std::get<TextPart>(messages[0].parts[0]).text.text() == "a\n\xE2\x82\xAC");
  const auto& call = std::get<ToolCallPart>(messages[0].parts[1]);
  CHECK(call.input_text.text() == "{\n  \"k\": [1, 2]\n}");
  CHECK(call.input.json == R"({   "k": [1, 2] })");
}

TEST_CASE("absurd part numbers cost bounded memory") {
  AssistantMessage answer;
  answer.delta(2'000'000'000, ContentKind::text, "far");
  answer.delta(-5, ContentKind::text, "near");
  CHECK(message(answer) ==
        R"({"role":"assistant","content":[{"type":"text","text":"near"},{"type":"text","text":"far"}]})");
}

TEST_CASE("arguments that are JSON are passed on as written") {
  for (const std::string input : {"{}", R"({"a":[1,-2.5e3,"\u00e9",null,true]})", "[]", "3", R"("s")", " { } "}) {
    const auto call = check(input);
    CHECK(call.parse_error.empty());
    CHECK(call.input_json == input);
  }
}

TEST_CASE("arguments over several lines stay one line of output") {
  const auto call = check("{\r\n\t\"a\": \"x\\n\"\n}");
  CHECK(call.parse_error.empty());
  CHECK(call.input_json == "{  \t\"a\": \"x\\n\" }");
  CHECK(call.call.input_text == "{\r\n\t\"a\": \"x\\n\"\n}");
}

TEST_CASE("arguments that are none become null, with a reason that does not quote them") {
  for (const std::string input :
       {"", "{", R"({"s3cret":})", "{} {}", "nope", R"({"a":1,"a":2})", "{\"a\":\"\n\"}", "NaN", "1e999"}) {
    CAPTURE(input);
    const auto call = check(input);
    CHECK(call.input_json == "null");
    CHECK(!call.parse_error.empty());
    CHECK(call.parse_error.find("s3cret") == std::string::npos);
    CHECK(call.call.input_text == input);
  }
}

TEST_CASE("a lone surrogate in arguments never reaches a frame as one") {
  const auto call = check(R"({"a":"\ud800"})");
  CHECK(call.parse_error.empty());
  CHECK(call.input_json == R"({"a":"\ufffd"})");
}

TEST_CASE("arguments as deep as a frame can take, and no deeper") {
  CHECK(check(nested(92)).parse_error.empty());
  CHECK(!check(nested(93)).parse_error.empty());
  CHECK(!check(nested(1'000'000)).parse_error.empty());
}

TEST_CASE("an output that no frame could hold becomes text, and nothing of it is lost") {
  const std::string flat = R"({"type":"json","value":{"a":[1]}})";
  CHECK(fit_output(flat) == flat);
  const std::string deep = R"({"type":"json","value":)" + std::string(95, '[') + std::string(95, ']') + "}";
  const auto fitted = nlohmann::json::parse(fit_output(deep));
  CHECK(fitted["type"] == "text");
  CHECK(fitted["value"] == std::string(95, '[') + std::string(95, ']'));
}
