// Answers of Cohere's chat, version 2, written from its API reference, each cut at every byte.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/providers/corpus.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using aiw::testing::RecordingSink;

namespace {

using Strings = std::vector<std::string>;

RecordingSink decode(const std::string& body, BodyFormat format = BodyFormat::stream) {
  for (const auto& difference : aiw::testing::cut_differences(cohere_chat::kApi, format, body)) FAIL_CHECK(difference);
  auto sink = aiw::testing::decode(cohere_chat::kApi, format, body);
  for (const auto& violation : sink.violations) FAIL_CHECK(violation);
  return sink;
}

RecordingSink stream(const Strings& events) {
  std::string body;
  for (std::string event : events) {
    std::ranges::replace(event, '\n', ' ');
    body += "data: " + event + "\n\n";
  }
  return decode(body);
}

std::string event(const std::string& type, const std::string& rest) {
  return R"({"type":")" + type + "\"," + rest + "}";
}

std::string content(int index, const std::string& fields, const std::string& type = "content-delta") {
  return event(type, R"("index":)" + std::to_string(index) + R"(,"delta":{"message":{"content":{)" + fields + "}}}");
}

std::string call(int index, const std::string& fields, const std::string& type = "tool-call-delta") {
  return event(type, R"("index":)" + std::to_string(index) + R"(,"delta":{"message":{"tool_calls":{)" + fields + "}}}");
}

std::string plan(const std::string& text) {
  return event("tool-plan-delta", R"("delta":{"message":{"tool_plan":")" + text + "\"}}");
}

std::string citation(const std::string& fields) {
  return event("citation-start", R"("index":0,"delta":{"message":{"citations":{)" + fields + "}}}");
}

std::string end(const std::string& reason, const std::string& more = "") {
  return event("message-end", R"("delta":{"finish_reason":")" + reason + "\"" + more + "}");
}

const std::string kStart =
    R"({"id":"x","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":""}}})";

}  // namespace

TEST_CASE("cohere: thinking, then text, then usage") {
  const auto got =
      stream({kStart, content(0, R"("type":"thinking","thinking":"")", "content-start"),
              content(0, R"("thinking":"hm ")"), content(0, R"("thinking":"yes")"),
              event("content-end", R"("index":0)"), content(1, R"("type":"text","text":"")", "content-start"),
              content(1, R"("text":"Hel")"), content(1, R"("text":"lo \u20ac")"), event("content-end", R"("index":1)"),
              end("COMPLETE", R"(,"usage":{"billed_units":{"input_tokens":1,"output_tokens":2},
                           "tokens":{"input_tokens":20,"output_tokens":5},"cached_tokens":16})"),
              "[DONE]"});
  CHECK(got.parts.at(0).kind == ContentKind::reasoning);
  CHECK(got.parts.at(0).text == "hm yes");
  CHECK(got.parts.at(1).text == "Hello \xE2\x82\xAC");
  CHECK(got.states == std::vector<std::pair<int, std::string>>{{0, R"(cohere-chat:{"type":"thinking"})"}});
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.finish_raw == "COMPLETE");
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 20);
  CHECK(got.last_usage->output_tokens == 5);
  CHECK(got.last_usage->total_tokens == 25);
  CHECK(got.last_usage->cached_input_tokens == 16);
  CHECK_FALSE(got.last_usage->cache_write_tokens);
}

TEST_CASE("cohere: billed units count where there is nothing else") {
  const auto got = stream({end("COMPLETE", R"(,"usage":{"billed_units":{"input_tokens":1,"output_tokens":2}})")});
  CHECK(got.last_usage->input_tokens == 1);
  CHECK_FALSE(stream({end("COMPLETE", R"(,"usage":{"billed_units":{"search_units":1}})")}).last_usage);
}

