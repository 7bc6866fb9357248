// Rules of the Messages API's answers, each on a stream or body written from the API's documents.
#include <doctest/doctest.h>

#include <string>

#include "tests/providers/corpus.hpp"
#include "worker/providers/anthropic_messages/state.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

std::string event(std::string_view type, std::string_view fields = {}) {
  std::string data = R"({"type":")" + std::string(type) + "\"";
  if (!fields.empty()) data.append(",").append(fields);
  return "event: " + std::string(type) + "\ndata: " + data + "}\n\n";
}

std::string message_start(std::string_view id = "msg_1") {
  return event("message_start", R"("message":{"id":")" + std::string(id) +
                                    R"(","type":"message","role":"assistant","content":[],"stop_reason":null,)"
                                    R"("usage":{"input_tokens":10,"output_tokens":1}})");
}

std::string block_start(int index, std::string_view block) {
  return event("content_block_start",
               "\"index\":" + std::to_string(index) + ",\"content_block\":" + std::string(block));
}

std::string delta(int index, std::string_view fields) {
  return event("content_block_delta",
               "\"index\":" + std::to_string(index) + ",\"delta\":{" + std::string(fields) + "}");
}

std::string input_delta(int index, std::string_view escaped) {
  return delta(index, R"("type":"input_json_delta","partial_json":")" + std::string(escaped) + "\"");
}

std::string block_stop(int index) { return event("content_block_stop", "\"index\":" + std::to_string(index)); }

std::string text_block(int index, std::string_view escaped) {
  return block_start(index, R"({"type":"text","text":""})") +
         delta(index, R"("type":"text_delta","text":")" + std::string(escaped) + "\"") + block_stop(index);
}

std::string ending(std::string_view stop_reason = "end_turn", std::string_view usage = R"({"output_tokens":7})") {
  return event("message_delta", R"("delta":{"stop_reason":")" + std::string(stop_reason) +
                                    R"(","stop_sequence":null},"usage":)" + std::string(usage)) +
         event("message_stop");
}

// The same answer however it is cut, and nothing against StepSink's promises.
RecordingSink read(const std::string& body, BodyFormat format = BodyFormat::stream) {
  const WireApi& api = anthropic_messages::kApi;
  const auto differences = cut_differences(api, format, body);
  CHECK_MESSAGE(differences.empty(), (differences.empty() ? "" : differences.front()));
  RecordingSink sink = decode(api, format, body);
  CHECK(sink.violations.empty());
  return sink;
}

std::string state(std::string_view json) { return "anthropic-messages:" + std::string(json); }

}  // namespace

TEST_CASE("text streams in blocks, each a part, and ends with message_stop") {
  const auto got =
      read(message_start() + event("ping") + text_block(0, "Hel") + text_block(1, "lo\\n\\u00e9") + ending());
  CHECK(got.parts.at(0).text == "Hel");
  CHECK(got.parts.at(1).text == "lo\n\xC3\xA9");
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.finish_raw == "end_turn");
}

TEST_CASE("every stop reason has its meaning") {
  const auto reason = [](std::string_view word) { return read(message_start() + ending(word)).finished; };
  CHECK(reason("stop_sequence") == FinishReason::stop);
  CHECK(reason("max_tokens") == FinishReason::length);
  CHECK(reason("model_context_window_exceeded") == FinishReason::length);
  CHECK(reason("tool_use") == FinishReason::tool_calls);
  CHECK(reason("refusal") == FinishReason::refusal);
  CHECK(reason("pause_turn") == FinishReason::other);
  CHECK(reason("compaction") == FinishReason::other);
  CHECK(read(message_start() + ending("pause_turn")).finish_raw == "pause_turn");
}

TEST_CASE("the first stop reason holds, and nothing counts after message_stop") {
  const auto first = event("message_delta", R"("delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":2})");
  const auto got = read(message_start() + first + ending("end_turn") + text_block(4, "late") + message_start("msg_2"));
  CHECK(got.finish_raw == "max_tokens");
  CHECK(got.parts.empty());
  CHECK(got.last_usage->output_tokens == 7);
}

