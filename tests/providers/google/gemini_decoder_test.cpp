// What Gemini's answers decode to: fixtures of our own, after ai.google.dev/api/generate-content.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/providers/corpus.hpp"
#include "worker/providers/google/state.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;
using nlohmann::json;

namespace {

RecordingSink run(std::string_view body, BodyFormat format = BodyFormat::stream) {
  auto got = decode(google::kGeminiApi, format, body);
  CHECK(got.violations.empty());
  CHECK(cut_differences(google::kGeminiApi, format, body).empty());
  return got;
}

// JSON written over several lines here is one line there.
std::string event(std::string json) {
  std::ranges::replace(json, '\n', ' ');
  return "data: " + json + "\r\n\r\n";
}
std::string parts(std::string_view parts, std::string_view more = "") {
  return R"({"candidates":[{"content":{"role":"model","parts":[)" + std::string(parts) + "]}" + std::string(more) +
         "}]}";
}
std::string stop(std::string_view text = "") { return event(parts(text, R"(,"finishReason":"STOP")")); }

json state(const std::string& text) {
  REQUIRE(text.starts_with("gemini:"));
  return json::parse(text.substr(7));
}

}  // namespace

TEST_CASE("text of several chunks is one part") {
  const auto got = run(event(parts(R"({"text":"Hel"})")) + stop(R"({"text":"lo"})"));
  CHECK(got.parts.size() == 1);
  CHECK(got.text_of(ContentKind::text) == "Hello");
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.finish_raw == "STOP");
}

TEST_CASE("the form of an answer is seen, whatever its content type says") {
  const std::string first = parts(R"({"text":"a, ]} \"b"})");
  const std::string last = parts(R"({"text":"c"})", R"(,"finishReason":"STOP")");
  for (const auto format : {BodyFormat::stream, BodyFormat::unary}) {
    CHECK(run(event(first) + event(last), format).text_of(ContentKind::text) == "a, ]} \"bc");
    CHECK(run("[" + first + ",\r\n" + last + "\n]", format).text_of(ContentKind::text) == "a, ]} \"bc");
    CHECK(run("\xEF\xBB\xBF " + last, format).text_of(ContentKind::text) == "c");
    CHECK(run(" \xEF\xBB\xBF<", format).failed.has_value());  // alike however it is cut
  }
}

TEST_CASE("elements of an array are decoded as they come") {
  RecordingSink sink;
  const auto decoder = google::kGeminiApi.make_decoder(BodyFormat::unary);
  decoder->feed("[" + parts(R"({"text":"now"})"), sink);
  CHECK(sink.text_of(ContentKind::text) == "now");
}

TEST_CASE("what stops before it says why is truncated") {
  const std::string first = parts(R"({"text":"a"})");
  const std::string last = parts(R"({"text":"b"})", R"(,"finishReason":"STOP")");
  for (const std::string& body : {event(first), "[" + first, "[" + first + "," + last, "[" + first + "]",
                                  event(first) + "data: {\"candi", std::string()}) {
    CAPTURE(body);
    const auto got = run(body);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "truncated_stream");
    CHECK(got.failed->retryable);
  }
}

TEST_CASE("what is no answer of this API is a bad response") {
  for (const std::string body : {"<html>no</html>", "{}", "{\"candidates\":[", "[1,2]", "{\"models\":[]}"}) {
    CAPTURE(body);
    const auto got = run(body);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "bad_response");
  }
  CHECK(run("data: {\"a\":\n\n").failed->code == "bad_event");
}

TEST_CASE("an error is found wherever it stands") {
  const std::string error = R"({"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}})";
  const std::string pretty =
      "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"busy\",\n"
      "    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
  const std::string text = parts(R"({"text":"a"})");
  for (const std::string& body : {event(text) + event(error), "[" + error + "]", error, "[" + text + "," + error + "]",
                                  event(text) + pretty, event("[" + error + "]")}) {
    CAPTURE(body);
    const auto got = run(body);
    REQUIRE(got.failed);
    CHECK(got.failed->message == "busy");
    CHECK(got.failed->provider_code == "UNAVAILABLE");
    CHECK(got.failed->category == Category::overloaded);
    CHECK(got.failed->retryable);
  }
}

