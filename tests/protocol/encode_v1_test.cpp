#include "protocol/encode_v1.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

using namespace aiw;

namespace {

const std::unique_ptr<FrameEncoder> kEncoder = make_encoder(Dialect::v1);

// Returns the frame of `event` of chat "c1" with seq 7, without its newline.
std::string frame(const ChatEvent& event, std::string_view id = "c1") {
  std::string out;
  CHECK(kEncoder->chat(id, false)->event(out, 7, event) == 1);
  REQUIRE(out.ends_with('\n'));
  CHECK(out.find('\n') == out.size() - 1);
  out.pop_back();
  CHECK(nlohmann::json::accept(out));
  return out;
}

std::string rejected(const std::optional<std::string>& id, const Error& error) {
  std::string out;
  CHECK(kEncoder->rejected(out, id, false, error));
  return out;
}

const Usage kUsage{.input_tokens = 10,
                   .output_tokens = 5,
                   .total_tokens = 15,
                   .cached_input_tokens = 0,
                   .cache_write_tokens = std::nullopt,
                   .reasoning_tokens = 9223372036854775807};

}  // namespace

TEST_CASE("v1: start has the step, provider, model, attempt and metadata") {
  CHECK(frame(StartEvent{0, "openai", "gpt", 1, {R"({"a": 1})"}}) ==
        R"({"id":"c1","seq":7,"type":"start","data":{"step":0,"provider":"openai","model":"gpt","attempt":1,)"
        R"("metadata":{"a": 1}}})");
  CHECK(frame(StartEvent{2, "p", "m/\"x", 3, {}}) ==
        R"({"id":"c1","seq":7,"type":"start","data":{"step":2,"provider":"p","model":"m/\"x","attempt":3}})");
}

TEST_CASE("v1: source, file and logprobs are written with their fields") {
  CHECK(frame(SourceEvent{.step = 1,
                          .source_type = "url",
                          .id = {},
                          .url = "https://x",
                          .title = "X",
                          .media_type = {},
                          .filename = {},
                          .quote = "so"}) ==
        R"({"id":"c1","seq":7,"type":"source","data":{"step":1,"sourceType":"url","url":"https://x","title":"X",)"
        R"("quote":"so"}})");
  CHECK(frame(FileEvent{0, 2, "image/png", "AAAA", {}, {}}) ==
        R"({"id":"c1","seq":7,"type":"file","data":{"step":0,"part":2,"mediaType":"image/png","data":"AAAA"}})");
  CHECK(frame(LogprobsEvent{0, 1, {R"([{"token":"a","logprob":-0.5}])"}}) ==
        R"({"id":"c1","seq":7,"type":"logprobs","data":{"step":0,"part":1,"tokens":[{"token":"a","logprob":-0.5}]}})");
}

TEST_CASE("v1: models has only the known fields of each model") {
  std::string out;
  kEncoder->models(out, "q", {"p", {{"a", "A", 100, 10}, {"b", {}, {}, {}}}});
  CHECK(out ==
        R"({"id":"q","type":"models","data":{"providerId":"p","models":[{"id":"a","name":"A","contextTokens":100,)"
        R"("maxOutputTokens":10},{"id":"b"}]}})"
        "\n");
}

TEST_CASE("v1: usage has a cost if it is known") {
  Usage usage{.input_tokens = 1, .cost = 0.25};
  CHECK(frame(UsageEvent{0, usage}).find(R"("reasoningTokens":null,"cost":0.25,"accuracy":"exact")") !=
        std::string::npos);
}

TEST_CASE("v1: delta has the step, part, kind and text") {
  CHECK(frame(DeltaEvent{0, 1, ContentKind::text, "Hel\nlo", {}}) ==
        R"({"id":"c1","seq":7,"type":"delta","data":{"step":0,"part":1,"kind":"text","text":"Hel\nlo"}})");
  CHECK(frame(DeltaEvent{0, 0, ContentKind::reasoning, "", {}}) ==
        R"({"id":"c1","seq":7,"type":"delta","data":{"step":0,"part":0,"kind":"reasoning","text":""}})");
  CHECK(frame(DeltaEvent{0, 2, ContentKind::tool_input, "{\"a\"", "t1"}) ==
        R"({"id":"c1","seq":7,"type":"delta","data":{"step":0,"part":2,"kind":"tool_input","toolCallId":"t1",)"
        R"("text":"{\"a\""}})");
  CHECK(frame(DeltaEvent{0, 0, ContentKind::refusal, "no", {}}) ==
        R"({"id":"c1","seq":7,"type":"delta","data":{"step":0,"part":0,"kind":"refusal","text":"no"}})");
}