TEST_CASE("a stream that ends before message_stop is truncated, stop reason or not") {
  for (const std::string& body :
       {std::string(), message_start(), message_start() + text_block(0, "half"),
        message_start() +
            event("message_delta", R"("delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1})")}) {
    const auto got = read(body);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "truncated_stream");
    CHECK(got.failed->category == Category::upstream);
    CHECK(got.failed->retryable);
  }
}

TEST_CASE("an event that the stream's end cuts short is a truncated stream, not a bad event") {
  CHECK(read(message_start() + "data: {\"type\":\"content_block_del").failed->code == "truncated_stream");
}

TEST_CASE("message_stop counts without the blank line that should follow it") {
  const auto got =
      read(message_start() + text_block(0, "hi") + "event: message_stop\ndata: {\"type\":\"message_stop\"}");
  CHECK(got.finished == FinishReason::other);
  CHECK(got.finish_raw.empty());
}

TEST_CASE("usage is cumulative: message_delta replaces what it names, and caches count as input") {
  const auto start =
      event("message_start", R"("message":{"id":"m","usage":{"input_tokens":10,"cache_read_input_tokens":100,)"
                             R"("cache_creation_input_tokens":1000,"output_tokens":3}})");
  const auto got = read(start + ending("end_turn", R"({"input_tokens":20,"output_tokens":50,)"
                                                   R"("output_tokens_details":{"thinking_tokens":30}})"));
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 1120);
  CHECK(got.last_usage->cached_input_tokens == 100);
  CHECK(got.last_usage->cache_write_tokens == 1000);
  CHECK(got.last_usage->output_tokens == 50);
  CHECK(got.last_usage->total_tokens == 1170);
  CHECK(got.last_usage->reasoning_tokens == 30);
  CHECK(got.last_usage->accuracy == UsageAccuracy::exact);
}

TEST_CASE("counts of a stream that broke off are the last seen") {
  CHECK(read(message_start()).last_usage->accuracy == UsageAccuracy::last_seen);
}

TEST_CASE("counts that are none are absent") {
  const auto got =
      read(event("message_start", R"("message":{"id":"m","usage":{"input_tokens":-5,"output_tokens":null}})") +
           ending("end_turn", R"({"input_tokens":9223372036854775807,"cache_read_input_tokens":1,)"
                              R"("output_tokens":4})"));
  REQUIRE(got.last_usage);
  CHECK(!got.last_usage->input_tokens);
  CHECK(got.last_usage->output_tokens == 4);
  CHECK(!got.last_usage->total_tokens);
}

TEST_CASE("a tool's input streams and the call is reported when its block ends") {
  const auto got =
      read(message_start() + text_block(0, "Let me look.") +
           block_start(1, R"({"type":"tool_use","id":"toolu_1","name":"weather","input":{}})") + input_delta(1, "") +
           input_delta(1, "{\\\"city\\\": \\\"") + input_delta(1, "Paris\\\"}") + block_stop(1) + ending("tool_use"));
  REQUIRE(got.calls.size() == 1);
  CHECK(got.calls[0].first == 1);
  CHECK(got.calls[0].second.id == "toolu_1");
  CHECK(got.calls[0].second.name == "weather");
  CHECK(got.calls[0].second.input_text == R"({"city": "Paris"})");
  CHECK(got.parts.at(1).text == R"({"city": "Paris"})");
  CHECK(got.parts.at(1).tool_call_id == "toolu_1");
}

TEST_CASE("a tool without arguments gets an empty object, with an empty delta or none") {
  const auto start = block_start(0, R"({"type":"tool_use","id":"t","name":"now","input":{}})");
  CHECK(read(message_start() + start + input_delta(0, "") + block_stop(0) + ending("tool_use"))
            .calls.at(0)
            .second.input_text == "{}");
  CHECK(read(message_start() + start + block_stop(0) + ending("tool_use")).calls.at(0).second.input_text == "{}");
  CHECK(read(message_start() + block_start(0, R"({"type":"tool_use","id":"t","name":"now"})") + ending("tool_use"))
            .calls.at(0)
            .second.input_text == "{}");
}