TEST_CASE("a refused quota says when to come back") {
  ResponseHead head;
  head.status = 429;
  const Error error = google::kGeminiApi.http_error(head, R"([{"error":{"code":429,"message":"slow down",
      "status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo",
      "retryDelay":"34.4s"}]}}])");
  CHECK(error.category == Category::rate_limit);
  CHECK(error.provider_code == "RESOURCE_EXHAUSTED");
  CHECK(error.retry_after_ms == 34'400);
}

TEST_CASE("function calls come whole, and keep the wire's id or get one") {
  const auto got = run(stop(R"({"functionCall":{"name":"a","args":{"x":[1,{"y":"ü"}]}},"thoughtSignature":"c2ln+/="},
      {"functionCall":{"id":"w1","name":"b"}},{"functionCall":{"name":"c","args":"{\"z\":1}"}})"));
  REQUIRE(got.calls.size() == 3);
  CHECK(got.calls[0].second.id == "call_0");
  CHECK(json::parse(got.calls[0].second.input_text) == json::parse(R"({"x":[1,{"y":"ü"}]})"));
  CHECK(got.calls[1].second.id == "w1");
  CHECK(got.calls[1].second.input_text == "{}");
  CHECK(got.calls[2].second.id == "call_1");
  CHECK(got.calls[2].second.input_text == R"({"z":1})");
  CHECK(got.finished == FinishReason::tool_calls);
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].first == got.calls[0].first);
  CHECK(state(got.states[0].second) == json{{"thoughtSignature", "c2ln+/="}});
}

TEST_CASE("streamed arguments are put together by their paths") {
  const auto partial = [](std::string_view values) {
    return event(parts(R"({"functionCall":{"partialArgs":[)" + std::string(values) + R"(],"willContinue":true}})"));
  };
  const std::string body =
      event(parts(R"({"functionCall":{"name":"cook","willContinue":true},"thoughtSignature":"s"})")) +
      partial(R"({"jsonPath":"$.steps[0].text","stringValue":"He said \"","willContinue":true})") +
      partial(R"({"jsonPath":"$.steps[0].text","stringValue":"go\"","willContinue":true})") +
      partial(R"({"jsonPath":"$.steps[0].text","stringValue":""})") +
      partial(
          R"({"jsonPath":"$.steps[0].minutes","numberValue":1.5},{"jsonPath":"$.steps[1].done","boolValue":false})") +
      partial(R"({"jsonPath":"$['a b'].none","nullValue":"NULL_VALUE"})");
  const json expected =
      json::parse(R"({"steps":[{"text":"He said \"go\"","minutes":1.5},{"done":false}],"a b":{"none":null}})");
  for (const std::string& end : {event(parts(R"({"functionCall":{}})", R"(,"finishReason":"STOP")")), stop()}) {
    const auto got = run(body + end);
    REQUIRE(got.calls.size() == 1);
    const ToolCall& call = got.calls[0].second;
    CHECK(json::parse(call.input_text) == expected);
    CHECK(got.parts.at(got.calls[0].first).text == call.input_text);  // the deltas are the input
    CHECK(state(got.states.at(0).second) == json{{"thoughtSignature", "s"}});
  }
}

TEST_CASE("a call that a limit cut short is not reported") {
  const auto got = run(event(parts(R"({"functionCall":{"name":"f","willContinue":true,
      "partialArgs":[{"jsonPath":"$.a","stringValue":"x","willContinue":true}]}})",
                                   R"(,"finishReason":"MAX_TOKENS")")));
  CHECK(got.calls.empty());
  CHECK(got.finished == FinishReason::length);
}

