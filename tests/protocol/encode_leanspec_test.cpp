#include "protocol/encode_leanspec.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using namespace aiw;

namespace {

const std::unique_ptr<FrameEncoder> kEncoder = make_encoder(Dialect::leanspec);

// Returns the frame of `event` of chat "c1" without its newline.
std::string frame(const ChatEvent& event, std::string_view id = "c1") {
  std::string out;
  CHECK(kEncoder->chat(id, false)->event(out, 7, event) == 1);
  REQUIRE(out.ends_with('\n'));
  CHECK(out.find('\n') == out.size() - 1);
  out.pop_back();
  CHECK(nlohmann::json::accept(out));
  return out;
}

void check_no_word(const ChatEvent& event) {
  std::string out = "before";
  CHECK(kEncoder->chat("c1", false)->event(out, 0, event) == 0);
  CHECK(out == "before");
}

}  // namespace

TEST_CASE("leanspec: text and refusals are written as chunks") {
  CHECK(frame(DeltaEvent{0, 1, ContentKind::text, "Hi\n\"", {}}) ==
        R"({"type":"chunk","id":"c1","data":{"text":"Hi\n\""}})");
  CHECK(frame(DeltaEvent{0, 0, ContentKind::refusal, "no", {}}) ==
        R"({"type":"chunk","id":"c1","data":{"text":"no"}})");
}

TEST_CASE("leanspec: calls and results are written under both names, args and input, result and output") {
  CHECK(frame(ToolCallEvent{1, "t1", "get_spec", {R"({"specId":"1"})"}, R"({"specId":"1"})", "parent", {}}) ==
        R"({"type":"tool_call","id":"c1","data":{"toolCallId":"t1","toolName":"get_spec","args":{"specId":"1"},)"
        R"("input":{"specId":"1"}}})");
  CHECK(frame(ToolCallEvent{1, "t1", "get_spec", {"null"}, "{", "parent", "cut"}) ==
        R"({"type":"tool_call","id":"c1","data":{"toolCallId":"t1","toolName":"get_spec","args":null,"input":null}})");
  CHECK(frame(ToolResultEvent{1, "t1", "get_spec", {R"({"type":"text","value":"x"})"}}) ==
        R"({"type":"tool_result","id":"c1","data":{"toolCallId":"t1","toolName":"get_spec",)"
        R"("result":"x","output":"x"}})");
}

TEST_CASE("leanspec: a tool's output is its value, and a failure is an object with an error") {
  const auto data = [](std::string_view output) {
    return nlohmann::json::parse(frame(ToolResultEvent{1, "t1", "get_spec", {output}})).at("data").at("result").dump();
  };
  CHECK(data(R"({"type":"json","value":{"a":[1]}})") == R"({"a":[1]})");
  CHECK(data(R"({"value":null,"type":"json"})") == "null");
  CHECK(data(R"({"type":"content","value":[{"type":"text","text":"x"}]})") == R"([{"text":"x","type":"text"}])");
  CHECK(data(R"({"type":"error-text","value":"no \"x\""})") == R"({"error":"no \"x\""})");
  CHECK(data(R"({"type":"error-json","value":{"code":1}})") == R"({"error":{"code":1}})");
  CHECK(data("[1]") == "[1]");
}

TEST_CASE("leanspec: done has the usage and the finish reason") {
  CHECK(frame(DoneEvent{FinishReason::length, "max_tokens", {"[]"}, {.input_tokens = 2}, 1, {}, {}}) ==
        R"({"type":"done","id":"c1","finishReason":"length","usage":{"inputTokens":2,"outputTokens":null,)"
        R"("totalTokens":null,"cachedInputTokens":null,"cacheWriteTokens":null,"reasoningTokens":null,)"
        R"("accuracy":"exact"}})");
}