TEST_CASE("a tool's whole input may stand in the block's beginning") {
  const auto got =
      read(message_start() + block_start(0, R"({"type":"tool_use","id":"t","name":"add","input":{"a":[1,2.5]}})") +
           block_stop(0) + ending("tool_use"));
  CHECK(got.calls.at(0).second.input_text == R"({"a":[1,2.5]})");
}

TEST_CASE("a tool call may stand in message_start, and keeps who called it") {
  const auto got =
      read(event("message_start",
                 R"("message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"roll","input":{"n":1},)"
                 R"("caller":{"type":"code_execution_20250825","tool_id":"srv_1"}}],"usage":{"input_tokens":1}})") +
           ending("tool_use"));
  REQUIRE(got.calls.size() == 1);
  CHECK(got.calls[0].second.input_text == R"({"n":1})");
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].first == 0);
  CHECK(got.states[0].second == state(R"({"caller":{"type":"code_execution_20250825","tool_id":"srv_1"}})"));
}

TEST_CASE("parallel calls come in order, and a call without an id gets one") {
  const auto got =
      read(message_start() + block_start(0, R"({"type":"tool_use","id":"","name":"a"})") + input_delta(0, "{}") +
           block_stop(0) + block_start(1, R"({"type":"tool_use","id":"t2","name":"b"})") + block_stop(1) +
           ending("tool_use"));
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.id == "call_0");
  CHECK(got.calls[1].second.id == "t2");
}

TEST_CASE("input that is no JSON is passed on as the model wrote it") {
  const auto got = read(message_start() + block_start(0, R"({"type":"tool_use","id":"t","name":"a","input":{}})") +
                        input_delta(0, "{\\\"a\\\": tru") + block_stop(0) + ending("max_tokens"));
  CHECK(got.calls.at(0).second.input_text == R"({"a": tru)");
}

TEST_CASE("thinking streams as reasoning, and its signature becomes the part's state") {
  const auto got = read(message_start() + block_start(0, R"({"type":"thinking","thinking":"","signature":""})") +
                        delta(0, R"("type":"thinking_delta","thinking":"Hmm, ")") +
                        delta(0, R"("type":"thinking_delta","thinking":"yes.")") +
                        delta(0, R"("type":"signature_delta","signature":"Eq/+Ab==")") + block_stop(0) +
                        text_block(1, "Yes.") + ending());
  CHECK(got.text_of(ContentKind::reasoning) == "Hmm, yes.");
  CHECK(got.text_of(ContentKind::text) == "Yes.");
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0] == std::pair(0, state(R"({"signature":"Eq/+Ab=="})")));
}

TEST_CASE("thinking that hides its text still is a reasoning part, because of its signature") {
  const auto got = read(message_start() + block_start(0, R"({"type":"thinking","thinking":"","signature":""})") +
                        delta(0, R"("type":"signature_delta","signature":"sig")") + block_stop(0) + ending());
  REQUIRE(got.parts.size() == 1);
  CHECK(got.parts.at(0).kind == ContentKind::reasoning);
  CHECK(got.parts.at(0).text.empty());
  CHECK(got.states.at(0) == std::pair(0, state(R"({"signature":"sig"})")));
}

TEST_CASE("a signature that streams takes the place of the one in the block's beginning") {
  const auto got = read(message_start() + block_start(0, R"({"type":"thinking","thinking":"","signature":"ab"})") +
                        delta(0, R"("type":"signature_delta","signature":"ab")") +
                        delta(0, R"("type":"signature_delta","signature":"cd")") + block_stop(0) +
                        block_start(1, R"({"type":"thinking","thinking":"whole","signature":"ef"})") + ending());
  CHECK(got.states.at(0).second == state(R"({"signature":"abcd"})"));
  CHECK(got.states.at(1).second == state(R"({"signature":"ef"})"));
}

