#include <doctest/doctest.h>

#include "tests/providers/bedrock/chat.hpp"
#include "tests/providers/bedrock/event_stream.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/providers/bedrock/state.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

std::string delta(int index, const json& value) {
  return bedrock_event("contentBlockDelta", json{{"contentBlockIndex", index}, {"delta", value}, {"p", "abc"}}.dump());
}
std::string start(int index, const json& value) {
  return bedrock_event("contentBlockStart", json{{"contentBlockIndex", index}, {"start", value}}.dump());
}
std::string stop(int index) { return bedrock_event("contentBlockStop", json{{"contentBlockIndex", index}}.dump()); }
std::string message_start() { return bedrock_event("messageStart", R"({"role":"assistant","p":"ab"})"); }
std::string message_stop(const char* reason = "end_turn") {
  return bedrock_event("messageStop", json{{"stopReason", reason}}.dump());
}
std::string metadata() {
  return bedrock_event("metadata",
                       R"({"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":105,)"
                       R"("cacheReadInputTokens":60,"cacheWriteInputTokens":40},"metrics":{"latencyMs":1}})");
}
std::string ending(const char* reason = "end_turn") { return message_stop(reason) + metadata(); }

RecordingSink stream(const std::string& body) {
  const auto differences = cut_differences(bedrock::kConverseApi, BodyFormat::stream, body, 1024);
  for (const auto& difference : differences) FAIL_CHECK(difference);
  RecordingSink got = decode(bedrock::kConverseApi, BodyFormat::stream, body);
  for (const auto& violation : got.violations) FAIL_CHECK(violation);
  return got;
}

RecordingSink unary(const json& content, const json& more = json::object()) {
  json body = {{"output", {{"message", {{"role", "assistant"}, {"content", content}}}}}, {"stopReason", "end_turn"}};
  body.update(more);
  RecordingSink got = decode(bedrock::kConverseApi, BodyFormat::unary, body.dump());
  for (const auto& violation : got.violations) FAIL_CHECK(violation);
  return got;
}

std::string code_of(const RecordingSink& got) { return got.failed ? got.failed->code : "none"; }

}  // namespace

TEST_CASE("converse decoder: text without a start, usage that counts the cache in, padding ignored") {
  const auto got =
      stream(message_start() + delta(0, {{"text", "Hé"}}) + delta(0, {{"text", "llo"}}) + stop(0) + ending());
  CHECK(got.text_of(ContentKind::text) == "Héllo");
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.finish_raw == "end_turn");
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 103);
  CHECK(got.last_usage->output_tokens == 2);
  CHECK(got.last_usage->total_tokens == 105);
  CHECK(got.last_usage->cached_input_tokens == 60);
  CHECK(got.last_usage->cache_write_tokens == 40);
}

TEST_CASE("converse decoder: metadata may come first, or not at all") {
  const auto early = stream(message_start() + delta(0, {{"text", "a"}}) + metadata() + message_stop());
  CHECK(early.finished == FinishReason::stop);
  CHECK(early.last_usage);
  const auto none = stream(message_start() + delta(0, {{"text", "a"}}) + message_stop("max_tokens"));
  CHECK(none.finished == FinishReason::length);
  CHECK_FALSE(none.last_usage);
}

TEST_CASE("converse decoder: parallel calls, empty input is an empty object") {
  const auto use = [](const char* id) { return json{{"toolUse", {{"toolUseId", id}, {"name", "f"}}}}; };
  const auto input = [](const char* text) { return json{{"toolUse", {{"input", text}}}}; };
  const auto got = stream(message_start() + start(0, use("a")) + delta(0, input("")) + delta(0, input("{\"x\"")) +
                          delta(0, input(":1}")) + stop(0) + start(1, use("b")) + delta(1, input("")) + stop(1) +
                          ending("tool_use"));
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.id == "a");
  CHECK(got.calls[0].second.input_text == "{\"x\":1}");
  CHECK(got.calls[1].second.input_text == "{}");
  CHECK(got.text_of(ContentKind::tool_input) == "{\"x\":1}");
  CHECK(got.finished == FinishReason::tool_calls);
}

TEST_CASE("converse decoder: reasoning's signature and redacted blocks are state that goes back byte for byte") {
  const auto reasoning = [](const json& value) { return json{{"reasoningContent", value}}; };
  const auto got = stream(
      message_start() + delta(0, reasoning({{"text", "hm"}})) + delta(0, reasoning({{"signature", "si"}})) +
      delta(0, reasoning({{"signature", "g=\u00e9"}})) + stop(0) + delta(1, reasoning({{"redactedContent", "RXU4"}})) +
      stop(1) + delta(2, reasoning({{"signature", "alone"}})) + stop(2) + ending());
  CHECK(got.text_of(ContentKind::reasoning) == "hm");
  REQUIRE(got.states.size() == 3);
  json content = json::array();
  for (const auto& [part, state] : got.states) {
    const auto streamed = got.parts.find(part);
    json one = {{"type", streamed == got.parts.end() ? "provider" : "reasoning"}, {"providerState", state}};
    if (streamed != got.parts.end()) one["text"] = streamed->second.text;
    content.push_back(one);
  }
  const json sent = converse_body({{"messages", {user("a"), assistant(content), user("b")}}});
  CHECK(sent["messages"][1]["content"] == json::parse(R"([
    {"reasoningContent":{"reasoningText":{"text":"hm","signature":"sig=é"}}},
    {"reasoningContent":{"redactedContent":"RXU4"}},
    {"reasoningContent":{"reasoningText":{"text":"","signature":"alone"}}}])"));
}

