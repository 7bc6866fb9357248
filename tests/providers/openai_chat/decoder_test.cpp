// Chat Completions answers of many servers, written from their API documents, each cut at every byte.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/providers/openai_chat/answers.hpp"
#include "worker/providers/codec/http_error.hpp"

using namespace aiw;
using namespace aiw::testing::chat;
using aiw::testing::RecordingSink;

namespace {

struct Called {
  std::string id, name, input;
  bool operator==(const Called&) const = default;
};

std::vector<Called> calls(const RecordingSink& sink) {
  std::vector<Called> out;
  for (const auto& [part, call] : sink.calls) out.push_back({call.id, call.name, call.input_text});
  return out;
}

std::string call(const std::string& fields) { return choice(R"({"tool_calls":[{)" + fields + "}]}"); }

}  // namespace

TEST_CASE("text, usage after the finish reason, [DONE]") {
  const auto got = stream({choice(R"({"role":"assistant","content":""})"), choice(R"({"content":"Hel"})"),
                           choice(R"({"content":"lo \u20ac"})"), kStop,
                           R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,
                               "prompt_tokens_details":{"cached_tokens":4},
                               "completion_tokens_details":{"reasoning_tokens":2}}})",
                           kDone});
  CHECK(text(got) == "Hello \xE2\x82\xAC");
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.finish_raw == "stop");
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 7);
  CHECK(got.last_usage->output_tokens == 3);
  CHECK(got.last_usage->total_tokens == 10);
  CHECK(got.last_usage->cached_input_tokens == 4);
  CHECK(got.last_usage->reasoning_tokens == 2);
  CHECK(got.warnings.empty());
  CHECK(got.parts.size() == 1);
}

TEST_CASE("usage wherever a server puts it, and never garbage") {
  const auto usage = [](const std::string& json) { return stream({kStop, json, kDone}).last_usage; };
  CHECK(usage(R"({"choices":[],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}})")->output_tokens == 2);
  CHECK(usage(R"({"choices":[],"usage":{"prompt_tokens":9,"prompt_cache_hit_tokens":8}})")->cached_input_tokens == 8);
  CHECK(usage(R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":26,"total_tokens":258,
                  "completion_tokens_details":{"reasoning_tokens":227}}})")
            ->output_tokens == 253);
  CHECK_FALSE(usage(R"({"choices":[],"usage":null})"));
  CHECK(usage(R"({"choices":[{"index":0,"delta":{},"usage":{"prompt_tokens":1,"completion_tokens":4}}]})")
            ->output_tokens == 4);
  const auto beside = usage(R"({"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
                                "prompt_tokens_details":{"cached_tokens":100},
                                "completion_tokens_details":{"reasoning_tokens":48}}})");
  CHECK(beside->input_tokens == 110);
  CHECK(beside->output_tokens == 53);
  CHECK(beside->total_tokens == 163);
  const auto shrunk = stream({R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}})", kStop,
                              R"({"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}})", kDone});
  CHECK(shrunk.last_usage->input_tokens == 9);
  CHECK(shrunk.last_usage->output_tokens == 3);
  CHECK_FALSE(usage(R"({"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":9223372036854775808}})"));
  const auto repeated = stream({R"({"choices":[],"usage":{"prompt_tokens":1}})",
                                R"({"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}})", kStop, kDone});
  CHECK(repeated.last_usage->input_tokens == 2);
  CHECK(repeated.last_usage->output_tokens == 3);
}

TEST_CASE("reasoning under all its names comes before the text of the same delta") {
  const auto named = stream({choice(R"({"content":"a","reasoning_content":"r"})"), kStop, kDone});
  CHECK(named.parts.at(0).kind == ContentKind::reasoning);
  CHECK(named.parts.at(1).text == "a");
  CHECK(named.states == std::vector<std::pair<int, std::string>>{{0, R"(openai-chat:{"field":"reasoning_content"})"}});
  CHECK(stream({choice(R"({"reasoning":"r"})"), kStop, kDone}).text_of(ContentKind::reasoning) == "r");
  CHECK(
      stream({choice(R"({"reasoning":"r","reasoning_content":"r"})"), kStop, kDone}).text_of(ContentKind::reasoning) ==
      "r");
}