TEST_CASE("redacted thinking is a part of its own, whole") {
  const auto got = read(message_start() + block_start(0, R"({"type":"redacted_thinking","data":"Abc/+="})") +
                        block_stop(0) + text_block(1, "ok") + ending());
  CHECK(got.parts.size() == 1);
  CHECK(got.states.at(0) == std::pair(0, state(R"({"type":"redacted_thinking","data":"Abc/+="})")));
  CHECK(got.text_of(ContentKind::text) == "ok");
}

TEST_CASE("a server tool is the provider's call and an opaque block, rebuilt with its input") {
  const auto got = read(
      message_start() + block_start(0, R"({"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}})") +
      input_delta(0, "") + input_delta(0, "{\\\"query\\\":\\n \\\"caf\\u00e9") +
      input_delta(0, " \\ud83d\\ude01\\\"}") + block_stop(0) +
      block_start(1, R"({"type":"web_search_tool_result","tool_use_id":"srv_1",)"
                     R"("content":[{"type":"web_search_result","title":"é\u007f","encrypted_content":"Ab/="}]})") +
      block_stop(1) + text_block(2, "found") + ending());
  REQUIRE(got.calls.size() == 1);
  CHECK(got.calls[0].second.by_provider);
  CHECK(got.calls[0].second.name == "web_search");
  CHECK(got.calls[0].second.input_text == "{\"query\":\n \"caf\xC3\xA9 \xF0\x9F\x98\x81\"}");
  REQUIRE(got.states.size() == 2);
  CHECK(got.states[0].second == state(R"({"type":"server_tool_use","id":"srv_1","name":"web_search",)"
                                      R"("input":{"query":  "caf\u00e9 \ud83d\ude01"}})"));
  CHECK(got.states[1].second ==
        state(R"({"type":"web_search_tool_result","tool_use_id":"srv_1","content":)"
              R"([{"type":"web_search_result","title":"\u00e9\u007f","encrypted_content":"Ab/="}]})"));
  CHECK(got.parts.at(2).text == "found");
}

TEST_CASE("broken input of a server tool does not break its block") {
  const auto got = read(message_start() +
                        block_start(0, R"({"type":"mcp_tool_use","id":"m","name":"x","server_name":"s","input":{}})") +
                        input_delta(0, "{\\\"q") + block_stop(0) + ending());
  CHECK(got.states.at(0).second ==
        state(R"({"type":"mcp_tool_use","id":"m","name":"x","server_name":"s","input":{}})"));
}

TEST_CASE("a compaction block is no text, and its delta fills it") {
  const auto got = read(message_start() + block_start(0, R"({"type":"compaction","content":null})") +
                        delta(0, R"("type":"compaction_delta","content":"Summary.","encrypted_content":"Zz=")") +
                        block_stop(0) + text_block(1, "Hi") + ending());
  CHECK(got.text_of(ContentKind::text) == "Hi");
  CHECK(got.states.at(0).second == state(R"({"type":"compaction","content":"Summary.","encrypted_content":"Zz="})"));
}

TEST_CASE("citations of every kind are sources, and state of their text") {
  const auto cited = [](std::string_view fields) {
    return delta(0, R"("type":"citations_delta","citation":{"cited_text":"q é",)" + std::string(fields) + "}");
  };
  const auto got =
      read(message_start() + block_start(0, R"({"type":"text","text":"","citations":[]})") +
           delta(0, R"("type":"text_delta","text":"A")") +
           cited(R"("type":"web_search_result_location","url":"https://x","title":"T","encrypted_index":"E=")") +
           cited(R"("type":"search_result_location","source":"https://y","title":"S","search_result_index":0)") +
           cited(R"("type":"page_location","document_index":1,"document_title":"D","start_page_number":1)") +
           cited(R"("type":"char_location","document_index":0,"document_title":null,"file_id":"file_1")") +
           block_stop(0) + ending());
  REQUIRE(got.sources.size() == 4);
  CHECK(got.sources[0].type == Source::Type::url);
  CHECK(got.sources[0].url == "https://x");
  CHECK(got.sources[0].title == "T");
  CHECK(got.sources[0].quote == "q é");
  CHECK(got.sources[1].url == "https://y");
  CHECK(got.sources[2].type == Source::Type::document);
  CHECK(got.sources[2].id == "1");
  CHECK(got.sources[2].title == "D");
  CHECK(got.sources[3].id == "file_1");
  CHECK(got.sources[3].title.empty());
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].first == 0);
  CHECK(got.states[0].second.starts_with(
      R"(anthropic-messages:{"citations":[{"cited_text":"q \u00e9","type":"web_search_result_location")"));
}