TEST_CASE("v1: tool_call has the input as JSON and as text, or a parse error") {
  CHECK(frame(ToolCallEvent{1, "t1", "lookup", {R"({"q":[1]})"}, R"({"q":[1]})", "parent", {}}) ==
        R"({"id":"c1","seq":7,"type":"tool_call","data":{"step":1,"toolCallId":"t1","toolName":"lookup",)"
        R"("input":{"q":[1]},"inputText":"{\"q\":[1]}","executor":"parent"}})");
  CHECK(frame(ToolCallEvent{1, "t1", "lookup", {"null"}, "{bad", "return", "a string does not end"}) ==
        R"({"id":"c1","seq":7,"type":"tool_call","data":{"step":1,"toolCallId":"t1","toolName":"lookup",)"
        R"("input":null,"inputText":"{bad","executor":"return","parseError":"a string does not end"}})");
}

TEST_CASE("v1: tool_result has the output, and tool_cancel has the reason") {
  CHECK(frame(ToolResultEvent{1, "t1", "lookup", {R"({"type":"error-text","value":"x"})"}}) ==
        R"({"id":"c1","seq":7,"type":"tool_result","data":{"step":1,"toolCallId":"t1","toolName":"lookup",)"
        R"("output":{"type":"error-text","value":"x"}}})");
  CHECK(frame(ToolCancelEvent{"t1", "timeout"}) ==
        R"({"id":"c1","seq":7,"type":"tool_cancel","data":{"toolCallId":"t1","reason":"timeout"}})");
}

TEST_CASE("v1: usage has null for counts that the provider did not send") {
  CHECK(frame(UsageEvent{3, kUsage}) ==
        R"({"id":"c1","seq":7,"type":"usage","data":{"step":3,"inputTokens":10,"outputTokens":5,"totalTokens":15,)"
        R"("cachedInputTokens":0,"cacheWriteTokens":null,"reasoningTokens":9223372036854775807,"accuracy":"exact"}})");
  CHECK(frame(UsageEvent{0, {.accuracy = UsageAccuracy::last_seen}}) ==
        R"({"id":"c1","seq":7,"type":"usage","data":{"step":0,"inputTokens":null,"outputTokens":null,)"
        R"("totalTokens":null,"cachedInputTokens":null,"cacheWriteTokens":null,"reasoningTokens":null,)"
        R"("accuracy":"last_seen"}})");
}

TEST_CASE("v1: retry, warning and heartbeat are written with their fields") {
  CHECK(frame(RetryEvent{0, 2, "rate_limit", 1500}) ==
        R"({"id":"c1","seq":7,"type":"retry","data":{"step":0,"attempt":2,"reason":"rate_limit","delayMs":1500}})");
  CHECK(
      frame(RetryEvent{0, 2, "hedge", 0, "p", "m"}) ==
      R"({"id":"c1","seq":7,"type":"retry","data":{"step":0,"attempt":2,"reason":"hedge","delayMs":0,"provider":"p","model":"m"}})");
  CHECK(frame(WarningEvent{"surrogate_replaced", "one"}) ==
        R"({"id":"c1","seq":7,"type":"warning","data":{"code":"surrogate_replaced","message":"one"}})");
  CHECK(frame(HeartbeatEvent{}) == R"({"id":"c1","seq":7,"type":"heartbeat","data":{}})");
}

TEST_CASE("v1: done has the finish reason, messages, usage, steps and timing") {
  CHECK(frame(DoneEvent{FinishReason::tool_calls, "tool_use", {"[]"}, kUsage, 2, {1, 20, std::nullopt, 300}, {}}) ==
        R"({"id":"c1","seq":7,"type":"done","data":{"finishReason":"tool_calls","finishRaw":"tool_use","messages":[],)"
        R"("usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15,"cachedInputTokens":0,"cacheWriteTokens":null,)"
        R"("reasoningTokens":9223372036854775807,"accuracy":"exact"},"steps":2,)"
        R"("timing":{"queuedMs":1,"firstByteMs":20,"firstDeltaMs":null,"totalMs":300}}})");
  CHECK(frame(DoneEvent{FinishReason::stop, {}, {"[]"}, {}, 0, {}, {R"({"url":"u"})"}}) ==
        R"({"id":"c1","seq":7,"type":"done","data":{"finishReason":"stop","finishRaw":null,"messages":[],)"
        R"("usage":{"inputTokens":null,"outputTokens":null,"totalTokens":null,"cachedInputTokens":null,)"
        R"("cacheWriteTokens":null,"reasoningTokens":null,"accuracy":"exact"},"steps":0,)"
        R"("timing":{"queuedMs":0,"firstByteMs":null,"firstDeltaMs":null,"totalMs":0},"request":{"url":"u"}}})");
}