TEST_CASE("Mistral's content arrays") {
  const auto got =
      stream({choice(R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]})"),
              choice(R"({"content":[{"type":"text","text":"4"},{"type":"reference","reference_ids":[1]}]})"),
              choice(R"({"content":"2"})"), choice("{}", R"("model_length")"), kDone});
  CHECK(got.text_of(ContentKind::reasoning) == "hm");
  CHECK(text(got) == "42");
  CHECK(got.finished == FinishReason::length);
}

TEST_CASE("OpenRouter's reasoning_details are merged and kept for the way back") {
  const auto got = stream(
      {choice(R"({"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","format":"f","index":0}]})"),
       choice(
           R"({"reasoning":"\u20ac","reasoning_details":[{"type":"reasoning.text","text":"\u20ac","format":"f","index":0}]})"),
       choice(R"({"reasoning_details":[{"type":"reasoning.text","signature":"S","format":"f","index":0}]})"), kStop,
       kDone});
  CHECK(got.text_of(ContentKind::reasoning) == "a\xE2\x82\xAC");
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].second == R"(openai-chat:{"reasoning_details":[{"type":"reasoning.text","format":"f","index":0,)"
                                R"("text":"a\u20ac","signature":"S"}]})");
}

TEST_CASE("refusals") {
  const auto got = stream({choice(R"({"refusal":"I can"})"), choice(R"({"refusal":"not"})"), kStop, kDone});
  CHECK(got.text_of(ContentKind::refusal) == "I cannot");
  CHECK(text(got).empty());
  CHECK(got.finished == FinishReason::refusal);
  CHECK(got.finish_raw == "stop");
}

TEST_CASE("parallel calls by index") {
  const auto got = stream({call(R"("index":0,"id":"a","type":"function","function":{"name":"f","arguments":""})"),
                           call(R"("index":0,"function":{"arguments":"{\"x\":"})"),
                           call(R"("index":1,"id":"b","function":{"name":"g","arguments":"{}"})"),
                           call(R"("index":0,"function":{"arguments":"1}"})"), kCalls, kDone});
  CHECK(calls(got) == std::vector<Called>{{"a", "f", R"({"x":1})"}, {"b", "g", "{}"}});
  CHECK(got.parts.at(0).tool_call_id == "a");
  CHECK(got.parts.at(0).text == R"({"x":1})");
  CHECK(got.finished == FinishReason::tool_calls);
}

