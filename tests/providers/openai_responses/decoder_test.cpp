// Answers of the Responses API, written from its reference, each cut at every byte.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/providers/corpus.hpp"
#include "worker/providers/wire_apis.hpp"

using namespace aiw;
using aiw::testing::RecordingSink;
using nlohmann::json;

namespace {

std::string sse(const std::vector<json>& events) {
  std::string out;
  for (const json& event : events) {
    out += "event: " + event.value("type", "") + "\ndata: " + event.dump() + "\n\n";
  }
  return out;
}

RecordingSink decode(const std::string& body, BodyFormat format = BodyFormat::stream) {
  const WireApi& api = openai_responses::kApi;
  for (const auto& difference : aiw::testing::cut_differences(api, format, body)) FAIL_CHECK(difference);
  auto sink = aiw::testing::decode(api, format, body);
  for (const auto& violation : sink.violations) FAIL_CHECK(violation);
  return sink;
}

RecordingSink stream(const std::vector<json>& events) { return decode(sse(events)); }
RecordingSink body(const json& value) { return decode(value.dump(), BodyFormat::unary); }

json added(int index, const json& item) {
  return {{"type", "response.output_item.added"}, {"output_index", index}, {"item", item}};
}
json done(int index, const json& item) {
  return {{"type", "response.output_item.done"}, {"output_index", index}, {"item", item}};
}
json delta(const char* what, int index, const std::string& text, int content_index = 0) {
  return {{"type", "response." + std::string(what) + ".delta"},
          {"item_id", "id"},
          {"output_index", index},
          {"content_index", content_index},
          {"delta", text},
          {"obfuscation", "xyz"}};
}
json completed(const std::vector<json>& output = {}) {
  return {{"type", "response.completed"}, {"response", {{"status", "completed"}, {"output", output}}}};
}
json message(const std::string& id, const std::string& text) {
  return {{"type", "message"},
          {"id", id},
          {"role", "assistant"},
          {"status", "completed"},
          {"content", {{{"type", "output_text"}, {"text", text}, {"annotations", json::array()}}}}};
}
json function_call(const std::string& id, const std::string& call_id, const std::string& arguments) {
  return {{"type", "function_call"}, {"id", id},          {"status", "completed"},
          {"call_id", call_id},      {"name", "weather"}, {"arguments", arguments}};
}
json answer(const std::vector<json>& output) { return {{"status", "completed"}, {"output", output}}; }

json state(const RecordingSink& got, std::size_t number) {
  const std::string& text = got.states.at(number).second;
  REQUIRE(text.starts_with("openai-responses:"));
  return json::parse(text.substr(text.find(':') + 1));
}

}  // namespace

TEST_CASE("responses: text comes by deltas, and the item's end adds its id and phase, not the text again") {
  json whole = message("msg_1", "Hello");
  whole["phase"] = "final_answer";
  const auto got = stream({added(0, message("msg_0", "")), delta("output_text", 0, "Hel"),
                           delta("output_text", 0, "lo"), done(0, whole), completed({whole})});
  CHECK(got.text_of(ContentKind::text) == "Hello");
  CHECK(got.parts.size() == 1);
  CHECK(state(got, 0) == json{{"text", {{"id", "msg_1"}, {"phase", "final_answer"}}}});
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.finish_raw == "completed");
}

TEST_CASE("responses: what only an item's end or the answer's end holds is shown") {
  CHECK(stream({done(0, message("m", "late")), completed()}).text_of(ContentKind::text) == "late");
  const auto got = stream({done(0, message("m", "one ")), completed({message("m", "one "), message("n", "two")})});
  CHECK(got.text_of(ContentKind::text) == "one two");
  const auto calls = stream({completed({function_call("fc", "call_1", "{}")})});
  REQUIRE(calls.calls.size() == 1);
  CHECK(calls.finished == FinishReason::tool_calls);
}

TEST_CASE("responses: items are known by their index while ids rotate") {
  const auto got =
      stream({added(0, function_call("fc_a", "call_a", "")), added(1, function_call("fc_b", "call_b", "")),
              delta("function_call_arguments", 0, "{\"x\":"), delta("function_call_arguments", 1, "{\"y\":2}"),
              delta("function_call_arguments", 0, "1}"), done(0, function_call("fc_c", "call_a", "{\"x\":1}")),
              done(1, function_call("fc_d", "call_b", "{\"y\":2}")), completed()});
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.id == "call_a");
  CHECK(got.calls[0].second.input_text == "{\"x\":1}");
  CHECK(got.calls[1].second.id == "call_b");
  CHECK(got.parts.at(0).text == "{\"x\":1}");
  CHECK(state(got, 0) == json{{"call", {{"id", "fc_c"}}}});
  CHECK(got.finished == FinishReason::tool_calls);
}