TEST_CASE("what the provider's tools gave is told: results, errors, and those of calls in a paused answer") {
  const auto got = read(
      message_start() + block_start(0, R"({"type":"server_tool_use","id":"s1","name":"web_search","input":{}})") +
      input_delta(0, R"({\"query\":\"x\"})") + block_stop(0) +
      block_start(1, R"({"type":"web_search_tool_result","tool_use_id":"s1","content":[{"url":"https://x"}]})") +
      block_stop(1) + block_start(2, R"({"type":"mcp_tool_use","id":"m1","name":"ask","server_name":"w","input":{}})") +
      block_stop(2) + block_start(3, R"({"type":"mcp_tool_result","tool_use_id":"m1","is_error":true,"content":[]})") +
      block_stop(3) +
      block_start(4, R"({"type":"web_fetch_tool_result","tool_use_id":"s0","content":)"
                     R"({"type":"web_fetch_tool_result_error","error_code":"unavailable"}})") +
      block_stop(4) + ending());
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.by_provider);
  REQUIRE(got.provider_results.size() == 3);
  CHECK(got.provider_results[0].tool_call_id == "s1");
  CHECK(got.provider_results[0].tool_name == "web_search");
  CHECK(got.provider_results[0].output == R"({"type":"json","value":[{"url":"https://x"}]})");
  CHECK(got.provider_results[1].tool_name == "ask");
  CHECK(got.provider_results[1].output == R"({"type":"error-json","value":[]})");
  CHECK(got.provider_results[2].tool_name == "web_fetch");
  CHECK(got.provider_results[2].output.starts_with(R"({"type":"error-json",)"));
}

TEST_CASE("the container and the reason of a stop are kept") {
  const auto got = read(message_start() + text_block(0, "Hi") +
                        event("message_delta", R"("delta":{"stop_reason":"refusal","stop_details":)"
                                               R"({"type":"refusal","explanation":"Because."},)"
                                               R"("container":{"id":"c_1","expires_at":"2026-01-01T00:00:00Z"}},)"
                                               R"("usage":{"output_tokens":1})") +
                        event("message_stop"));
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0] == std::pair(1, state(R"({"container":{"id":"c_1","expires_at":"2026-01-01T00:00:00Z"}})")));
  CHECK(got.warnings == std::vector<std::string>{"stop_explained"});
}

TEST_CASE("what context management cleared, and the token of a refusal, are state that is not sent back") {
  const std::string details = R"({"type":"refusal","fallback_credit_token":"t"})";
  const std::string edits = R"({"applied_edits":[{"type":"clear_tool_uses_20250919","cleared_tool_uses":2}]})";
  const std::string both = R"({"stop_details":)" + details + R"(,"context_management":)" + edits + "}";
  const auto got = read(message_start() + text_block(0, "Hi") +
                        event("message_delta", R"("delta":{"stop_reason":"refusal","stop_details":)" + details +
                                                   R"(},"context_management":)" + edits + R"(,"usage":{})") +
                        event("message_stop"));
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].second == state(both));
  CHECK(got.warnings.empty());
  StateReader reader;
  const auto back = anthropic_messages::read_state(RawString{got.states[0].second}, reader);
  CHECK(back.block.empty());
  CHECK(back.container_id.empty());
}