TEST_CASE("calls as servers really number and name them") {
  using Calls = std::vector<Called>;
  const auto run = [](std::vector<std::string> events) {
    events.push_back(kCalls);
    events.push_back(kDone);
    return calls(stream(events));
  };
  const std::string f = R"("function":{"name":"f","arguments":"{\"a\":1}"})",
                    g = R"("function":{"name":"g","arguments":"{}"})";
  const Calls two = {{"x", "f", R"({"a":1})"}, {"y", "g", "{}"}};
  // Ollama: index 0 for all.
  CHECK(run({call(R"("index":0,"id":"x",)" + f), call(R"("index":0,"id":"y",)" + g)}) == two);
  CHECK(run({call(R"("index":0,)" + f), call(R"("index":0,)" + g)}) ==
        Calls{{"call_0", "f", R"({"a":1})"}, {"call_1", "g", "{}"}});
  // Gemini's compatible endpoint: no index.
  CHECK(run({call(R"("id":"x",)" + f), call(R"("id":"y",)" + g)}) == two);
  CHECK(run({call(f), call(f)}) == Calls{{"call_0", "f", R"({"a":1})"}, {"call_1", "f", R"({"a":1})"}});
  // The name and the id repeated in each delta, or empty later.
  CHECK(run({call(R"("index":0,"id":"x","function":{"name":"f","arguments":"{\"a\""})"),
             call(R"("index":0,"id":"x","function":{"name":"f","arguments":":1}"})")}) == Calls{two[0]});
  CHECK(run({call(R"("index":0,"id":"x","function":{"name":"f","arguments":"{\"a\""})"),
             call(R"("index":0,"id":"","type":null,"function":{"name":"","arguments":":1}"})")}) == Calls{two[0]});
  // The id repeated under another index; a tail under an index that never began.
  CHECK(run({call(R"("index":0,"id":"x","function":{"name":"f","arguments":"{\"a\""})"),
             call(R"("index":1,"id":"x","function":{"arguments":":1}"})")}) == Calls{two[0]});
  CHECK(run({call(R"("index":0,"id":"x","function":{"name":"f","arguments":"{\"a\""})"),
             call(R"("index":5,"function":{"arguments":":1}"})")}) == Calls{two[0]});
  // Name and id late, the name before any arguments.
  CHECK(run({call(R"("index":0,"function":{"arguments":""},"id":"x")"), call(R"("index":0,)" + f)}) == Calls{two[0]});
  // No arguments, null arguments, an object for arguments.
  CHECK(run({call(R"("index":0,"id":"y","function":{"name":"g","arguments":""})")}) == Calls{two[1]});
  CHECK(run({call(R"("index":0,"id":"y","function":{"name":"g","arguments":null})")}) == Calls{two[1]});
  CHECK(run({call(R"("index":0,"id":"y","function":{"name":"g"})")}) == Calls{two[1]});
  CHECK(run({call(R"("index":0,"id":"x","function":{"name":"f","arguments":{"a": 1}})")}) == Calls{two[0]});
  // The function_call of old.
  CHECK(run({choice(R"({"function_call":{"name":"f","arguments":"{\"a\""}})"),
             choice(R"({"function_call":{"arguments":":1}"}})")}) == Calls{{"call_0", "f", R"({"a":1})"}});
  CHECK(run({choice(R"({"function_call":{"name":"","arguments":""}})")}).empty());
}

TEST_CASE("calls under other finish reasons") {
  const std::string whole = call(R"("index":0,"id":"x","function":{"name":"f","arguments":"{\"a\":1}"})");
  const std::string cut = call(R"("index":1,"id":"y","function":{"name":"f","arguments":"{\"a\":"})");
  CHECK(stream({whole, kStop, kDone}).finished == FinishReason::tool_calls);
  const auto limited = stream({whole, cut, choice("{}", "\"length\""), kDone});
  CHECK(calls(limited) == std::vector<Called>{{"x", "f", R"({"a":1})"}});
  CHECK(limited.finished == FinishReason::length);
  // Not cut short: the model's own broken JSON is reported as it is.
  CHECK(calls(stream({cut, kCalls, kDone})) == std::vector<Called>{{"y", "f", R"({"a":)"}});
  CHECK(calls(stream({whole, R"({"error":{"message":"m"}})"})).empty());
}

TEST_CASE("Gemini's thought signature goes with its call") {
  const auto got = stream({call(R"("index":0,"id":"x","function":{"name":"f","arguments":"{}"},
                                   "extra_content":{"google":{"thought_signature":"s\u20ac"}})"),
                           kCalls, kDone});
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].first == got.calls.at(0).first);
  CHECK(got.states[0].second == R"(openai-chat:{"extra_content":{"google":{"thought_signature":"s\u20ac"}}})");
}

TEST_CASE("how a stream may end") {
  const std::string hello = choice(R"({"content":"a"})");
  CHECK(decode(sse({hello, kStop})).warnings == std::vector<std::string>{"missing_done"});
  CHECK(decode(sse({hello, kStop})).finished == FinishReason::stop);
  CHECK(decode("data: " + hello + "\n\ndata: " + kStop).finished == FinishReason::stop);  // no blank line at the end
  CHECK(stream({hello, kDone}).finished == FinishReason::other);
  CHECK(stream({hello, kDone}).warnings == std::vector<std::string>{"missing_finish_reason"});
  for (const auto& body : {sse({hello}), std::string(), std::string(": ping\n\n"), sse({hello}) + "data: {\"choi"}) {
    CAPTURE(body);
    const auto cut = decode(body);
    REQUIRE(cut.failed);
    CHECK(cut.failed->code == "truncated_stream");
    CHECK(cut.failed->retryable);
  }
  // Nothing after [DONE] counts; the first finish reason does.
  const auto after = stream({hello, kStop, choice("{}", "\"length\""), kDone, hello, "garbage"});
  CHECK(text(after) == "a");
  CHECK(after.finished == FinishReason::stop);
}