TEST_CASE("responses: a call without an end of its own is run if the answer completed, and only then") {
  const std::vector<json> events = {added(0, function_call("fc", "call", "")),
                                    delta("function_call_arguments", 0, "{}")};
  auto complete = events;
  complete.push_back(completed());
  CHECK(stream(complete).calls.size() == 1);
  auto incomplete = events;
  incomplete.push_back(
      {{"type", "response.incomplete"}, {"response", {{"incomplete_details", {{"reason", "max_output_tokens"}}}}}});
  const auto got = stream(incomplete);
  CHECK(got.calls.empty());
  CHECK(got.finished == FinishReason::length);
  CHECK(got.finish_raw == "max_output_tokens");
}

TEST_CASE("responses: a call that was cut short is not run") {
  json cut = function_call("fc", "call", "{\"x\":");
  cut["status"] = "incomplete";
  const auto got = body({{"status", "incomplete"},
                         {"incomplete_details", {{"reason", "content_filter"}}},
                         {"output", json::array({cut})}});
  CHECK(got.calls.empty());
  CHECK(got.finished == FinishReason::content_filter);
}

TEST_CASE("responses: reasoning is kept whole with its first summary, before the call that it led to") {
  const json reasoning = {
      {"type", "reasoning"},
      {"id", "rs_1"},
      {"encrypted_content", "gAAA+/=\xC3\xA9"},
      {"summary", {{{"type", "summary_text"}, {"text", "First."}}, {{"type", "summary_text"}, {"text", "Second."}}}}};
  json first = delta("reasoning_summary_text", 0, "First."), second = delta("reasoning_summary_text", 0, "Second.");
  first["summary_index"] = 0;
  second["summary_index"] = 1;
  for (json* event : {&first, &second}) event->erase("content_index");
  const auto got = stream({added(0, {{"type", "reasoning"}, {"id", "rs_0"}}), first, second, done(0, reasoning),
                           done(1, function_call("fc", "call", "{}")), completed()});
  CHECK(got.text_of(ContentKind::reasoning) == "First.Second.");
  CHECK(got.parts.at(1).text == "Second.");
  REQUIRE(got.states.size() == 2);
  CHECK(got.states[0].first == 0);
  CHECK(state(got, 0) == json{{"item", reasoning}});
  CHECK(got.calls.at(0).first == 2);
}

TEST_CASE("responses: hidden reasoning is an empty reasoning part with its item") {
  const json reasoning = {{"type", "reasoning"}, {"id", "rs"}, {"summary", json::array()}, {"encrypted_content", "e"}};
  const auto got = body(answer({reasoning, message("m", "x")}));
  CHECK(got.parts.at(0).kind == ContentKind::reasoning);
  CHECK(state(got, 0) == json{{"item", reasoning}});
}

TEST_CASE("responses: reasoning text of open models") {
  CHECK(stream({delta("reasoning_text", 0, "Hmm"), completed()}).text_of(ContentKind::reasoning) == "Hmm");
}

TEST_CASE("responses: refusals") {
  const json refused = {
      {"type", "message"}, {"id", "m"}, {"content", {{{"type", "refusal"}, {"refusal", "I will not."}}}}};
  const auto got = stream({delta("refusal", 0, "I will not."), done(0, refused), completed()});
  CHECK(got.text_of(ContentKind::refusal) == "I will not.");
  CHECK(got.finished == FinishReason::refusal);
  CHECK(state(got, 0)["text"]["refusal"] == true);
}

TEST_CASE("responses: annotations are sources, each once") {
  const json link = {{"type", "url_citation"}, {"url", "https://a/"}, {"title", "A"}};
  const json file = {{"type", "file_citation"}, {"file_id", "file-1"}, {"filename", "a.pdf"}};
  json whole = message("m", "See.");
  whole["content"][0]["annotations"] = {link, file};
  const json event = {{"type", "response.output_text.annotation.added"},
                      {"output_index", 0},
                      {"content_index", 0},
                      {"annotation", link}};
  for (const auto& got :
       {stream({delta("output_text", 0, "See."), event, done(0, whole), completed({whole})}), body(answer({whole}))}) {
    REQUIRE(got.sources.size() == 2);
    CHECK(got.sources[0].url == "https://a/");
    CHECK(got.sources[0].title == "A");
    CHECK(got.sources[1].type == Source::Type::document);
    CHECK(got.sources[1].id == "file-1");
    CHECK(state(got, 0)["text"]["annotations"] == json{link, file});
  }
}