TEST_CASE("partial arguments that no JSON text could hold in this order are an error") {
  for (const std::string second : {R"({"jsonPath":"$.a.b","numberValue":2})", R"({"jsonPath":"$.a","numberValue":2})",
                                   R"({"jsonPath":"$.l[7]","numberValue":2})", R"({"jsonPath":"a","numberValue":2})",
                                   R"({"jsonPath":"$[0]","numberValue":2})"}) {
    CAPTURE(second);
    const auto got = run(stop(R"({"functionCall":{"name":"f","willContinue":true,"partialArgs":[
        {"jsonPath":"$.a.b","numberValue":1},)" +
                              second + "]}}"));
    REQUIRE(got.failed);
    CHECK(got.failed->code == "bad_event");
  }
}

TEST_CASE("a signature keeps to the part that it came with") {
  const auto got = run(event(parts(R"({"text":"thinking","thought":true})")) + event(parts(R"({"text":"a"})")) +
                       event(parts(R"({"text":"b","thoughtSignature":"s1"})")) + event(parts(R"({"text":"c"})")) +
                       stop(R"({"text":"","thoughtSignature":"s2"})"));
  CHECK(got.text_of(ContentKind::reasoning) == "thinking");
  CHECK(got.text_of(ContentKind::text) == "abc");
  REQUIRE(got.parts.size() == 5);
  REQUIRE(got.states.size() == 3);
  CHECK(got.states[0] == std::pair(0, std::string(R"(gemini:{"thought":true})")));
  CHECK(got.states[1] == std::pair(2, std::string(R"(gemini:{"thoughtSignature":"s1"})")));
  CHECK(got.states[2] == std::pair(4, std::string(R"(gemini:{"thoughtSignature":"s2"})")));
  CHECK(got.parts.at(4).text.empty());
}

TEST_CASE("images are files, with their signature") {
  const auto got = run(stop(R"({"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="},"thoughtSignature":"s"},
      {"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/v.mp4"}})"));
  REQUIRE(got.files.size() == 2);
  CHECK(got.files[0].second.media_type == "image/png");
  CHECK(got.files[0].second.data == "iVBORw0KGgo=");
  CHECK(got.files[1].second.url == "gs://b/v.mp4");
  CHECK(state(got.states.at(0).second) == json{{"thoughtSignature", "s"}});
}

TEST_CASE("what the provider ran itself is a call, its result, and state to send back whole") {
  const json code = {{"executableCode", {{"language", "PYTHON"}, {"code", "print(1)"}}}, {"thoughtSignature", "s"}};
  const json result = {{"codeExecutionResult", {{"outcome", "OUTCOME_OK"}, {"output", "1\n"}}}};
  const json search = {{"toolCall", {{"toolType", "GOOGLE_SEARCH_WEB"}, {"id", "t"}, {"args", {{"queries", {"q"}}}}}}};
  const json found = {{"toolResponse", {{"toolType", "GOOGLE_SEARCH_WEB"}, {"id", "t"}, {"response", {{"r", 1}}}}}};
  const auto got = run(stop(code.dump() + "," + result.dump() + "," + search.dump() + "," + found.dump()));
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.by_provider);
  CHECK(got.calls[0].second.name == "code_execution");
  CHECK(json::parse(got.calls[0].second.input_text) == code["executableCode"]);
  CHECK(got.calls[1].second.name == "google_search_web");
  CHECK(got.calls[1].second.id == "t");
  REQUIRE(got.provider_results.size() == 2);
  CHECK(got.provider_results[0].tool_call_id == got.calls[0].second.id);
  CHECK(json::parse(got.provider_results[1].output) == json{{"type", "json"}, {"value", {{"r", 1}}}});
  REQUIRE(got.states.size() == 4);
  const json wholes[] = {code, result, search, found};
  for (std::size_t i = 0; i < 4; ++i) CHECK(state(got.states[i].second)["part"] == wholes[i]);
  CHECK(got.finished == FinishReason::stop);  // nothing of it is the parent's to do
}