TEST_CASE("finish reasons") {
  const auto reason = [](const std::string& raw) { return stream({choice("{}", "\"" + raw + "\""), kDone}).finished; };
  CHECK(reason("stop") == FinishReason::stop);
  CHECK(reason("length") == FinishReason::length);
  CHECK(reason("max_tokens") == FinishReason::length);
  CHECK(reason("tool_calls") == FinishReason::tool_calls);
  CHECK(reason("function_call") == FinishReason::tool_calls);
  CHECK(reason("content_filter") == FinishReason::content_filter);
  CHECK(reason("refusal") == FinishReason::refusal);
  CHECK(reason("sensitive") == FinishReason::content_filter);
  CHECK(reason("SAFETY") == FinishReason::content_filter);
  CHECK(reason("something_new") == FinishReason::other);
  CHECK(stream({choice("{}", "\"error\""), kDone}).failed->code == "upstream_error");
  for (const char* raw : {"network_error", "insufficient_system_resource", "abort", "malformed_function_call"}) {
    const auto got = stream({choice(R"({"content":"a"})"), choice("{}", "\"" + std::string(raw) + "\""), kDone});
    REQUIRE(got.failed);
    CHECK(got.failed->provider_code == raw);
    CHECK(got.failed->retryable);
  }
  CHECK(stream({choice("{}", "\"insufficient_system_resource\""), kDone}).failed->category == Category::overloaded);
}

TEST_CASE("a gateway's native finish reason tells of a failure that its own word hides") {
  const auto end = [](const std::string& own, const std::string& native) {
    return stream({R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":)" + own +
                       R"(,"native_finish_reason":)" + native + "}]}",
                   kDone});
  };
  const auto hidden = end("\"stop\"", "\"MALFORMED_FUNCTION_CALL\"");
  REQUIRE(hidden.failed);
  CHECK(hidden.failed->provider_code == "MALFORMED_FUNCTION_CALL");
  CHECK(hidden.failed->retryable);
  const auto both = end("\"error\"", "\"network_error\"");
  REQUIRE(both.failed);
  CHECK(both.failed->message == "the provider ended its answer with the finish reason error (network_error)");
  CHECK(end("\"stop\"", "\"completed\"").finished == FinishReason::stop);
}

TEST_CASE("reasoning that only reasoning_details carry is told, once") {
  const auto detail = [](const std::string& type, const std::string& key, const std::string& text) {
    return R"("reasoning_details":[{"type":"reasoning.)" + type + R"(","index":0,")" + key + R"(":")" + text + R"("}])";
  };
  const auto got =
      stream({choice("{" + detail("summary", "summary", "Think") + R"(,"reasoning":null,"reasoning_content":""})"),
              choice("{" + detail("text", "text", "ing") + "}"), choice("{" + detail("encrypted", "data", "xyz") + "}"),
              choice(R"({"content":"Hi"})"), kStop, kDone});
  CHECK(got.text_of(ContentKind::reasoning) == "Thinking");
  CHECK(text(got) == "Hi");
  const auto both = stream({choice(R"({"reasoning":"Think",)" + detail("text", "text", "Think") + "}"),
                            choice("{" + detail("text", "text", "Think") + "}"), kStop, kDone});
  CHECK(both.text_of(ContentKind::reasoning) == "Think");
}