TEST_CASE("counts never shrink, whatever the last delta says") {
  const auto got = read(
      event("message_start", R"("message":{"id":"m","content":[],"usage":{"input_tokens":9,"output_tokens":1}})") +
      text_block(0, "Hi") +
      event("message_delta", R"("delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,"output_tokens":5})") +
      event("message_delta", R"("delta":{},"usage":{"input_tokens":0,"output_tokens":0}})") + event("message_stop"));
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 9);
  CHECK(got.last_usage->output_tokens == 5);
}

TEST_CASE("whatever is unknown passes without harm") {
  const auto got =
      read(message_start() + event("future_event", R"("x":1)") +
           block_start(0, R"({"citations":[],"type":"text","text":""})") +
           delta(0, R"("type":"citations_delta","citation":7)") + delta(0, R"("type":"future_delta","y":2)") +
           delta(0, R"("type":"text_delta","text":"A")") + block_stop(0) + block_stop(9) +
           delta(9, R"("type":"input_json_delta","partial_json":"{}")") + "data: [DONE]\n\n" + ending());
  CHECK(got.text_of(ContentKind::text) == "A");
  CHECK(got.states.empty());
  CHECK(got.finished == FinishReason::stop);
}

TEST_CASE("text whose block's beginning was lost is shown") {
  const auto got = read(message_start() + delta(0, R"("type":"text_delta","text":"A")") + ending());
  CHECK(got.text_of(ContentKind::text) == "A");
}

TEST_CASE("a repeated message_start is ignored, another message's is an error") {
  const auto same = read(message_start("a") + message_start("a") + text_block(0, "x") + ending());
  CHECK(same.text_of(ContentKind::text) == "x");
  CHECK(same.finished);
  const auto other = read(message_start("a") + text_block(0, "x") + message_start("b") + text_block(0, "y") + ending());
  REQUIRE(other.failed);
  CHECK(other.failed->code == "bad_event");
  CHECK(other.text_of(ContentKind::text) == "x");
}

TEST_CASE("an error event inside a 200 ends the answer with its meaning") {
  struct Row {
    std::string_view word;
    Category category;
    bool retryable;
  };
  for (const Row& row :
       {Row{"overloaded_error", Category::overloaded, true}, Row{"rate_limit_error", Category::rate_limit, true},
        Row{"api_error", Category::upstream, true}, Row{"invalid_request_error", Category::invalid_request, false}}) {
    CAPTURE(row.word);
    const auto got = read(message_start() + text_block(0, "x") +
                          event("error", R"("error":{"type":")" + std::string(row.word) +
                                             R"(","message":"No luck"},"request_id":"req_1")") +
                          ending());
    REQUIRE(got.failed);
    CHECK(got.failed->code == "upstream_error");
    CHECK(got.failed->category == row.category);
    CHECK(got.failed->retryable == row.retryable);
    CHECK(got.failed->provider_code == row.word);
    CHECK(got.failed->message == "No luck");
    CHECK(got.failed->request_id == "req_1");
    CHECK(!got.finished);
  }
}

TEST_CASE("an event that is no JSON object is an error") {
  for (const std::string_view data :
       {"{\"type\":\"ping\"", "[]", "{\"type\":\"ping\"}{\"type\":\"ping\"}", "nonsense"}) {
    const auto got = read(message_start() + "data: " + std::string(data) + "\n\n" + ending());
    REQUIRE(got.failed);
    CHECK(got.failed->code == "bad_event");
  }
}

TEST_CASE("an event above the limit is an error, in linear time") {
  const std::string line =
      "data: {\"type\":\"ping\",\"x\":\"" + std::string(ResponseDecoder::kMaxEventBytes, 'x') + "\"}\n\n";
  const auto got = decode(anthropic_messages::kApi, BodyFormat::stream, line, {100, 1'000'000});
  REQUIRE(got.failed);
  CHECK(got.failed->code == "event_too_large");
}