TEST_CASE("cohere: the tool plan is no text, but is kept for the way back") {
  const auto got =
      stream({kStart, plan("I will "), plan("look \\u20ac"),
              call(0, R"("id":"a","type":"function","function":{"name":"f","arguments":""})", "tool-call-start"),
              call(0, R"("function":{"arguments":"{\"x\":"})"), call(0, R"("function":{"arguments":"1}"})"),
              event("tool-call-end", R"("index":0)"),
              call(1, R"("id":"b","type":"function","function":{"name":"g","arguments":""})", "tool-call-start"),
              event("tool-call-end", R"("index":1)"), end("TOOL_CALL")});
  CHECK(got.text_of(ContentKind::text).empty());
  CHECK(got.text_of(ContentKind::reasoning).empty());
  CHECK(got.states ==
        std::vector<std::pair<int, std::string>>{{0, R"(cohere-chat:{"tool_plan":"I will look \u20ac"})"}});
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].first == 1);
  CHECK(got.calls[0].second.id == "a");
  CHECK(got.calls[0].second.input_text == R"({"x":1})");
  CHECK(got.parts.at(1).text == R"({"x":1})");
  CHECK(got.calls[1].second.name == "g");
  CHECK(got.calls[1].second.input_text == "{}");
  CHECK(got.finished == FinishReason::tool_calls);
}

TEST_CASE("cohere: citations name documents, pages and what tools gave") {
  const auto got =
      stream({kStart, content(0, R"("text":"Ruby by Matz")"), citation(R"("start":0,"end":4,"text":"Ruby","sources":[
           {"type":"document","id":"d","document":{"id":"d","title":"Facts","text":"long"}},
           {"type":"tool","id":"t:0","tool_output":{"title":"Page","url":"https://x/y"}}])"),
              event("citation-end", R"("index":0)"), citation(R"("text":"Matz","sources":[])"),
              citation(R"("sources":7)"), end("COMPLETE")});
  REQUIRE(got.sources.size() == 3);
  CHECK(got.sources[0].type == Source::Type::document);
  CHECK(got.sources[0].id == "d");
  CHECK(got.sources[0].title == "Facts");
  CHECK(got.sources[0].quote == "Ruby");
  CHECK(got.sources[1].type == Source::Type::url);
  CHECK(got.sources[1].url == "https://x/y");
  CHECK(got.sources[2].quote == "Matz");
  CHECK(got.sources[2].id.empty());
}

TEST_CASE("cohere: likelihoods of tokens") {
  const auto got = stream({kStart, event("content-delta", R"("index":0,"delta":{"message":{"content":{"text":"Hi"}}},
                             "logprobs":{"text":"Hi","token_ids":[1,2],"logprobs":[-0.5,-0.25]})"),
                           end("COMPLETE")});
  REQUIRE(got.logprob_tokens.size() == 1);
  CHECK(got.logprob_tokens[0].first == 0);
  CHECK(got.logprob_tokens[0].second == nlohmann::json::parse(R"([{"token":"Hi","logprob":-0.75}])"));
}

