// Answers of Ollama's own API, written from its API document, each cut at every byte.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/providers/corpus.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using aiw::testing::RecordingSink;

namespace {

RecordingSink decode(const std::string& body, BodyFormat format = BodyFormat::stream) {
  for (const auto& difference : aiw::testing::cut_differences(ollama::kChatApi, format, body)) FAIL_CHECK(difference);
  auto sink = aiw::testing::decode(ollama::kChatApi, format, body);
  for (const auto& violation : sink.violations) FAIL_CHECK(violation);
  return sink;
}

std::string lines(const std::vector<std::string>& texts) {
  std::string body;
  for (const auto& text : texts) body += text + "\n";
  return body;
}

std::string message(const std::string& fields) {
  return R"({"model":"m","created_at":"t","message":{"role":"assistant",)" + fields + R"(},"done":false})";
}

std::string done(const std::string& reason, const std::string& more = "") {
  return R"({"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":")" + reason + "\"" +
         more + "}";
}

std::string text(const RecordingSink& sink) { return sink.text_of(ContentKind::text); }

}  // namespace

TEST_CASE("ollama: thinking, text and counts, line by line") {
  const auto got =
      decode(lines({message(R"("content":"","thinking":"hm ")"), message(R"("content":"","thinking":"ok")"),
                    message(R"("content":"Hel")"), message(R"("content":"lo \u20ac")"),
                    done("stop", R"(,"total_duration":5,"prompt_eval_count":7,"eval_count":3)")}));
  CHECK(got.parts.at(0).kind == ContentKind::reasoning);
  CHECK(got.parts.at(0).text == "hm ok");
  CHECK(got.parts.at(1).text == "Hello \xE2\x82\xAC");
  CHECK(got.states == std::vector<std::pair<int, std::string>>{{0, R"(ollama-chat:{"thinking":true})"}});
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.finish_raw == "stop");
  CHECK(got.last_usage->input_tokens == 7);
  CHECK(got.last_usage->output_tokens == 3);
  CHECK(got.last_usage->total_tokens == 10);
}

TEST_CASE("ollama: tool calls come whole, mostly without ids, and end with stop") {
  const auto got = decode(lines(
      {message(
           R"("content":"","tool_calls":[{"function":{"name":"f","arguments":{"x": 1}}},{"function":{"name":"g"}}])"),
       message(R"("tool_calls":[{"id":"own","function":{"name":"h","arguments":"{\"y\":1}"}},7,{"id":"z"}])"),
       done("stop")}));
  REQUIRE(got.calls.size() == 3);
  CHECK(got.calls[0].second.id == "call_0");
  CHECK(got.calls[0].second.input_text == R"({"x":1})");
  CHECK(got.calls[1].second.id == "call_1");
  CHECK(got.calls[1].second.input_text == "{}");
  CHECK(got.calls[2].second.id == "own");
  CHECK(got.calls[2].second.input_text == R"({"y":1})");
  CHECK(got.finished == FinishReason::tool_calls);
  CHECK(got.finish_raw == "stop");
}

TEST_CASE("ollama: how an answer may end") {
  const std::string hello = message(R"("content":"a")");
  CHECK(decode(lines({hello, done("length")})).finished == FinishReason::length);
  CHECK(decode(lines({hello, done("load")})).finished == FinishReason::other);
  CHECK(decode(lines({hello, R"({"done":true})"})).finished == FinishReason::stop);  // servers before 0.1.40
  CHECK(decode(hello + "\r\n\r\n" + done("stop")).finished == FinishReason::stop);   // no newline at the end
  CHECK(decode(lines({hello, done("stop"), hello, "garbage"})).finished == FinishReason::stop);
  for (const std::string& body : {lines({hello}), std::string(), hello + "\n{\"mess", std::string("\n\n")}) {
    CAPTURE(body);
    const auto got = decode(body);
    REQUIRE(got.failed);
    CHECK(got.failed->code == "truncated_stream");
    CHECK(got.failed->retryable);
  }
}

TEST_CASE("ollama: errors inside the lines") {
  const auto got = decode(lines({message(R"("content":"a")"), R"({"error":"model runner has unexpectedly stopped"})"}));
  REQUIRE(got.failed);
  CHECK(got.failed->code == "upstream_error");
  CHECK(got.failed->message == "model runner has unexpectedly stopped");
  CHECK(text(got) == "a");
  CHECK(decode(R"({"error":"m"})", BodyFormat::unary).failed->message == "m");
  CHECK(decode(lines({message(R"("content":"a")"), "{oops", done("stop")})).failed->code == "bad_event");
  CHECK(decode(lines({message(R"("content":"a")"), "[1]", done("stop")})).failed->code == "bad_event");
  CHECK(decode("<html>\n<body>").failed->code == "bad_response");
  CHECK(decode("<html>", BodyFormat::unary).failed->code == "bad_response");
  CHECK(decode("oops\n").failed->code == "bad_event");
}

