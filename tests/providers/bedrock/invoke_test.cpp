#include <doctest/doctest.h>

#include "tests/providers/bedrock/chat.hpp"
#include "tests/providers/bedrock/event_stream.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

std::string chunk(const json& event) {
  return bedrock_event("chunk", json{{"bytes", base64_encode(event.dump())}, {"p", "abcdef"}}.dump());
}

std::string answer(std::string_view text) {
  const json message = {
      {"id", "m"}, {"role", "assistant"}, {"content", json::array()}, {"usage", {{"input_tokens", 3}}}};
  return chunk({{"type", "message_start"}, {"message", message}}) +
         chunk({{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}}) +
         chunk({{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", text}}}}) +
         chunk({{"type", "content_block_stop"}, {"index", 0}}) +
         chunk(
             {{"type", "message_delta"}, {"delta", {{"stop_reason", "end_turn"}}}, {"usage", {{"output_tokens", 2}}}});
}

const json kStop = {{"type", "message_stop"}, {"amazon-bedrock-invocationMetrics", {{"inputTokenCount", 3}}}};

RecordingSink stream(const std::string& body) {
  const auto differences = cut_differences(bedrock::kInvokeApi, BodyFormat::stream, body, 512);
  for (const auto& difference : differences) FAIL_CHECK(difference);
  return decode(bedrock::kInvokeApi, BodyFormat::stream, body);
}

std::string code_of(const RecordingSink& got) { return got.failed ? got.failed->code : "none"; }

}  // namespace

TEST_CASE("invoke: events of the Messages API come out of base64 inside an event stream") {
  const auto got = stream(answer("a\n\ndata: b") + chunk(kStop));
  CHECK(got.text_of(ContentKind::text) == "a\n\ndata: b");
  CHECK(got.finished == FinishReason::stop);
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 3);
  CHECK(got.last_usage->output_tokens == 2);
}

TEST_CASE("invoke: the end is message_stop, an exception or a cut") {
  CHECK(code_of(stream(answer("a"))) == "truncated_stream");
  const auto failed = stream(answer("a") + bedrock_exception("modelStreamErrorException", R"({"message":"m"})"));
  CHECK(failed.text_of(ContentKind::text) == "a");
  CHECK(failed.failed->provider_code == "modelStreamErrorException");
  CHECK(failed.failed->retryable);
  const auto told = stream(chunk({{"type", "error"}, {"error", {{"type", "overloaded_error"}, {"message", "busy"}}}}));
  CHECK(told.failed->category == Category::overloaded);
  const std::string whole = answer("a") + chunk(kStop);
  CHECK(code_of(stream(whole.substr(0, whole.size() - 1))) == "truncated_stream");
}

TEST_CASE("invoke: a chunk that holds no event fails") {
  CHECK(code_of(stream(bedrock_event("chunk", R"({"bytes":"*"})"))) == "bad_event");
  CHECK(code_of(stream(bedrock_event("chunk", "{}"))) == "bad_event");
  CHECK(code_of(stream(bedrock_event("chunk", R"({"bytes":"e30x"})"))) == "bad_event");
}

TEST_CASE("invoke: one JSON body in place of a stream is read") {
  const json body = {
      {"type", "message"}, {"content", {{{"type", "text"}, {"text", "a"}}}}, {"stop_reason", "end_turn"}};
  CHECK(stream(body.dump()).text_of(ContentKind::text) == "a");
  CHECK(decode(bedrock::kInvokeApi, BodyFormat::unary, body.dump()).text_of(ContentKind::text) == "a");
}

TEST_CASE("invoke: the body is a Messages body without model and stream, with AWS's version") {
  Chat chat = bedrock_chat({{"system", "s"}, {"messages", {user("hi")}}, {"maxOutputTokens", 5}});
  chat.target.api = Api::bedrock_invoke;
  const auto build = [&] {
    return bedrock::kInvokeApi.build(
        {.chat = *chat.request, .messages = chat.request->messages, .target = chat.target});
  };
  const auto built = build();
  REQUIRE(built);
  CHECK(built->http.url ==
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/"
        "invoke-with-response-stream");
  const json body = parse_strictly(built->http.body.str());
  CHECK(body["anthropic_version"] == "bedrock-2023-05-31");
  CHECK(body["max_tokens"] == 5);
  CHECK_FALSE(body.contains("model"));
  CHECK_FALSE(body.contains("stream"));
  CHECK(body["messages"][0]["content"][0]["text"] == "hi");
  chat.request->stream.upstream = false;
  CHECK(build()->http.url.ends_with("/invoke"));
}