TEST_CASE("responses: log probabilities of deltas, or of the whole text where deltas had none") {
  const json tokens = {{{"token", "Hi"},
                        {"logprob", -0.5},
                        {"bytes", {72, 105}},
                        {"top_logprobs", {{{"token", "Yo"}, {"logprob", -2.0}}}}}};
  const json expected = {{{"token", "Hi"}, {"logprob", -0.5}, {"topLogprobs", {{{"token", "Yo"}, {"logprob", -2.0}}}}}};
  json event = delta("output_text", 0, "Hi"), whole = message("m", "Hi");
  whole["content"][0]["logprobs"] = tokens;
  CHECK(body(answer({whole})).logprob_tokens == std::vector<std::pair<int, json>>{{0, expected}});
  event["logprobs"] = tokens;
  CHECK(stream({event, done(0, whole), completed()}).logprob_tokens ==
        std::vector<std::pair<int, json>>{{0, expected}});
}

TEST_CASE("responses: tools that the provider ran are calls with results, and their items go back whole") {
  const json search = {{"type", "web_search_call"},
                       {"id", "ws_1"},
                       {"status", "completed"},
                       {"action", {{"type", "search"}, {"query", "q"}}}};
  const json code = {{"type", "code_interpreter_call"},
                     {"id", "ci_1"},
                     {"code", "print(1)"},
                     {"outputs", {{{"type", "logs"}, {"logs", "1"}}}}};
  const json mcp = {{"type", "mcp_call"}, {"id", "mcp_1"},     {"name", "roll"}, {"server_label", "dice"},
                    {"output", nullptr},  {"arguments", "{}"}, {"error", "no"}};
  const auto got = body(answer({search, code, mcp}));
  REQUIRE(got.calls.size() == 3);
  for (const auto& [part, call] : got.calls) CHECK(call.by_provider);
  CHECK(got.calls[0].second.name == "web_search");
  CHECK(json::parse(got.calls[0].second.input_text) == json{{"action", search["action"]}});
  CHECK(json::parse(got.calls[1].second.input_text) == json{{"code", "print(1)"}});
  CHECK(got.calls[2].second.name == "roll");
  REQUIRE(got.provider_results.size() == 3);
  CHECK(json::parse(got.provider_results[0].output) == json{{"type", "json"}, {"value", {{"status", "completed"}}}});
  CHECK(json::parse(got.provider_results[1].output)["value"] == code["outputs"]);
  CHECK(json::parse(got.provider_results[2].output) == json{{"type", "error-text"}, {"value", "no"}});
  CHECK(state(got, 0) == json{{"item", search}});
  CHECK(state(got, 2) == json{{"item", mcp}});
  CHECK(got.finished == FinishReason::stop);
}

TEST_CASE("responses: a result in an item of its own belongs to the call before it") {
  const json found = {{"type", "tool_search_output"}, {"call_id", nullptr}, {"tools", {{{"name", "f"}}}}};
  const auto got = body(answer({json{{"type", "tool_search_call"}, {"id", "ts_1"}, {"execution", "server"}}, found}));
  REQUIRE(got.provider_results.size() == 1);
  CHECK(got.provider_results[0].tool_call_id == "ts_1");
  CHECK(got.states.size() == 2);
}

TEST_CASE("responses: a shell of the client is a call for it, a container's shell is the provider's") {
  json shell = {{"type", "shell_call"}, {"id", "sh_1"}, {"call_id", "call_1"}, {"action", {{"commands", {"ls"}}}}};
  const auto own = body(answer({shell}));
  REQUIRE(own.calls.size() == 1);
  CHECK(own.calls[0].second.id == "call_1");
  CHECK_FALSE(own.calls[0].second.by_provider);
  CHECK(own.finished == FinishReason::tool_calls);
  shell["environment"] = {{"type", "container_reference"}};
  const auto hosted = body(answer({shell}));
  CHECK(hosted.calls.at(0).second.by_provider);
  CHECK(hosted.finished == FinishReason::stop);
}

