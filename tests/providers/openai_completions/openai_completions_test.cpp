// OpenAI's legacy completions: requests and answers, written from the API reference.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/providers/corpus.hpp"
#include "tests/providers/wire_chat.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using namespace aiw::testing;
using nlohmann::json;

namespace {

WireChat chat_of(const json& payload) { return {Api::openai_completions, payload}; }

RecordingSink decoded(const std::string& body, BodyFormat format = BodyFormat::stream) {
  for (const auto& difference : cut_differences(openai_completions::kApi, format, body)) FAIL_CHECK(difference);
  auto sink = aiw::testing::decode(openai_completions::kApi, format, body);
  for (const auto& violation : sink.violations) FAIL_CHECK(violation);
  return sink;
}

RecordingSink stream(const std::vector<std::string>& events) {
  std::string body;
  for (std::string event : events) {
    std::ranges::replace(event, '\n', ' ');
    body += "data: " + event + "\n\n";
  }
  return decoded(body);
}

std::string choice(const std::string& text, const std::string& finish = "null", const std::string& more = "") {
  return R"({"choices":[{"text":")" + text + R"(","index":0,"finish_reason":)" + finish + more + "}]}";
}

std::string text(const RecordingSink& sink) { return sink.text_of(ContentKind::text); }

}  // namespace

TEST_CASE("completions: the smallest request, byte for byte, and where it goes") {
  auto chat = chat_of({{"messages", {says("user", "hi \xE2\x82\xAC\n")}}});
  chat.target.base_url = "https://api.openai.com/v1";
  chat.target.api_key = "k";
  CHECK(chat.built().http.url == "https://api.openai.com/v1/completions");
  CHECK(chat.header("Authorization") == "Bearer k");
  CHECK(chat.text() ==
        "{\"model\":\"model\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"prompt\":\"hi "
        "\xE2\x82\xAC\\n\"}");
  chat.chat->stream.upstream = false;
  CHECK(chat.text() == "{\"model\":\"model\",\"stream\":false,\"prompt\":\"hi \xE2\x82\xAC\\n\"}");
}

TEST_CASE("completions: the models are those of the server") {
  Target target;
  target.base_url = "https://api.openai.com/v1";
  CHECK(openai_completions::kApi.list_models(target, "", {})->url == "https://api.openai.com/v1/models");
  CHECK(openai_completions::kApi.read_models(R"({"data":[{"id":"davinci-002"}]})")->models.at(0).id == "davinci-002");
}

TEST_CASE("completions: a conversation is a plain transcript") {
  const json answer = {text_part("let me "), text_part("see"), call_part("a", {{"q", "x"}})};
  const auto prompt = [](const json& messages, const char* system = "") {
    return chat_of({{"system", system}, {"messages", messages}}).body()["prompt"].get<std::string>();
  };
  CHECK(prompt(json::array({says("user", "hi")}), "be brief") == "System: be brief\n\nUser: hi\n\nAssistant:");
  CHECK(prompt({says("user", "one"), says("assistant", answer), says("tool", {result_part("a", "json", {{"k", 1}})}),
                says("user", json{text_part("two"), text_part("lines")})}) ==
        "User: one\n\nAssistant: let me see [calls f with {\"q\":\"x\"}]\n\nTool: {\"k\":1}\n\nUser: "
        "two\nlines\n\nAssistant:");
  CHECK(prompt({says("user", "one"), says("assistant", "Once upon")}) == "User: one\n\nAssistant: Once upon");
}

TEST_CASE("completions: a longer transcript starts with the same bytes") {
  check_prefixes(
      Api::openai_completions,
      {{"system", "s"},
       {"messages", {says("user", "one"), says("assistant", "two"), says("user", "three"), says("assistant", "4")}}},
      "\"}");
}