TEST_CASE("code that failed gives an error") {
  const auto got = run(stop(R"({"executableCode":{"language":"PYTHON","code":"x"}},
      {"codeExecutionResult":{"outcome":"OUTCOME_FAILED","output":"NameError"}})"));
  REQUIRE(got.provider_results.size() == 1);
  CHECK(json::parse(got.provider_results[0].output)["type"] == "error-json");
}

TEST_CASE("each source is reported once") {
  const std::string grounding = R"(,"groundingMetadata":{"groundingChunks":[
      {"web":{"uri":"https://a.example","title":"A"}},
      {"retrievedContext":{"title":"Doc","text":"as it says","fileSearchStore":"stores/1"}}]},
      "citationMetadata":{"citationSources":[{"uri":"https://c.example"}]},
      "urlContextMetadata":{"urlMetadata":[{"retrievedUrl":"https://u.example",
      "urlRetrievalStatus":"URL_RETRIEVAL_STATUS_SUCCESS"},{"retrievedUrl":"https://no.example",
      "urlRetrievalStatus":"URL_RETRIEVAL_STATUS_ERROR"}]})";
  const auto got = run(event(parts(R"({"text":"a"})", grounding)) +
                       event(parts(R"({"text":"b"})", grounding + R"(,"finishReason":"STOP")")));
  REQUIRE(got.sources.size() == 4);
  CHECK(got.sources[0].url == "https://a.example");
  CHECK(got.sources[0].title == "A");
  CHECK(got.sources[1].type == Source::Type::document);
  CHECK(got.sources[1].quote == "as it says");
  CHECK(got.sources[2].url == "https://c.example");
  CHECK(got.sources[3].url == "https://u.example");
}

TEST_CASE("log probabilities are those of the text") {
  const auto got = run(event(parts(R"({"text":"Hi"})", R"(,"finishReason":"STOP","logprobsResult":{
      "topCandidates":[{"candidates":[{"token":"Hi","logProbability":-0.1},{"token":"Yo","logProbability":-2}]}],
      "chosenCandidates":[{"token":"Hi","tokenId":7,"logProbability":-0.1}]})")));
  REQUIRE(got.logprob_tokens.size() == 1);
  CHECK(got.logprob_tokens[0].second == json::parse(R"([{"token":"Hi","logprob":-0.1,
      "topLogprobs":[{"token":"Hi","logprob":-0.1},{"token":"Yo","logprob":-2.0}]}])"));
}

TEST_CASE("usage counts thoughts as output, tools' prompts as input, and the last one holds") {
  const auto with_usage = [](std::string_view usage) {
    return event(R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":)" + std::string(usage) + "}");
  };
  const auto got = run(with_usage(R"({"trafficType":"ON_DEMAND"})") + with_usage(R"({"promptTokenCount":3})") +
                       with_usage(R"({"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":7,
                                      "thoughtsTokenCount":20,"cachedContentTokenCount":4,"totalTokenCount":42})"));
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 15);
  CHECK(got.last_usage->output_tokens == 27);
  CHECK(got.last_usage->total_tokens == 42);
  CHECK(got.last_usage->cached_input_tokens == 4);
  CHECK(got.last_usage->reasoning_tokens == 20);
  CHECK(got.last_usage->accuracy == UsageAccuracy::exact);
}

TEST_CASE("finish reasons") {
  const std::pair<const char*, FinishReason> reasons[] = {
      {"MAX_TOKENS", FinishReason::length},         {"SAFETY", FinishReason::content_filter},
      {"RECITATION", FinishReason::content_filter}, {"PROHIBITED_CONTENT", FinishReason::content_filter},
      {"SPII", FinishReason::content_filter},       {"IMAGE_SAFETY", FinishReason::content_filter},
      {"BLOCKLIST", FinishReason::content_filter},  {"SOMETHING_NEW", FinishReason::other}};
  for (const auto& [raw, reason] : reasons) {
    const auto got =
        run(event(parts("", R"(,"finishReason":")" + std::string(raw) + R"(","finishMessage":"because")")));
    CHECK(got.finished == reason);
    CHECK(got.finish_raw == raw);
    CHECK(got.warnings == std::vector<std::string>{"finish_message"});
  }
}