TEST_CASE("calls of custom tools appear, their input as a JSON string") {
  const auto got = stream({call(R"("index":0,"id":"a","type":"custom","custom":{"name":"run","input":"4 "})"),
                           call(R"("index":0,"custom":{"input":"+ \"4\""})"), kCalls, kDone});
  CHECK(calls(got) == std::vector<Called>{{"a", "run", R"("4 + \"4\"")"}});
  CHECK(got.parts.at(0).text == R"("4 + \"4\"")");
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].second == R"(openai-chat:{"type":"custom"})");
  const auto body =
      decode(R"({"choices":[{"message":{"tool_calls":[{"id":"a","type":"custom","function":{"name":"","arguments":""},
                               "custom":{"name":"run","input":""}}]},"finish_reason":"tool_calls"}]})",
             BodyFormat::unary);
  CHECK(calls(body) == std::vector<Called>{{"a", "run", "\"\""}});
}

TEST_CASE("parallel calls with one index and one id are two calls") {
  const std::string first = R"("index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"})";
  const std::string second = R"("index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":2}"})";
  const std::vector<Called> both = {{"a", "f", R"({"x":1})"}, {"a", "f", R"({"x":2})"}};
  CHECK(calls(stream({call(first), call(second), kCalls, kDone})) == both);
  CHECK(calls(stream({choice(R"({"tool_calls":[{)" + first + "},{" + second + "}]}"), kCalls, kDone})) == both);
  CHECK(calls(stream({call(first), call(R"("index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"})"),
                      call(R"("index":0,"function":{"arguments":"2}"})"), kCalls, kDone})) == both);
  // A server that repeats the whole call at its end asks for it once.
  CHECK(calls(stream({call(first), call(first), kCalls, kDone})) == std::vector<Called>{both[0]});
}

TEST_CASE("arguments that are null or blank are no arguments") {
  for (const char* none : {R"("null")", R"("")", R"(" \n")", "null", "{}"}) {
    CAPTURE(none);
    CHECK(calls(stream({call(R"("index":0,"id":"a","function":{"name":"f","arguments":)" + std::string(none) + "}"),
                        kCalls, kDone})) == std::vector<Called>{{"a", "f", "{}"}});
  }
}

TEST_CASE("content that is an object is its JSON text") {
  CHECK(text(decode(R"({"choices":[{"message":{"content":{"a":1.50}},"finish_reason":"stop"}]})", BodyFormat::unary)) ==
        R"({"a":1.50})");
}

TEST_CASE("errors inside a 200") {
  const auto fail = [](std::vector<std::string> events) {
    const auto got = stream(events);
    REQUIRE(got.failed);
    return *got.failed;
  };
  const Error object =
      fail({choice(R"({"content":"a"})"), R"({"error":{"message":"m","type":"server_error","code":"x"}})"});
  CHECK(object.code == "upstream_error");
  CHECK(object.provider_code == "x");
  CHECK(object.message == "m");
  CHECK(object.retryable);
  CHECK(fail({R"({"error":"overloaded"})"}).message == "overloaded");
  CHECK(fail({R"({"error":{"code":429,"message":"m"}})"}).category == Category::rate_limit);
  CHECK(fail({R"({"choices":[{"index":0,"delta":{},"error":{"code":502,"message":"m"},"finish_reason":"error"}]})"})
            .retryable);
  const auto named = decode("event: error\ndata: {\"message\":\"m\",\"code\":\"content_filter\"}\n\n");
  CHECK(named.failed->category == Category::content_filter);
  const auto partial = stream({choice(R"({"content":"a"})"), R"({"error":{"message":"m"}})", kStop, kDone});
  CHECK(text(partial) == "a");
  CHECK_FALSE(partial.finished);
}

TEST_CASE("what is no event stream of this API") {
  CHECK(decode("<!doctype html><p>hi").failed->code == "bad_response");
  CHECK(stream({R"({"choices":[]}{"error":{}})"}).failed->code == "bad_event");
  CHECK(stream({"{oops"}).failed->code == "bad_event");
  CHECK(stream({"[1]"}).failed->code == "bad_event");
  CHECK(decode(R"( {"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})").finished == FinishReason::stop);
  CHECK(decode(R"({"error":{"message":"m"}})").failed->message == "m");
  CHECK(text(stream({": ping", choice(R"({"content":"a"})"), kStop, kDone})) == "a");
  CHECK(stream({"null", kStop, kDone}).finished == FinishReason::stop);
}