TEST_CASE("completions: options have their names, and what a text cannot have is left out") {
  const auto chat =
      chat_of({{"messages", {says("user", json{text_part("x"), {{"type", "image"}, {"url", "https://x/y"}}})}},
               {"maxOutputTokens", 9},
               {"temperature", 0.5},
               {"topP", 0.9},
               {"topK", 4},
               {"frequencyPenalty", 0.1},
               {"presencePenalty", 0.2},
               {"seed", 4},
               {"logprobs", true},
               {"stopSequences", {"a"}},
               {"tools", {{{"name", "f"}}}},
               {"reasoning", {{"effort", "low"}}},
               {"responseFormat", {{"type", "json"}}},
               {"providerOptions", {{"echo", true}, {"n", 2}, {"prompt", "no"}}}});
  CHECK(chat.body() == json::parse(R"({"model":"model","stream":true,"stream_options":{"include_usage":true},
    "max_tokens":9,"temperature":0.5,"top_p":0.9,"frequency_penalty":0.1,"presence_penalty":0.2,"seed":4,"logprobs":0,
    "stop":["a"],"echo":true,"n":2,"prompt":"x"})"));
  const auto notes = chat.notes();
  CHECK(std::ranges::count(notes, "parameter_dropped") == 5);
  CHECK(std::ranges::count(notes, "media_dropped") == 1);
}

TEST_CASE("completions: text, usage, [DONE]") {
  const auto got =
      stream({choice("Hel"), choice("lo"), choice("", "\"length\""),
              R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}})", "[DONE]"});
  CHECK(text(got) == "Hello");
  CHECK(got.finished == FinishReason::length);
  CHECK(got.finish_raw == "length");
  CHECK(got.last_usage->total_tokens == 10);
  CHECK(got.warnings.empty());
}

TEST_CASE("completions: of several choices the first is the answer") {
  const auto got = stream({R"({"choices":[{"text":"b","index":1,"finish_reason":"length"},{"text":"a","index":0}]})",
                           choice("", "\"stop\""), "[DONE]"});
  CHECK(text(got) == "a");
  CHECK(got.finished == FinishReason::stop);
}

TEST_CASE("completions: how a stream may end") {
  CHECK(stream({choice("a", "\"stop\"")}).warnings == std::vector<std::string>{"missing_done"});
  CHECK(stream({choice("a"), "[DONE]"}).warnings == std::vector<std::string>{"missing_finish_reason"});
  CHECK(stream({choice("a"), "[DONE]"}).finished == FinishReason::other);
  for (const auto& events : {std::vector<std::string>{}, std::vector<std::string>{choice("a")}}) {
    CHECK(stream(events).failed->code == "truncated_stream");
  }
  CHECK(stream({choice("a", "\"content_filter\""), "[DONE]"}).finished == FinishReason::content_filter);
}

TEST_CASE("completions: errors inside a 200, and what is no answer") {
  const auto got = stream({choice("a"), R"({"error":{"message":"m","type":"server_error"}})", "[DONE]"});
  REQUIRE(got.failed);
  CHECK(got.failed->message == "m");
  CHECK(got.failed->retryable);
  CHECK(text(got) == "a");
  CHECK(decoded("event: error\ndata: {\"message\":\"m\"}\n\n").failed->message == "m");
  CHECK(stream({"{oops"}).failed->code == "bad_event");
  CHECK(decoded("<html>").failed->code == "bad_response");
  for (const std::string bad : {"", "[]", R"({"choices":[]})", "{\"choi"}) {
    CHECK(decoded(bad, BodyFormat::unary).failed->code == "bad_response");
  }
}

TEST_CASE("completions: likelihoods stand side by side") {
  const std::string logprobs = R"(,"logprobs":{"tokens":["A","b","c"],"token_logprobs":[null,-0.5,-1],
      "top_logprobs":[null,{"b":-0.5,"x":-2},null],"text_offset":[0,1,2]})";
  const auto got = decoded(choice("Abc", "\"stop\"", logprobs), BodyFormat::unary);
  REQUIRE(got.logprob_tokens.size() == 1);
  CHECK(got.logprob_tokens[0].second == json::parse(R"([{"token":"b","logprob":-0.5,"topLogprobs":[
      {"token":"b","logprob":-0.5},{"token":"x","logprob":-2.0}]},{"token":"c","logprob":-1.0}])"));
  const auto short_list =
      decoded(choice("a", "\"stop\"", R"(,"logprobs":{"tokens":["a","b"],"token_logprobs":[-1]})"), BodyFormat::unary);
  CHECK(short_list.logprob_tokens[0].second.size() == 1);
}

TEST_CASE("completions: a unary answer where a stream was asked for, characters split across chunks") {
  CHECK(text(decoded(choice("hi", "\"stop\""))) == "hi");
  CHECK(text(stream({choice("\\ud83d"), choice("\\ude00", "\"stop\""), "[DONE]"})) == "\xF0\x9F\x98\x80");
}