TEST_CASE("v1: error has its code, category and message, and other fields if they are known") {
  const Error plain{.code = "internal", .message = "m"};
  CHECK(frame(ErrorEvent{plain, {}, std::nullopt}) ==
        R"({"id":"c1","seq":7,"type":"error","data":{"code":"internal","category":"internal","message":"m",)"
        R"("retryable":false}})");
  const Error full{.code = "upstream_http",
                   .category = Category::rate_limit,
                   .message = "slow \"down\"",
                   .retryable = true,
                   .pointer = "/payload/model",
                   .provider = "openai",
                   .status = 429,
                   .provider_code = "rate_limit_exceeded",
                   .request_id = "req_1",
                   .retry_after_ms = 0};
  CHECK(frame(ErrorEvent{full, {R"([{"role":"assistant","content":[]}])"}, Usage{.input_tokens = 1}}) ==
        R"({"id":"c1","seq":7,"type":"error","data":{"code":"upstream_http","category":"rate_limit",)"
        R"("message":"slow \"down\"","retryable":true,"pointer":"/payload/model","provider":"openai","status":429,)"
        R"("providerCode":"rate_limit_exceeded","requestId":"req_1","retryAfterMs":0,"partial":true,)"
        R"("messages":[{"role":"assistant","content":[]}],"usage":{"inputTokens":1,"outputTokens":null,)"
        R"("totalTokens":null,"cachedInputTokens":null,"cacheWriteTokens":null,"reasoningTokens":null,)"
        R"("accuracy":"exact"}}})");
}

TEST_CASE("v1: ready has the version and the limits") {
  std::string out;
  kEncoder->ready(out, {.version = "1.2",
                        .max_line_bytes = 67108864,
                        .max_frame_bytes = 1048576,
                        .max_depth = 128,
                        .max_in_flight = 500,
                        .max_queued = 10000});
  CHECK(out == R"({"id":null,"type":"ready","data":{"protocol":1,"worker":"ai-worker","version":"1.2",)"
               R"("capabilities":["chat","cancel","tool_result","tool_approval","health","reload_config","shutdown",)"
               R"("models","dryRun","ui","httpTools","mcp","fallbacks","hedge","earlyToolCalls"],)"
               R"("limits":{"maxLineBytes":67108864,"maxFrameBytes":1048576,"maxDepth":128,"maxInFlight":500,)"
               R"("maxQueued":10000}}})"
               "\n");
}

TEST_CASE("v1: responses to lines are appended to the output") {
  std::string out;
  kEncoder->ack(out, "a\"1", {});
  kEncoder->ack(out, "a2", {.late = true});
  kEncoder->config_reloaded(out, "r");
  HealthInfo info;
  info.ready = false;
  info.providers = {"openai", "x\"y"};
  info.in_flight = 3;
  info.queued = 4;
  info.version = "1.2";
  info.uptime_ms = 5;
  kEncoder->health(out, "h", info);
  kEncoder->health(out, "h", {});
  CHECK(out ==
        R"({"id":"a\"1","type":"ack","data":{}})"
        "\n"
        R"({"id":"a2","type":"ack","data":{"late":true}})"
        "\n"
        R"({"id":"r","type":"config_reloaded","data":{}})"
        "\n"
        R"({"id":"h","type":"health_ok","data":{"ready":false,"providers":["openai","x\"y"],"inFlight":3,"queued":4,)"
        R"("version":"1.2","uptimeMs":5}})"
        "\n"
        R"({"id":"h","type":"health_ok","data":{"ready":true,"providers":[],"inFlight":0,"queued":0,"version":"",)"
        R"("uptimeMs":0}})"
        "\n");
}