TEST_CASE("Azure's chunks without content, other choices, odd members") {
  const auto got =
      stream({R"({"choices":[],"prompt_filter_results":[{"prompt_index":0}],"id":"","model":""})",
              R"({"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"length"}]})",
              R"({"choices":[{"index":0,"content_filter_offsets":{"start":1},"finish_reason":null}]})",
              R"({"choices":null})", R"({"choices":[7,{"delta":3},{"delta":{"content":5,"tool_calls":7}}]})",
              choice(R"({"content":"yes","role":"assistant","tool_calls":null,"annotations":[]})"), kStop, kDone});
  CHECK(text(got) == "yes");
  CHECK(got.finished == FinishReason::stop);
}

TEST_CASE("split characters are joined across deltas, in text and arguments alike") {
  const auto got = stream({choice(R"({"content":"\ud83d"})"), choice(R"({"content":"\ude00"})"),
                           choice("{\"reasoning\":\"\xE2\x82\"}"), choice("{\"reasoning\":\"\xAC\"}"),
                           call("\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"\\\"\xC3\"}"),
                           call("\"index\":0,\"function\":{\"arguments\":\"\xA9\\\"\"}"),
                           choice(R"({"content":"!\ud83d"})"), kStop, kDone});
  CHECK(text(got) == "\xF0\x9F\x98\x80!\xEF\xBF\xBD");
  CHECK(got.text_of(ContentKind::reasoning) == "\xE2\x82\xAC");
  CHECK(calls(got) == std::vector<Called>{{"x", "f", "\"\xC3\xA9\""}});
}

TEST_CASE("events above the limit, calls without number") {
  const std::string large =
      "data: " + choice("{\"content\":\"" + std::string(ResponseDecoder::kMaxEventBytes, 'x') + "\"}") + "\n\n";
  CHECK(aiw::testing::decode(openai_chat::kApi, BodyFormat::stream, large).failed->code == "event_too_large");
  const std::string ten = "data: " + choice("{\"content\":\"" + std::string(10 << 20, 'x') + "\"}") + "\n\n";
  CHECK(text(aiw::testing::decode(openai_chat::kApi, BodyFormat::stream, ten)).size() == 10 << 20);
  std::string many;
  for (int i = 0; i < 5000; ++i)
    many += "data: " + call(R"("index":)" + std::to_string(i) + R"(,"function":{"name":"f"})") + "\n\n";
  CHECK(aiw::testing::decode(openai_chat::kApi, BodyFormat::stream, many).failed->code == "too_many_tool_calls");
}

TEST_CASE("a unary answer") {
  const auto got =
      decode(R"({"id":"x","choices":[{"index":0,"delta":{"content":""},"message":{"role":"assistant","content":"hi",
      "reasoning_content":"r","refusal":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},
      "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})",
             BodyFormat::unary);
  CHECK(text(got) == "hi");
  CHECK(got.text_of(ContentKind::reasoning) == "r");
  CHECK(calls(got) == std::vector<Called>{{"a", "f", "{}"}});
  CHECK(got.finished == FinishReason::tool_calls);
  CHECK(got.last_usage->total_tokens == 3);
  CHECK(decode(R"({"choices":[{"message":{"content":"x"},"finish_reason":null}]})", BodyFormat::unary).finished ==
        FinishReason::other);
  for (const std::string bad : {"", "<html>", R"({"choices":[]})", R"({"choices":[{"mess)", "[]"}) {
    CAPTURE(bad);
    CHECK(decode(bad, BodyFormat::unary).failed->code == "bad_response");
  }
  CHECK(decode(R"({"error":{"message":"m","code":"content_filter"}})", BodyFormat::unary).failed->category ==
        Category::content_filter);
}