TEST_CASE("responses: a custom tool's text is shown as a JSON string, the same in deltas and call") {
  json call = {{"type", "custom_tool_call"}, {"id", "ct"}, {"call_id", "call_1"}, {"name", "sql"}, {"input", ""}};
  const json begun = call;
  call["input"] = "SELECT \"a\"\n";
  const auto got = stream({added(0, begun), delta("custom_tool_call_input", 0, "SELECT \""),
                           delta("custom_tool_call_input", 0, "a\"\n"), done(0, call), completed()});
  REQUIRE(got.calls.size() == 1);
  CHECK(got.calls[0].second.input_text == R"("SELECT \"a\"\n")");
  CHECK(got.parts.at(0).text == got.calls[0].second.input_text);
  CHECK(state(got, 0) == json{{"call", {{"id", "ct"}, {"type", "custom_tool_call"}}}});
}

TEST_CASE("responses: a generated image is a file; its item goes back without the bytes that the file holds") {
  const auto got = body(answer({json{{"type", "image_generation_call"}, {"id", "ig"}, {"result", "QUJD"}}}));
  REQUIRE(got.files.size() == 1);
  CHECK(got.files[0].second.media_type == "image/png");
  CHECK(got.files[0].second.data == "QUJD");
  CHECK(state(got, 0) == json{{"item", {{"type", "image_generation_call"}, {"id", "ig"}}}});
}

TEST_CASE("responses: items nobody knows yet are kept, and events are ignored") {
  const json item = {{"type", "some_future_item"}, {"id", "x"}};
  const auto got = stream(
      {{{"type", "keepalive"}}, {{"type", "response.future.delta"}, {"delta", "x"}}, done(0, item), completed()});
  CHECK(state(got, 0) == json{{"item", item}});
  CHECK(got.parts.empty());
}

TEST_CASE("responses: the wrapper of parallel calls is unwrapped") {
  const std::string input = R"({"tool_uses":[{"recipient_name":"functions.a","parameters":{"x":1}},)"
                            R"({"recipient_name":"functions.b","parameters":{}}]})";
  json call = function_call("fc", "call_1", input);
  call["name"] = "multi_tool_use.parallel";
  const auto got = stream({added(0, call), delta("function_call_arguments", 0, input), done(0, call), completed()});
  REQUIRE(got.calls.size() == 2);
  CHECK(got.calls[0].second.name == "a");
  CHECK(got.calls[0].second.input_text == R"({"x":1})");
  CHECK(got.calls[0].second.id != got.calls[1].second.id);
}

TEST_CASE("responses: usage with its details") {
  json end = completed();
  end["response"]["usage"] = {{"input_tokens", 10},
                              {"output_tokens", 20},
                              {"total_tokens", 30},
                              {"input_tokens_details", {{"cached_tokens", 4}}},
                              {"output_tokens_details", {{"reasoning_tokens", 15}}}};
  const auto got = stream({end});
  REQUIRE(got.last_usage);
  CHECK(got.last_usage->input_tokens == 10);
  CHECK(got.last_usage->total_tokens == 30);
  CHECK(got.last_usage->cached_input_tokens == 4);
  CHECK(got.last_usage->reasoning_tokens == 15);
  CHECK_FALSE(got.last_usage->cache_write_tokens);
}

TEST_CASE("responses: an error inside the stream, once") {
  const json failed = {{"type", "response.failed"},
                       {"response", {{"status", "failed"}, {"error", {{"code", "server_error"}, {"message", "b"}}}}}};
  const auto both = stream({{{"type", "error"}, {"code", "rate_limit_exceeded"}, {"message", "slow down"}}, failed});
  REQUIRE(both.failed);
  CHECK(both.failed->provider_code == "rate_limit_exceeded");
  CHECK(both.failed->category == Category::rate_limit);
  const auto later = stream({delta("output_text", 0, "x"), failed});
  REQUIRE(later.failed);
  CHECK(later.failed->message == "b");
  CHECK(later.failed->retryable);
  CHECK(stream({{{"error", {{"message", "from a gateway"}}}}}).failed->message == "from a gateway");
  CHECK(body({{"status", "failed"}, {"error", {{"code", "server_error"}, {"message", "b"}}}}).failed);
}

TEST_CASE("responses: only the API's own word is an end") {
  const auto cut = decode(sse({delta("output_text", 0, "x")}) + "data: [DONE]\n\n");
  REQUIRE(cut.failed);
  CHECK(cut.failed->code == "truncated_stream");
  CHECK(stream({delta("output_text", 0, "x")}).failed->code == "truncated_stream");
  CHECK(decode("{\"status\":\"completed\"}", BodyFormat::unary).failed->code == "bad_response");
  CHECK(body({{"status", "queued"}, {"output", json::array()}}).failed->code == "bad_response");
}