TEST_CASE("cohere: finish reasons") {
  const auto reason = [](const std::string& raw) { return stream({content(0, R"("text":"a")"), end(raw)}).finished; };
  CHECK(reason("COMPLETE") == FinishReason::stop);
  CHECK(reason("STOP_SEQUENCE") == FinishReason::stop);
  CHECK(reason("MAX_TOKENS") == FinishReason::length);
  CHECK(reason("ERROR_TOXIC") == FinishReason::content_filter);
  CHECK(reason("NEW_WORD") == FinishReason::other);
  const auto failed =
      stream({content(0, R"("text":"a")"), end("ERROR", R"(,"error":"broke","usage":{"tokens":{"input_tokens":1}})")});
  REQUIRE(failed.failed);
  CHECK(failed.failed->provider_code == "ERROR");
  CHECK(failed.failed->message == "broke");
  CHECK(failed.failed->retryable);
  CHECK(failed.last_usage->input_tokens == 1);
  CHECK(failed.text_of(ContentKind::text) == "a");
  CHECK(stream({end("TIMEOUT")}).failed->category == Category::timeout);
  // A limit may cut a call's arguments: half a call is none.
  const auto cut = stream(
      {call(0, R"("id":"a","function":{"name":"f","arguments":"{\"x\":"})", "tool-call-start"), end("MAX_TOKENS")});
  CHECK(cut.calls.empty());
  CHECK(cut.finished == FinishReason::length);
}

TEST_CASE("cohere: how a stream may end, and what is none") {
  const std::string hello = content(0, R"("text":"a")");
  for (const Strings& events : {Strings{hello}, Strings{}, Strings{hello, "[DONE]"}, Strings{": ping"}}) {
    const auto got = stream(events);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "truncated_stream");
    CHECK(got.failed->retryable);
  }
  CHECK(decode("data: " + hello + "\n\ndata: " + end("COMPLETE")).finished == FinishReason::stop);
  CHECK(decode("<html>").failed->code == "bad_response");
  CHECK(stream({"{oops"}).failed->code == "bad_event");
  CHECK(stream({"[1]"}).failed->code == "bad_event");
  const auto after = stream({hello, end("COMPLETE"), "garbage"});
  CHECK(after.finished == FinishReason::stop);
}

TEST_CASE("cohere: errors inside a 200") {
  const auto fail = [](const std::string& event) {
    const auto got = stream({content(0, R"("text":"a")"), event, end("COMPLETE")});
    REQUIRE(got.failed);
    CHECK(got.text_of(ContentKind::text) == "a");
    return *got.failed;
  };
  CHECK(fail(R"({"id":"x","message":"too many tokens"})").message == "too many tokens");
  CHECK(fail(R"({"type":"error","message":"overloaded"})").message == "overloaded");
  CHECK(fail(R"({"error":{"message":"m","code":"rate_limit"}})").category == Category::rate_limit);
  CHECK(decode("event: error\ndata: {\"message\":\"m\"}\n\n").failed->message == "m");
  CHECK(decode(R"({"message":"m"})").failed->message == "m");
  CHECK(decode(R"({"error":"m"})", BodyFormat::unary).failed->message == "m");
  CHECK(decode(R"({"id":"x"})", BodyFormat::unary).failed->code == "bad_response");
  CHECK(decode("[]", BodyFormat::unary).failed->code == "bad_response");
}

TEST_CASE("cohere: characters split across deltas, unknown events, odd members") {
  const auto got = stream({R"({"type":"debug","prompt":"x"})", R"({"type":"content-delta"})",
                           R"({"type":"content-delta","delta":{"message":{"content":7}}})",
                           R"({"type":"tool-call-start","delta":{"message":{"tool_calls":[7,{"function":3}]}}})",
                           content(0, R"("text":"\ud83d")"), content(0, R"("text":"\ude00")"), plan("\\ud83d"),
                           plan("\\ude00"), content(1, R"("text":"\ud83d")"), end("COMPLETE")});
  CHECK(got.text_of(ContentKind::text) == "\xF0\x9F\x98\x80\xEF\xBF\xBD");
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].second == R"(cohere-chat:{"tool_plan":"\ud83d\ude00"})");
}

TEST_CASE("cohere: a unary answer") {
  const auto got = decode(R"({"id":"x","message":{"role":"assistant","tool_plan":"p","content":[
      {"type":"thinking","thinking":"t"},{"type":"text","text":"a"},{"type":"text","text":"b"}],
      "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
                    {"id":"b","type":"function","function":{"name":"f","arguments":{"x": 1}}}],
      "citations":[{"text":"a","sources":[{"type":"document","id":"d","document":{}}]}]},
      "finish_reason":"TOOL_CALL","logprobs":[{"text":"b","token_ids":[1],"logprobs":[-1]}],
      "usage":{"tokens":{"input_tokens":1,"output_tokens":2}}})",
                          BodyFormat::unary);
  CHECK(got.text_of(ContentKind::text) == "ab");
  CHECK(got.text_of(ContentKind::reasoning) == "t");
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[1].second.input_text == R"({"x":1})");
  CHECK(got.sources.size() == 1);
  CHECK(got.states.size() == 2);
  CHECK(got.logprob_tokens.size() == 1);
  CHECK(got.finished == FinishReason::tool_calls);
  CHECK(decode(R"({"message":{"content":"plain"},"finish_reason":"COMPLETE"})", BodyFormat::unary)
            .text_of(ContentKind::text) == "plain");
}

TEST_CASE("an error in the end is an error, with or without a finish reason") {
  const auto end = [](const std::string& fields) {
    return stream({content(0, R"("text":"a")"), event("message-end", R"("delta":{)" + fields + "}")});
  };
  for (const char* fields : {R"("error":"out of memory")", R"("finish_reason":"ERROR","error":"out of memory")",
                             R"("finish_reason":"","error":{"message":"out of memory"})"}) {
    CAPTURE(fields);
    const auto got = end(fields);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "upstream_error");
    CHECK(got.failed->message == "out of memory");
  }
  CHECK(end(R"("finish_reason":"COMPLETE","error":{})").finished == FinishReason::stop);
}