TEST_CASE("reasons that say that the answer failed are errors with the server's words") {
  for (const char* raw :
       {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "TOO_MANY_TOOL_CALLS"}) {
    CAPTURE(raw);
    const auto got =
        run(event(parts("", R"(,"finishReason":")" + std::string(raw) + R"(","finishMessage":"because")")));
    REQUIRE(got.failed);
    CHECK(got.failed->provider_code == raw);
    CHECK(got.failed->message == "because");
    CHECK(got.failed->retryable);
  }
  const auto unexplained = run(event(parts(R"({"text":"a"})", R"(,"finishReason":"MISSING_THOUGHT_SIGNATURE")")));
  REQUIRE(unexplained.failed);
  CHECK(unexplained.failed->message.ends_with("MISSING_THOUGHT_SIGNATURE"));
  CHECK_FALSE(unexplained.failed->retryable);
}

TEST_CASE("STOP with nothing is no answer") {
  for (const std::string& body : {event(parts("", R"(,"finishReason":"STOP")")), parts("", R"(,"finishReason":"STOP")"),
                                  event(parts(R"({"text":""})", R"(,"finishReason":"STOP")"))}) {
    const auto got = run(body);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "bad_response");
    CHECK(got.failed->retryable);
  }
  CHECK(run(R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":null}}]}}]})", BodyFormat::unary)
            .finished == FinishReason::tool_calls);
}

TEST_CASE("what grounding says beside its sources is state of the text") {
  const std::string grounding =
      R"(,"finishReason":"STOP","groundingMetadata":{"searchEntryPoint":{"renderedContent":"<b>\u00e9</b>"},)"
      R"("webSearchQueries":["q"],"groundingChunks":[],"groundingSupports":[{"confidenceScores":[0.10]}],)"
      R"("googleMapsWidgetContextToken":"w"})";
  const auto got = run(event(parts(R"({"text":"a"})")) + event(parts(R"({"text":"b"})", grounding)));
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0].first == 0);
  CHECK(
      got.states[0].second ==
      R"(gemini:{"groundingMetadata":{"googleMapsWidgetContextToken":"w","groundingSupports":[{"confidenceScores":[0.10]}],)"
      R"("searchEntryPoint":{"renderedContent":"<b>\u00e9</b>"},"webSearchQueries":["q"]}})");
  StateReader reader;
  CHECK(google::read_state(reader, RawString{got.states[0].second}).part.empty());
  const auto signed_text = run(event(parts(R"({"text":"a","thoughtSignature":"s"})", grounding)));
  REQUIRE(signed_text.states.size() == 2);
  CHECK(signed_text.states[1].second.starts_with(R"(gemini:{"thoughtSignature":"s","groundingMetadata":{)"));
  const auto alone =
      run(event(parts("", R"(,"finishReason":"SAFETY","groundingMetadata":{"webSearchQueries":["q"]})")));
  CHECK(alone.states.size() == 1);
}