TEST_CASE("ollama: lines and one body are told apart by what comes, whatever it is called") {
  const std::string whole =
      R"({"message":{"role":"assistant","content":"hi","thinking":"t"},"done":true,"done_reason":"stop","eval_count":1})";
  const std::string pretty =
      "{\n  \"message\": {\n    \"content\": \"hi\",\n    \"thinking\": \"t\"\n  },\n\n  \"done_reason\": \"stop\",\n  "
      "\"done\": true, \"eval_count\": 1\n}\n";
  const std::string streamed = lines(
      {message(R"("content":"h","thinking":"t")"), message(R"("content":"i")"), done("stop", R"(,"eval_count":1)")});
  for (const auto format : {BodyFormat::stream, BodyFormat::unary}) {
    for (const std::string& body : {whole, pretty, streamed}) {
      CAPTURE(body);
      const auto got = decode(body, format);
      CHECK(text(got) == "hi");
      CHECK(got.text_of(ContentKind::reasoning) == "t");
      CHECK(got.finished == FinishReason::stop);
      CHECK(got.last_usage->output_tokens == 1);
    }
  }
  for (const std::string bad : {"", "[]", "{\n \"message\":", "{\"mess"}) {
    CAPTURE(bad);
    CHECK(decode(bad, BodyFormat::unary).failed->code == "bad_response");
  }
}

TEST_CASE("ollama: generate leaves its context for the next request") {
  const auto got =
      decode(lines({R"({"response":"","thinking":"t","done":false})", R"({"response":"Hi","done":false})",
                    R"({"response":"","done":true,"done_reason":"stop","context":[1, 2,3],"eval_count":2})"}));
  CHECK(text(got) == "Hi");
  CHECK(got.text_of(ContentKind::reasoning) == "t");
  CHECK(got.states == std::vector<std::pair<int, std::string>>{{1, R"(ollama-generate:{"context":[1,2,3]})"}});
  CHECK_FALSE(got.last_usage->input_tokens);
  CHECK_FALSE(got.last_usage->total_tokens);
  const auto image = decode(lines({R"({"response":"","done":false})", R"({"image":"AAAA","done":true})"}));
  REQUIRE(image.files.size() == 1);
  CHECK(image.files[0].second.data == "AAAA");
}

TEST_CASE("ollama: likelihoods of tokens") {
  const auto got = decode(lines({R"({"message":{"content":"Hi"},"logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72],)"
                                 R"("top_logprobs":[{"token":"Hi","logprob":-0.5},{"token":"Ho","logprob":-2}]},)"
                                 R"({"token":"x"}],"done":false})",
                                 done("stop")}));
  REQUIRE(got.logprob_tokens.size() == 1);
  CHECK(got.logprob_tokens[0].first == 0);
  CHECK(got.logprob_tokens[0].second == nlohmann::json::parse(R"([{"token":"Hi","logprob":-0.5,"topLogprobs":[
      {"token":"Hi","logprob":-0.5},{"token":"Ho","logprob":-2.0}]}])"));
}

TEST_CASE("ollama: likelihoods that come before their text begin its part") {
  const auto got = decode(lines({message(R"("content":"\ud83d"},"logprobs":[{"token":"x","logprob":-1}],"x":{)"),
                                 message(R"("thinking":"hm")"), message(R"("content":"\ude00")"), done("stop")}));
  REQUIRE(got.logprob_tokens.size() == 1);
  CHECK(got.logprob_tokens[0].first == 0);
  CHECK(text(got) == "\xF0\x9F\x98\x80");
  CHECK(got.violations.empty());
}

TEST_CASE("ollama: characters split across lines") {
  const auto got = decode(
      lines({message(R"("content":"\ud83d")"), message(R"("content":"\ude00")"), message("\"content\":\"\xE2\x82\""),
             message("\"content\":\"\xAC\""), message(R"("content":"!\ud83d")"), done("stop")}));
  CHECK(text(got) == "\xF0\x9F\x98\x80\xE2\x82\xAC!\xEF\xBF\xBD");
}

TEST_CASE("ollama: lines above the limit, calls without number") {
  const auto run = [](const std::string& body) {
    return aiw::testing::decode(ollama::kChatApi, BodyFormat::stream, body);
  };
  CHECK(run(message("\"content\":\"" + std::string(ResponseDecoder::kMaxEventBytes, 'x') + "\"")).failed->code ==
        "event_too_large");
  CHECK(text(run(lines({message("\"content\":\"" + std::string(10 << 20, 'x') + "\""), done("stop")}))).size() ==
        10 << 20);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += message(R"("tool_calls":[{"function":{"name":"f"}}])") + "\n";
  CHECK(run(many).failed->code == "too_many_tool_calls");
}
