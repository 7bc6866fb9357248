// What Chat Completions answers bring beside their text.
#include <doctest/doctest.h>

#include "tests/providers/openai_chat/answers.hpp"

using namespace aiw;
using namespace aiw::testing::chat;
using aiw::testing::RecordingSink;
using nlohmann::json;

TEST_CASE("citations are told once, by the number that the text uses") {
  const std::string citations = R"(,"citations":["https://a","https://b"]})";
  const auto chunk = [&](std::string text, const std::string& more) {
    text = choice(R"({"content":")" + text + "\"}");
    text.pop_back();
    return text + more;
  };
  const std::string results =
      R"(,"search_results":[{"url":"https://b","title":"B","snippet":"words"}],"citations":["https://a","https://b"]})";
  const auto got = stream({chunk("x[2]", citations), chunk("y", results), kStop, kDone});
  REQUIRE(got.sources.size() == 2);
  CHECK(got.sources[0].id == "1");
  CHECK(got.sources[0].url == "https://a");
  CHECK(got.sources[1].id == "2");
  CHECK(got.sources[1].title == "B");
  CHECK(got.sources[1].quote == "words");
}

TEST_CASE("search results without citations are the sources") {
  const auto got = decode(
      R"({"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"search_results":[{"url":"u","title":"T"},{}]})",
      BodyFormat::unary);
  REQUIRE(got.sources.size() == 1);
  CHECK(got.sources[0].title == "T");
}

TEST_CASE("annotations are sources: pages, and files that were read") {
  const auto got = stream({choice(R"({"content":"x","annotations":[
      {"type":"url_citation","url_citation":{"url":"u","title":"T\ud83d","content":"q","start_index":0}},
      {"type":"file","file":{"hash":"h","name":"a.pdf","content":[]}},
      {"type":"url_citation","url_citation":{}}, 7]})"),
                           kStop, kDone});
  REQUIRE(got.sources.size() == 2);
  CHECK(got.sources[0].type == Source::Type::url);
  CHECK(got.sources[0].title == "T\xEF\xBF\xBD");
  CHECK(got.sources[0].quote == "q");
  CHECK(got.sources[1].type == Source::Type::document);
  CHECK(got.sources[1].id == "h");
  CHECK(got.sources[1].filename == "a.pdf");
}

TEST_CASE("files that a gateway read are state of the text, once") {
  const std::string file =
      R"({"type":"file","file":{"hash":"h","name":"a.pdf","content":[{"type":"text","text":"t"}]}})";
  const auto got = stream({choice(R"({"content":"x","annotations":[)" + file + "]}"),
                           choice(R"({"annotations":[)" + file + "]}"), kStop, kDone});
  REQUIRE(got.sources.size() == 1);
  REQUIRE(got.states.size() == 1);
  CHECK(got.states[0] == std::pair(0, R"(openai-chat:{"annotations":[)" + file + "]}"));
}

TEST_CASE("a page that annotations and citations both name is one source") {
  const auto got = decode(R"({"choices":[{"message":{"content":"x","annotations":[
      {"type":"url_citation","url_citation":{"url":"u"}}]},"finish_reason":"stop"}],"citations":["u","v"]})",
                          BodyFormat::unary);
  REQUIRE(got.sources.size() == 2);
  CHECK(got.sources[0].url == "u");
  CHECK(got.sources[1].url == "v");
  CHECK(got.sources[1].id == "2");
}

TEST_CASE("generated images are files, as data or by address") {
  const auto got = stream({choice(R"({"content":"here","images":[
      {"type":"image_url","image_url":{"url":"data:image/webp;base64,AAAA"}},
      {"type":"image_url","image_url":{"url":"https://x/y.png"}},{"type":"image_url"}]})"),
                           kStop, kDone});
  REQUIRE(got.files.size() == 2);
  CHECK(got.files[0].second.media_type == "image/webp");
  CHECK(got.files[0].second.data == "AAAA");
  CHECK(got.files[0].second.url.empty());
  CHECK(got.files[1].second.url == "https://x/y.png");
  CHECK(got.files[1].second.data.empty());
  CHECK(got.files[0].first != got.files[1].first);
  CHECK(text(got) == "here");
}

TEST_CASE("a spoken answer is its words and one file") {
  const auto got =
      stream({choice(R"({"audio":{"id":"a","transcript":"Hel"}})"),
              choice(R"({"audio":{"data":"UklGRg==","transcript":"lo"}})"), choice(R"({"audio":{"data":"AQI="}})"),
              choice(R"({"audio":{"data":"no base64!"}})"), choice(R"({"audio":{"expires_at":1}})"), kStop, kDone});
  CHECK(text(got) == "Hello");
  REQUIRE(got.files.size() == 1);
  CHECK(got.files[0].second.media_type == "audio/wav");
  CHECK(got.files[0].second.data == "UklGRgEC");
  CHECK(stream({choice(R"({"content":"x","audio":{"data":"","transcript":""}})"), kStop, kDone}).files.empty());
  // The words come once, under whichever name came first.
  CHECK(text(stream({choice(R"({"content":"Hello","audio":{"data":"AQI=","transcript":"Hello"}})"), kStop, kDone})) ==
        "Hello");
  CHECK(text(stream({choice(R"({"audio":{"transcript":"Hel"}})"), choice(R"({"audio":{"transcript":"lo"}})"),
                     choice(R"({"content":"Hello"})"), kStop, kDone})) == "Hello");
}