TEST_CASE(
    "leanspec: the end of a chat sends a result for each open call, except those of the parent and the provider") {
  const auto call = [](std::string_view id, std::string_view executor) {
    return ToolCallEvent{1, id, "get_spec", {"{}"}, "{}", executor, {}};
  };
  const auto result = [](std::string_view id) {
    return ToolResultEvent{1, id, "get_spec", {R"({"type":"text","value":"x"})"}};
  };
  const Error error{.code = "timeout"};
  const DoneEvent done{FinishReason::max_steps, {}, {"[]"}, {}, 1, {}, {}};
  for (const bool ends_well : {true, false}) {
    const auto chat = kEncoder->chat("c1", false);
    std::string out;
    for (const auto* executor : {"builtin", "none", "mcp"}) {
      CHECK(chat->event(out, 0, call(std::string(executor) + "1", executor)) == 1);
      CHECK(chat->event(out, 0, call(std::string(executor) + "2", executor)) == 1);
      CHECK(chat->event(out, 0, result(std::string(executor) + "2")) == 1);
    }
    for (const auto* executor : {"parent", "return", "provider"}) chat->event(out, 0, call(executor, executor));
    out.clear();
    CHECK((ends_well ? chat->event(out, 0, done) : chat->event(out, 0, ErrorEvent{error, {}, {}})) == 4);
    const auto answer = [](const std::string& id) {
      return R"({"type":"tool_result","id":"c1","data":{"toolCallId":")" + id +
             R"(","toolName":"get_spec","result":{"error":"not carried out: the chat ended before"},)"
             R"("output":{"error":"not carried out: the chat ended before"}}})" +
             "\n";
    };
    CHECK(out.starts_with(answer("builtin1") + answer("mcp1") + answer("none1") + R"({"type":")"));
  }
}

TEST_CASE("leanspec: the error of an error frame is a string") {
  const Error error{.code = "upstream_http", .category = Category::auth, .message = "bad key", .status = 401};
  CHECK(frame(ErrorEvent{error, {"[]"}, Usage{}}) ==
        R"({"type":"error","id":"c1","error":"bad key","code":"upstream_http","category":"auth","retryable":false})");
  const Error silent{.code = "internal"};
  CHECK(frame(ErrorEvent{silent, {}, std::nullopt}) ==
        R"({"type":"error","id":"c1","error":"internal","code":"internal","category":"internal","retryable":false})");
}

TEST_CASE("leanspec: events that the parent does not know are not written") {
  check_no_word(StartEvent{0, "p", "m", 1, {}});
  check_no_word(DeltaEvent{0, 0, ContentKind::reasoning, "hm", {}});
  check_no_word(DeltaEvent{0, 0, ContentKind::tool_input, "{", "t1"});
  check_no_word(DeltaEvent{0, 0, ContentKind::text, "", {}});
  check_no_word(ToolCancelEvent{"t1", "r"});
  check_no_word(UsageEvent{});
  check_no_word(RetryEvent{});
  check_no_word(WarningEvent{"c", "m"});
  check_no_word(HeartbeatEvent{});
  std::string out;
  kEncoder->ack(out, "a", {.late = true});
  CHECK(out.empty());
}

TEST_CASE("leanspec: the first line, health and config_reloaded are written as the parent expects them") {
  std::string out;
  kEncoder->ready(out, {.version = "1"});
  HealthInfo info;
  info.providers = {"openai", "a\"b"};
  kEncoder->health(out, "h1", info);
  kEncoder->config_reloaded(out, "r1");
  CHECK(out == R"({"type":"health_ok","id":"init","data":{"ready":true}})"
               "\n"
               R"({"type":"health_ok","id":"h1","data":{"ready":true,"providers":["openai","a\"b"]}})"
               "\n"
               R"({"type":"config_reloaded","id":"r1"})"
               "\n");
}

TEST_CASE("leanspec: only the rejection of a chat becomes an error frame, and never on the id of a running chat") {
  const Error error{.code = "overloaded", .category = Category::overloaded, .message = "busy", .retryable = true};
  std::string out;
  CHECK(kEncoder->rejected(out, "c1", true, error));
  CHECK(out == R"({"type":"error","id":"c1","error":"busy","code":"overloaded","category":"overloaded",)"
               R"("retryable":true})"
               "\n");
  out.clear();
  CHECK_FALSE(kEncoder->rejected(out, "c1", false, error));
  CHECK_FALSE(kEncoder->rejected(out, std::nullopt, true, error));
  // The chat with this id still runs, and an error frame would end it.
  CHECK_FALSE(kEncoder->rejected(out, "c1", true, {.code = "duplicate_id"}));
  CHECK(out.empty());
}

TEST_CASE("leanspec: hostile text stays one valid line that decodes to the same text") {
  std::string text;
  for (char c = 0; c < 0x20; ++c) text += c;
  text += "\x7f\"\\/\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xF0\x9F\x98\x80\xEF\xBF\xBF</script>";
  const auto chunk = nlohmann::json::parse(frame(DeltaEvent{0, 0, ContentKind::text, text, {}}, text));
  CHECK(chunk["id"] == text);
  CHECK(chunk["data"]["text"] == text);
  const Error error{.code = "x", .message = text};
  CHECK(nlohmann::json::parse(frame(ErrorEvent{error, {}, std::nullopt}))["error"] == text);
}