TEST_CASE("responses: a stream that turns out to be one body") {
  CHECK(decode(answer({message("m", "hi")}).dump()).text_of(ContentKind::text) == "hi");
}

TEST_CASE("responses: a character split over deltas is whole again") {
  const auto got = decode(
      "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"a\\ud83d\"}\n\n"
      "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"\\ude00\"}\n\n" +
      sse({completed()}));
  CHECK(got.text_of(ContentKind::text) == "a\xF0\x9F\x98\x80");
}

TEST_CASE("responses: too many items are refused") {
  std::vector<json> events;
  for (int i = 0; i <= 10'000; ++i) events.push_back(delta("output_text", i, "x"));
  RecordingSink sink = aiw::testing::decode(openai_responses::kApi, BodyFormat::stream, sse(events));
  REQUIRE(sink.failed);
  CHECK(sink.failed->code == "too_many_items");
}

TEST_CASE("responses: two calls of the provider's that share an id stay two, each with its result") {
  const json call = {{"type", "mcp_call"}, {"id", "q"}, {"name", "n"}, {"arguments", "{}"}, {"output", "o"}};
  const auto got = body({{"status", "completed"}, {"output", json::array({call, call})}});
  REQUIRE(got.calls.size() == 2);
  REQUIRE(got.provider_results.size() == 2);
  CHECK(got.calls[0].second.id != got.calls[1].second.id);
  for (std::size_t i = 0; i < 2; ++i) CHECK(got.provider_results[i].tool_call_id == got.calls[i].second.id);
}

TEST_CASE("contents that events number from 1 are those that the item lists from 0") {
  const auto item = [](const std::vector<std::string>& texts) {
    json content = json::array();
    for (const auto& text : texts)
      content.push_back({{"type", "output_text"}, {"text", text}, {"annotations", json::array()}});
    return json{{"type", "message"}, {"id", "m"}, {"status", "completed"}, {"content", content}};
  };
  const auto text_done = [](int index, const std::string& text) {
    return json{{"type", "response.output_text.done"}, {"output_index", 0}, {"content_index", index}, {"text", text}};
  };
  const auto one = stream({added(0, item({})), delta("output_text", 0, "Hello", 1), text_done(1, "Hello"),
                           done(0, item({"Hello"})), completed({item({"Hello"})})});
  CHECK(one.text_of(ContentKind::text) == "Hello");
  CHECK(one.parts.size() == 1);
  const auto two = stream({added(0, item({})), delta("output_text", 0, "A", 1), delta("output_text", 0, "B", 2),
                           done(0, item({"A", "B"})), completed({item({"A", "B"})})});
  CHECK(two.text_of(ContentKind::text) == "AB");
  const auto same = stream({added(0, item({})), delta("output_text", 0, "A", 1), delta("output_text", 0, "A", 2),
                            done(0, item({"A", "A"})), completed()});
  CHECK(same.text_of(ContentKind::text) == "AA");
  // The events agree neither with each other.
  const auto mixed = stream({added(0, item({})), delta("output_text", 0, "Hello", 1), text_done(0, "Hello"),
                             done(0, item({"Hello"})), completed()});
  CHECK(mixed.text_of(ContentKind::text) == "Hello");
  // A content whose deltas were lost is shown all the same.
  const auto lost =
      stream({added(0, item({})), delta("output_text", 0, "B", 1), done(0, item({"A", "B"})), completed()});
  CHECK(lost.text_of(ContentKind::text).size() == 2);
  const json reasoning = {
      {"type", "reasoning"}, {"id", "r"}, {"summary", {{{"type", "summary_text"}, {"text", "Think"}}}}};
  json begun = reasoning;
  begun["summary"] = json::array();
  json thought = delta("reasoning_summary_text", 0, "Think");
  thought["summary_index"] = 1;
  thought.erase("content_index");
  const auto summary = stream({added(0, begun), thought, done(0, reasoning), completed({reasoning})});
  CHECK(summary.text_of(ContentKind::reasoning) == "Think");
}

TEST_CASE("an answer that is completed with a message that is not has a warning") {
  json cut = message("m", "Hi");
  cut["status"] = "incomplete";
  const auto got = stream({done(0, cut), completed({cut})});
  CHECK(got.finished == FinishReason::stop);
  CHECK(got.warnings == std::vector<std::string>{"status_contradicted"});
}