TEST_CASE("v1: rejected has the id, the error and its pointer") {
  const Error error{
      .code = "invalid_request", .category = Category::invalid_request, .message = "m", .pointer = "/payload/a~1b"};
  CHECK(rejected("a", error) ==
        R"({"id":"a","type":"rejected","data":{"code":"invalid_request","category":"invalid_request","message":"m",)"
        R"("retryable":false,"pointer":"/payload/a~1b"}})"
        "\n");
  const Error overloaded{.code = "overloaded",
                         .category = Category::overloaded,
                         .message = "m",
                         .retryable = true,
                         .retry_after_ms = 1000};
  CHECK(rejected(std::nullopt, overloaded) ==
        R"({"id":null,"type":"rejected","data":{"code":"overloaded","category":"overloaded","message":"m",)"
        R"("retryable":true,"retryAfterMs":1000}})"
        "\n");
}

TEST_CASE("v1: hostile text stays one valid line that decodes to the same text") {
  std::string text;
  for (char c = 0; c < 0x20; ++c) text += c;
  text += "\x7f\"\\/\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xF0\x9F\x98\x80\xEF\xBF\xBF</script>";
  const auto json = nlohmann::json::parse(frame(DeltaEvent{0, 0, ContentKind::tool_input, text, text}, text));
  CHECK(json["id"] == text);
  CHECK(json["data"]["text"] == text);
  CHECK(json["data"]["toolCallId"] == text);
  const Error error{
      .code = "x", .message = text, .pointer = text, .provider = text, .provider_code = text, .request_id = text};
  const auto data = nlohmann::json::parse(frame(ErrorEvent{error, {}, std::nullopt}))["data"];
  for (const char* field : {"message", "pointer", "provider", "providerCode", "requestId"}) CHECK(data[field] == text);
}

TEST_CASE("each finish reason, category and usage accuracy has its fixed name") {
  const auto word = [](FinishReason reason) {
    return nlohmann::json::parse(frame(DoneEvent{reason, {}, {"[]"}, {}, 0, {}, {}}))["data"]["finishReason"];
  };
  CHECK(word(FinishReason::stop) == "stop");
  CHECK(word(FinishReason::length) == "length");
  CHECK(word(FinishReason::tool_calls) == "tool_calls");
  CHECK(word(FinishReason::content_filter) == "content_filter");
  CHECK(word(FinishReason::refusal) == "refusal");
  CHECK(word(FinishReason::max_steps) == "max_steps");
  CHECK(word(FinishReason::cancelled) == "cancelled");
  CHECK(word(FinishReason::other) == "other");
  const char* const categories[] = {
      "invalid_request", "auth",     "permission",     "not_found", "rate_limit", "overloaded", "timeout",
      "network",         "upstream", "content_filter", "tool",      "limit",      "cancelled",  "internal"};
  for (int i = 0; i < static_cast<int>(std::size(categories)); ++i) {
    CHECK(to_string(static_cast<Category>(i)) == categories[i]);
  }
  CHECK(to_string(UsageAccuracy::estimated) == "estimated");
}

TEST_CASE("a usage sum is absent only if all counts are, and has the lowest accuracy") {
  Usage total;
  CHECK(total.empty());
  total.add({.input_tokens = 3, .reasoning_tokens = 1});
  total.add({.input_tokens = 4, .output_tokens = 0, .accuracy = UsageAccuracy::last_seen});
  total.add({});
  CHECK(total.input_tokens == 7);
  CHECK(total.output_tokens == 0);
  CHECK(total.reasoning_tokens == 1);
  CHECK_FALSE(total.total_tokens);
  CHECK_FALSE(total.cached_input_tokens);
  CHECK(total.accuracy == UsageAccuracy::last_seen);
  CHECK_FALSE(total.empty());
}

TEST_CASE("a usage sum that overflows stays at the maximum") {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  Usage total{.input_tokens = kMax - 1, .output_tokens = kMax};
  total.add({.input_tokens = 1, .output_tokens = kMax});
  CHECK(total.input_tokens == kMax);
  CHECK(total.output_tokens == kMax);
}

TEST_CASE("only v1 and leanspec are names of dialects") {
  CHECK(dialect_from_name("v1") == Dialect::v1);
  CHECK(dialect_from_name("leanspec") == Dialect::leanspec);
  CHECK_FALSE(dialect_from_name("ui"));
  CHECK_FALSE(dialect_from_name(""));
}