TEST_CASE("grounding that a stream sends in pieces is joined, and lists that are repeated count once") {
  const auto chunk = [](const std::string& text, const std::string& grounding) {
    return event(parts("{\"text\":\"" + text + "\"}", R"(,"groundingMetadata":)" + grounding));
  };
  const auto state_of = [](const std::string& stream) {
    const auto got = run(stream + event(R"({"candidates":[{"finishReason":"STOP"}]})"));
    REQUIRE(got.states.size() == 1);
    return got.states[0].second;
  };
  const auto pieces =
      state_of(chunk("a", R"({"groundingSupports":[{"groundingChunkIndices":[0]}],"webSearchQueries":["q"]})") +
               chunk("b", R"({"groundingSupports":[{"groundingChunkIndices":[1]}],"webSearchQueries":["r","s"]})"));
  CHECK(pieces == R"(gemini:{"groundingMetadata":{"groundingSupports":[{"groundingChunkIndices":[0]},)"
                  R"({"groundingChunkIndices":[1]}],"webSearchQueries":["q","r","s"]}})");
  const auto repeated =
      state_of(chunk("a", R"({"webSearchQueries":["q"]})") + chunk("b", R"({"webSearchQueries":["q"]})") +
               chunk("c", R"({"webSearchQueries":["q","r"]})"));
  CHECK(repeated == R"(gemini:{"groundingMetadata":{"webSearchQueries":["q","r"]}})");
  const auto numbers = state_of(chunk("a", R"({"indices":[1]})") + chunk("b", R"({"indices":[12]})"));
  CHECK(numbers == R"(gemini:{"groundingMetadata":{"indices":[1,12]}})");
}

TEST_CASE("a reason in each chunk does not end the answer") {
  const auto got = run(stop(R"({"text":"a"})") + stop(R"({"text":"b"})"));
  CHECK(got.text_of(ContentKind::text) == "ab");
}

TEST_CASE("a blocked prompt is a content filter's finish") {
  const auto got = run(
      R"({"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"no"},"usageMetadata":{"trafficType":"X"}})",
      BodyFormat::unary);
  CHECK(got.finished == FinishReason::content_filter);
  CHECK(got.finish_raw == "SAFETY");
  CHECK(got.last_usage->input_tokens == 0);
}

TEST_CASE("other candidates than the first are left alone") {
  const auto got = run(event(R"({"candidates":[{"index":1,"content":{"parts":[{"text":"no"}]}},
      {"index":0,"content":{"parts":[{"text":"yes"}]},"finishReason":"STOP"}]})"));
  CHECK(got.text_of(ContentKind::text) == "yes");
}

TEST_CASE("characters that an upstream split are joined") {
  const auto got = run(event(parts(R"({"text":"\ud83d"})")) + stop(R"({"text":"\ude00!"})"));
  CHECK(got.text_of(ContentKind::text) == "\xF0\x9F\x98\x80!");
}

TEST_CASE("too large an event ends the answer and gives its memory back") {
  for (const std::string start : {"data: {\"a\":\"", "[{\"a\":\"", "{\"a\":\""}) {
    RecordingSink sink;
    const auto decoder = google::kGeminiApi.make_decoder(BodyFormat::stream);
    decoder->feed(start, sink);
    const std::string block(std::size_t{1} << 20, 'x');
    for (int i = 0; i < 20; ++i) decoder->feed(block, sink);
    decoder->end(sink);
    REQUIRE(sink.failed);
    CHECK(sink.failed->code == "event_too_large");
  }
}

TEST_CASE("a state reads back as it was written, and what is no state of ours gives nothing") {
  StateReader reader;
  const auto read = [&](const std::string& text) {
    std::string escaped;
    append_json_escaped(escaped, text);
    return google::read_state(reader, {escaped});
  };
  const auto signature = read(google::write_state("a\"\\ü", true));
  CHECK(signature.thought);
  CHECK(signature.signature == "a\"\\ü");
  CHECK(json::parse(read(make_state(google::kStateTag, google::kPart, R"({"x":{"y":"é"}})")).part) ==
        json::parse(R"({"x":{"y":"é"}})"));
  for (const std::string text : {"", "gemini:", "gemini:[]", "gemini:{\"part\":1}", "openai-chat:{\"part\":{}}"}) {
    const auto none = read(text);
    CHECK(none.part.empty());
    CHECK(none.signature.empty());
    CHECK_FALSE(none.thought);
  }
}