TEST_CASE("converse decoder: a tool that the provider ran is its own, and goes back as it was") {
  const json use = {{"toolUseId", "s"}, {"name", "nova_code_interpreter"}, {"type", "server_tool_use"}};
  const json result = {{"toolUseId", "s"}, {"status", "success"}, {"type", "nova_code_interpreter_result"}};
  const auto streamed = stream(
      message_start() + start(0, {{"toolUse", use}}) + delta(0, {{"toolUse", {{"input", "{\"snippet\":\"1\"}"}}}}) +
      stop(0) + start(1, {{"toolResult", result}}) +
      delta(1, {{"toolResult", json::array({{{"json", {{"stdOut", "1"}}}}})}}) + stop(1) + ending());
  json whole_use = use, whole_result = result;
  whole_use["input"] = {{"snippet", "1"}};
  whole_result["content"] = json::array({{{"json", {{"stdOut", "1"}}}}});
  const json blocks = {{{"toolUse", whole_use}}, {{"toolResult", whole_result}}};
  const auto whole = unary(blocks);
  for (const auto* got : {&streamed, &whole}) {
    REQUIRE(got->calls.size() == 1);
    CHECK(got->calls[0].second.by_provider);
    CHECK(json::parse(got->calls[0].second.input_text) == json{{"snippet", "1"}});
    REQUIRE(got->provider_results.size() == 1);
    CHECK(got->provider_results[0].tool_name == "nova_code_interpreter");
    CHECK(json::parse(got->provider_results[0].output) == json::parse(R"({"type":"json","value":{"stdOut":"1"}})"));
    REQUIRE(got->states.size() == 2);
    json parts = json::array();
    for (const auto& [part, state] : got->states) parts.push_back({{"type", "provider"}, {"providerState", state}});
    const json sent = converse_body({{"messages", {user("a"), assistant(parts), user("b")}}});
    CHECK(sent["messages"][1]["content"] == blocks);
  }
}

TEST_CASE("converse decoder: a failed or many-sided result of the provider says so") {
  const auto output = [](const json& content, const char* status) {
    const json use = {{"toolUseId", "s"}, {"name", "n"}, {"type", "server_tool_use"}, {"input", json::object()}};
    const json result = {{"toolUseId", "s"}, {"status", status}, {"content", content}};
    const auto got = unary({{{"toolUse", use}}, {{"toolResult", result}}});
    REQUIRE(got.provider_results.size() == 1);
    return json::parse(got.provider_results[0].output);
  };
  const json text = {{"text", "t"}};
  CHECK(output(json::array({text}), "error") == json::parse(R"({"type":"error-text","value":"t"})"));
  CHECK(output(json::array({text, text}), "success") ==
        json::parse(R"({"type":"json","value":[{"text":"t"},{"text":"t"}]})"));
}

TEST_CASE("converse decoder: citations become sources, and their text text") {
  const json web = {{"location", {{"web", {{"url", "https://a.example/"}, {"domain", "a.example"}}}}}};
  const json document = {{"title", "facts"},
                         {"location", {{"documentChar", {{"documentIndex", 0}, {"start", 1}, {"end", 2}}}}},
                         {"sourceContent", {{{"text", "the "}}, {{"text", "words"}}}}};
  const auto check = [](const RecordingSink& got) {
    CHECK(got.text_of(ContentKind::text) == "cited");
    REQUIRE(got.sources.size() == 2);
    CHECK(got.sources[0].type == Source::Type::url);
    CHECK(got.sources[0].url == "https://a.example/");
    CHECK(got.sources[1].type == Source::Type::document);
    CHECK(got.sources[1].id == "0");
    CHECK(got.sources[1].title == "facts");
    CHECK(got.sources[1].quote == "the words");
  };
  check(unary(
      json::array({{{"citationsContent", {{"content", {{{"text", "cited"}}}}, {"citations", {web, document}}}}}})));
  check(stream(message_start() + delta(0, {{"text", "cited"}}) + delta(0, {{"citation", web}}) +
               delta(0, {{"citation", document}}) + stop(0) + ending()));
}

TEST_CASE("converse decoder: an image is a file") {
  const auto got = unary({{{"text", "see"}}, {{"image", {{"format", "png"}, {"source", {{"bytes", "AAAA"}}}}}}});
  REQUIRE(got.files.size() == 1);
  CHECK(got.files[0].second.media_type == "image/png");
  CHECK(got.files[0].second.data == "AAAA");
  const auto streamed = stream(message_start() + start(0, {{"image", {{"format", "png"}}}}) +
                               delta(0, {{"image", {{"source", {{"bytes", "YQ=="}}}}}}) +
                               delta(0, {{"image", {{"source", {{"bytes", "Yg=="}}}}}}) + stop(0) + ending());
  REQUIRE(streamed.files.size() == 1);
  CHECK(streamed.files[0].second.data == "YWI=");
}