TEST_CASE("logprobs belong to the text or refusal part") {
  const auto got = stream(
      {R"({"choices":[{"index":0,"delta":{"role":"assistant"},"logprobs":{"content":[],"refusal":null}}]})",
       R"({"choices":[{"index":0,"delta":{"content":"\ud83d"},"logprobs":{"content":[{"token":"\ud83d","logprob":-1.5,
          "bytes":[1],"top_logprobs":[{"token":"b","logprob":-2,"bytes":null},{"token":"c"}]}],"refusal":null}}]})",
       R"({"choices":[{"index":0,"delta":{"refusal":"no"},"logprobs":{"content":null,"refusal":[{"token":"no","logprob":0}]}}]})",
       kStop, kDone});
  REQUIRE(got.logprob_tokens.size() == 2);
  CHECK(got.logprob_tokens[0].second == json::parse(R"([{"token":"\ufffd","logprob":-1.5,
                                                          "topLogprobs":[{"token":"b","logprob":-2.0}]}])"));
  CHECK(got.logprob_tokens[1].second == json::parse(R"([{"token":"no","logprob":0.0}])"));
  CHECK(got.parts.at(got.logprob_tokens[0].first).kind == ContentKind::text);
  CHECK(got.parts.at(got.logprob_tokens[1].first).kind == ContentKind::refusal);
}

TEST_CASE("tools that the provider ran are its calls with their results") {
  const auto got = stream(
      {choice(
           R"({"executed_tools":[{"index":0,"type":"search","arguments":"{\"q\":1}","search_results":{"results":[]}}]})"),
       choice(R"({"executed_tools":[{"index":0,"type":"search","arguments":"{\"q\":1}","output":"found"}]})"),
       choice(R"({"executed_tools":[{"index":1,"type":"python","code_results":[{"text":"3"}]}]})"),
       choice(R"({"content":"so"})"), kStop, kDone});
  REQUIRE(got.calls.size() == 2);
  for (const auto& [part, call] : got.calls) CHECK(call.by_provider);
  CHECK(got.calls[0].second.name == "search");
  CHECK(got.calls[0].second.input_text == R"({"q":1})");
  CHECK(got.calls[1].second.input_text == "{}");
  REQUIRE(got.provider_results.size() == 2);
  CHECK(got.provider_results[0].tool_call_id == got.calls[0].second.id);
  CHECK(json::parse(got.provider_results[0].output) == json({{"type", "text"}, {"value", "found"}}));
  CHECK(json::parse(got.provider_results[1].output) == json::parse(R"({"type":"json","value":[{"text":"3"}]})"));
  CHECK(got.finished == FinishReason::stop);
}

TEST_CASE("what an answer cost, in dollars") {
  const auto cost = [](const std::string& usage) {
    const auto got = stream({kStop, R"({"choices":[],"usage":{"prompt_tokens":1,)" + usage + "}}", kDone});
    REQUIRE(got.last_usage);
    return got.last_usage->cost;
  };
  CHECK(cost(R"("cost":0.25)") == 0.25);
  CHECK(cost(R"("cost":{"input_tokens_cost":1,"total_cost":2})") == 2);
  CHECK(*cost(R"("cost_in_usd_ticks":3155600)") == doctest::Approx(0.00031556));
  CHECK_FALSE(cost(R"("cost":"free")"));
  CHECK_FALSE(cost(R"("cost":-1)"));
}

TEST_CASE("state names where reasoning came from") {
  const auto state = [](const std::vector<std::string>& deltas) {
    std::vector<std::string> events;
    for (const auto& delta : deltas) events.push_back(choice(delta));
    events.insert(events.end(), {kStop, kDone});
    const auto got = stream(events);
    return got.states.empty() ? std::string() : got.states[0].second;
  };
  CHECK(state({R"({"reasoning_content":"a"})"}) == R"(openai-chat:{"field":"reasoning_content"})");
  CHECK(state({R"({"reasoning":"a"})"}) == R"(openai-chat:{"field":"reasoning"})");
  CHECK(state({R"({"content":[{"type":"thinking","thinking":"a"}]})"}) == R"(openai-chat:{"field":"thinking"})");
  CHECK(state({R"({"reasoning":"","content":"x"})"}).empty());
  const std::string open = R"("reasoning_details":[{"type":"reasoning.text","text":"a"}])";
  CHECK(state({R"({"reasoning":"a",)" + open + "}"}) ==
        R"(openai-chat:{"reasoning_details":[{"type":"reasoning.text","text":"a"}]})");
  // The same text under a name of its own: that is shorter, and what such servers read.
  CHECK(state({R"({"reasoning_content":"a",)" + open + "}"}) == R"(openai-chat:{"field":"reasoning_content"})");
}

TEST_CASE("broken characters in state become replacement characters, split ones are joined") {
  const auto got =
      stream({choice(R"({"reasoning_details":[{"type":"reasoning.text","text":"a\ud83d","id":"\ud83d"}]})"),
              choice(R"({"reasoning_details":[{"type":"reasoning.text","text":"\ude00b\udc00"}]})"), kStop, kDone});
  REQUIRE(got.states.size() == 1);
  const json state = json::parse(got.states[0].second.substr(std::string("openai-chat:").size()));
  CHECK(state["reasoning_details"][0]["text"] ==
        "a\xF0\x9F\x98\x80"
        "b\xEF\xBF\xBD");
  CHECK(state["reasoning_details"][0]["id"] == "\xEF\xBF\xBD");

  const auto call = stream({choice(R"({"tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"{}"},
                                        "extra_content":{"google":{"thought_signature":"s\ud83d"}}}]})"),
                            kStop, kDone});
  REQUIRE(call.states.size() == 1);
  CHECK(call.states[0].second == R"(openai-chat:{"extra_content":{"google":{"thought_signature":"s\ufffd"}}})");
}