TEST_CASE("a character split across deltas is put together, half of one is replaced") {
  const auto got = read(message_start() + block_start(0, R"({"type":"text","text":""})") +
                        delta(0, R"("type":"text_delta","text":"a\ud83d")") +
                        delta(0, R"("type":"text_delta","text":"\ude00b\ud83d")") + block_stop(0) + ending());
  CHECK(got.parts.at(0).text ==
        "a\xF0\x9F\x98\x80"
        "b\xEF\xBF\xBD");
}

TEST_CASE("CRLF line ends and comments change nothing") {
  std::string body = ": hello\n\n" + message_start() + text_block(0, "hi") + ending();
  std::string crlf;
  for (const char c : body) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  CHECK(read(crlf).summary() == read(body).summary());
}

TEST_CASE("a block ends when another begins under its number") {
  const auto got =
      read(message_start() + block_start(0, R"({"type":"tool_use","id":"t1","name":"a","input":{}})") +
           input_delta(0, "{}") + block_start(0, R"({"type":"tool_use","id":"t2","name":"b","input":{}})") +
           block_stop(0) + ending("tool_use"));
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.id == "t1");
  CHECK(got.calls[1].second.id == "t2");
}

TEST_CASE("blocks left open end with the message") {
  const auto got = read(message_start() + block_start(0, R"({"type":"tool_use","id":"t","name":"a","input":{}})") +
                        input_delta(0, "{\\\"b\\\":1}") + ending("tool_use"));
  CHECK(got.calls.at(0).second.input_text == R"({"b":1})");
}

TEST_CASE("a whole answer decodes like a stream") {
  const auto got =
      read(R"({"id":"msg_1","type":"message","role":"assistant","content":[)"
           R"({"type":"thinking","thinking":"Hm.","signature":"sig="},{"type":"redacted_thinking","data":"xx"},)"
           R"({"type":"text","text":"Hi é"},{"type":"tool_use","id":"t1","name":"f","input":{"a":1}},)"
           R"({"type":"tool_use","id":"t2","name":"g","input":{}}],"stop_reason":"tool_use",)"
           R"("usage":{"input_tokens":5,"cache_read_input_tokens":0,"output_tokens":6}})",
           BodyFormat::unary);
  CHECK(got.text_of(ContentKind::reasoning) == "Hm.");
  CHECK(got.text_of(ContentKind::text) == "Hi \xC3\xA9");
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.input_text == R"({"a":1})");
  CHECK(got.calls[1].second.input_text == "{}");
  CHECK(got.states.size() == 2);
  CHECK(got.last_usage->total_tokens == 11);
  CHECK(got.finished == FinishReason::tool_calls);
}

TEST_CASE("a whole answer that is an error, or none at all, fails") {
  const auto told =
      read(R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})", BodyFormat::unary);
  REQUIRE(told.failed);
  CHECK(told.failed->category == Category::overloaded);
  for (const std::string_view body : {"", "{\"type\":\"message\"", "[]", "{\"type\":\"message\"}", "<html></html>"}) {
    const auto got = read(std::string(body), BodyFormat::unary);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "bad_response");
  }
}

TEST_CASE("a provider's result never comes before its own call") {
  const std::string call = R"({"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"q"}})";
  const std::string result = R"({"type":"web_search_tool_result","tool_use_id":"s1","content":[]})";
  const auto open_call =
      read(message_start() + block_start(0, call) + block_start(1, result) + block_stop(0) + block_stop(1) + ending());
  REQUIRE(open_call.calls.size() == 1);
  CHECK(open_call.calls[0].second.input_text == R"({"query":"q"})");
  CHECK(open_call.provider_results.size() == 1);

  const auto reversed =
      read(message_start() + block_start(0, result) + block_stop(0) + block_start(1, call) + block_stop(1) + ending());
  CHECK(reversed.calls.empty());
  CHECK(reversed.provider_results.size() == 1);
  CHECK(reversed.states.size() == 2);  // both go back as they came
}