TEST_CASE("converse decoder: stop reasons") {
  const std::vector<std::pair<const char*, FinishReason>> rows = {
      {"end_turn", FinishReason::stop},
      {"stop_sequence", FinishReason::stop},
      {"max_tokens", FinishReason::length},
      {"model_context_window_exceeded", FinishReason::length},
      {"tool_use", FinishReason::tool_calls},
      {"guardrail_intervened", FinishReason::content_filter},
      {"content_filtered", FinishReason::content_filter},
      {"something_new", FinishReason::other},
  };
  for (const auto& [raw, reason] : rows) {
    const auto got = stream(message_start() + ending(raw));
    CHECK(got.finished == reason);
    CHECK(got.finish_raw == raw);
  }
  for (const char* raw : {"malformed_tool_use", "malformed_model_output"}) {
    const auto got = stream(message_start() + ending(raw));
    REQUIRE(got.failed);
    CHECK(got.failed->provider_code == raw);
    CHECK(got.failed->retryable);
  }
}

TEST_CASE("converse decoder: a guardrail's findings are told") {
  const json trace = {{"trace", {{"guardrail", {{"inputAssessment", {{"g", 1}}}}}}},
                      {"stopReason", "guardrail_intervened"}};
  const auto got = unary({{{"text", "no"}}}, trace);
  CHECK(got.warnings == std::vector<std::string>{"guardrail_trace"});
  CHECK(got.finished == FinishReason::content_filter);
}

TEST_CASE("converse decoder: an exception frame fails with its own words, after what came before") {
  const auto got = stream(message_start() + delta(0, {{"text", "half"}}) +
                          bedrock_exception("throttlingException", R"({"message":"Too many requests"})") + ending());
  CHECK(got.text_of(ContentKind::text) == "half");
  REQUIRE(got.failed);
  CHECK(got.failed->provider_code == "throttlingException");
  CHECK(got.failed->message == "Too many requests");
  CHECK(got.failed->category == Category::rate_limit);
  CHECK(got.failed->retryable);
  const auto error = stream(event_message(
      {{":message-type", "error"}, {":error-code", "InternalServerException"}, {":error-message", "oops"}}, ""));
  REQUIRE(error.failed);
  CHECK(error.failed->message == "oops");
  CHECK(error.failed->retryable);
}

TEST_CASE("converse decoder: a stream without its end is truncated, wherever it was cut") {
  const std::string body = message_start() + delta(0, {{"text", "a"}}) + stop(0);
  for (std::size_t end = 0; end <= body.size(); end += 7) {
    const auto got = decode(bedrock::kConverseApi, BodyFormat::stream, body.substr(0, end));
    CHECK(code_of(got) == "truncated_stream");
    CHECK(got.failed->retryable);
  }
}

TEST_CASE("converse decoder: what is no event stream fails") {
  std::string flipped = message_start() + ending();
  flipped[20] ^= 1;
  CHECK(code_of(stream(flipped)) == "bad_event");
  CHECK(code_of(stream("<html>busy</html>")) == "bad_response");
  CHECK(stream("<html>busy</html>").failed->message.ends_with(": busy"));
  CHECK(code_of(stream("busy")) == "truncated_stream");
  CHECK(code_of(stream(bedrock_event("contentBlockDelta", "nonsense"))) == "bad_event");
  CHECK(code_of(stream(bedrock_event("contentBlockDelta", "[]"))) == "bad_event");
}

TEST_CASE("converse decoder: unknown events, blocks and kinds of message are ignored") {
  const auto got = stream(message_start() + bedrock_event("surprise", "{}") + delta(0, {{"surprise", 1}}) +
                          event_message({{":message-type", "surprise"}}, "") + delta(0, {{"text", "a"}}) + ending());
  CHECK(got.text_of(ContentKind::text) == "a");
  CHECK(got.finished == FinishReason::stop);
}

TEST_CASE("converse decoder: one JSON body in place of a stream is read") {
  const auto got =
      stream(R"({"output":{"message":{"role":"assistant","content":[{"text":"a"}]}},"stopReason":"end_turn"})");
  CHECK(got.text_of(ContentKind::text) == "a");
  CHECK(got.finished == FinishReason::stop);
  const auto failed = stream(R"({"__type":"ThrottlingException","message":"slow down"})");
  REQUIRE(failed.failed);
  CHECK(failed.failed->message == "slow down");
  CHECK(failed.failed->category == Category::rate_limit);
  CHECK(code_of(decode(bedrock::kConverseApi, BodyFormat::unary, "{}")) == "bad_response");
  CHECK(code_of(decode(bedrock::kConverseApi, BodyFormat::unary, "[1")) == "bad_response");
}
