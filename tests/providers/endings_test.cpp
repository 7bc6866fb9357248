// How answers end, where the sender lies about it: each API's end without an answer, a body in place of a stream, and
// last words that contradict what was streamed.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/providers/bedrock/event_stream.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/anthropic_messages/anthropic_messages.hpp"
#include "worker/providers/bedrock/converse.hpp"
#include "worker/providers/bedrock/invoke.hpp"
#include "worker/providers/cohere_chat/cohere_chat.hpp"
#include "worker/providers/google/gemini_generate.hpp"
#include "worker/providers/google/vertex.hpp"
#include "worker/providers/ollama/ollama.hpp"
#include "worker/providers/openai_chat/openai_chat.hpp"
#include "worker/providers/openai_completions/openai_completions.hpp"
#include "worker/providers/openai_responses/openai_responses.hpp"

using namespace aiw;
using aiw::testing::RecordingSink;
using nlohmann::json;

namespace {

RecordingSink decode(const WireApi& api, const std::string& text, BodyFormat format = BodyFormat::stream) {
  for (const auto& difference : aiw::testing::cut_differences(api, format, text)) FAIL_CHECK(difference);
  auto sink = aiw::testing::decode(api, format, text);
  for (const auto& violation : sink.violations) FAIL_CHECK(violation);
  return sink;
}

std::string outcome(const RecordingSink& got) { return got.failed ? got.failed->code : "finish"; }

std::string sse(const std::vector<json>& events) {
  std::string out;
  for (const json& event : events)
    out += "data: " + (event.is_string() ? event.get<std::string>() : event.dump()) + "\n\n";
  return out;
}
std::string invoke_chunk(const json& event) {
  return aiw::testing::bedrock_event("chunk", json{{"bytes", base64_encode(event.dump())}}.dump());
}

// Of each API: a whole body, and what it has as its end, with nothing before that.
struct Form {
  std::string name;
  const WireApi& api;
  std::string body;
  std::vector<std::string> bare_ends;
};

const json kClaudeBody = {{"type", "message"},
                          {"id", "m"},
                          {"content", {{{"type", "text"}, {"text", "whole"}}}},
                          {"stop_reason", "end_turn"}};
const json kClaudeDelta = {{"type", "message_delta"}, {"delta", {{"stop_reason", "end_turn"}}}};
const json kClaudeStop = {{"type", "message_stop"}};

std::vector<Form> forms() {
  const std::string chat =
      R"({"choices":[{"index":0,"message":{"content":"whole"},"text":"whole","finish_reason":"stop"}]})";
  const std::vector<std::string> done_alone = {
      sse({"[DONE]"}),
      ": ping\n\n" + sse({"[DONE]"}),
      sse({{{"choices", json::array()}, {"usage", {{"prompt_tokens", 1}}}}, "[DONE]"}),
      sse({{{"choices", nullptr}}, "[DONE]"}),
      sse({{{"choices", json::array({json::object()})}}, "[DONE]"}),
      sse({{{"choices", {{{"index", 1}, {"finish_reason", "stop"}}}}}, "[DONE]"})};
  const std::vector<std::string> claude_ends = {sse({kClaudeStop}), sse({kClaudeDelta, kClaudeStop})};
  const std::string gemini = R"({"candidates":[{"content":{"parts":[{"text":"whole"}]},"finishReason":"STOP"}]})";
  return {
      {"openai-chat", openai_chat_api(), chat, done_alone},
      {"openai-completions", openai_completions_api(), chat, done_alone},
      {"openai-responses",
       openai_responses_api(),
       R"({"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"whole"}]}]})",
       {sse({{{"type", "response.completed"}}}),
        sse({{{"type", "response.completed"}, {"response", {{"status", "completed"}}}}})}},
      {"anthropic-messages", anthropic_messages_api(), kClaudeBody.dump(), claude_ends},
      {"vertex-anthropic", vertex_anthropic_api(), kClaudeBody.dump(), claude_ends},
      {"bedrock-invoke",
       bedrock_invoke_api(),
       kClaudeBody.dump(),
       {invoke_chunk(kClaudeStop), invoke_chunk(kClaudeDelta) + invoke_chunk(kClaudeStop)}},
      {"bedrock-converse",
       bedrock_converse_api(),
       R"({"output":{"message":{"content":[{"text":"whole"}]}},"stopReason":"end_turn"})",
       {aiw::testing::bedrock_event("messageStop", R"({"stopReason":"end_turn"})"),
        aiw::testing::bedrock_event("metadata", R"({"usage":{"inputTokens":1}})") +
            aiw::testing::bedrock_event("messageStop", "{}")}},
      {"cohere-chat",
       cohere_chat_api(),
       R"({"message":{"content":[{"type":"text","text":"whole"}]},"finish_reason":"COMPLETE"})",
       {sse({{{"type", "message-end"}, {"delta", {{"finish_reason", "COMPLETE"}}}}})}},
      {"ollama-chat",
       ollama_chat_api(),
       R"({"message":{"content":"whole"},"done":true,"done_reason":"stop"})",
       {"{\"done\":true,\"done_reason\":\"stop\"}\n"}},
      {"ollama-generate",
       ollama_generate_api(),
       R"({"response":"whole","done":true,"done_reason":"stop"})",
       {"{\"done\":true}\n"}},
      {"gemini-generate", gemini_generate_api(), gemini, {}},
      {"vertex", vertex_api(), gemini, {}},
  };
}

}  // namespace

TEST_CASE("fault 111: an end with no answer before it is an error in every API, and is not asked for again") {
  for (const Form& form : forms()) {
    for (const auto& text : form.bare_ends) {
      CAPTURE(form.name);
      CAPTURE(text);
      const auto got = decode(form.api, text);
      CHECK(outcome(got) == "bad_response");
      if (got.failed) CHECK(!got.failed->retryable);
    }
    CAPTURE(form.name);
    CHECK(outcome(decode(form.api, "")) == "truncated_stream");
  }
}

TEST_CASE("fault 111: an answer that does not say why it ends is told of with a warning") {
  using Words = std::vector<std::string>;
  const json start = {{"type", "message_start"}, {"message", {{"id", "m"}, {"content", json::array()}}}};
  const auto claude = decode(anthropic_messages_api(), sse({start, kClaudeStop}));
  CHECK(claude.finished == FinishReason::other);
  CHECK(claude.warnings == Words{"missing_finish_reason"});
  const auto nova = decode(bedrock_converse_api(), aiw::testing::bedrock_event("messageStart", "{}") +
                                                       aiw::testing::bedrock_event("messageStop", "{}"));
  CHECK(nova.finished == FinishReason::other);
  CHECK(nova.warnings == Words{"missing_finish_reason"});
  const auto cohere =
      decode(cohere_chat_api(), sse({{{"type", "message-start"}, {"delta", {{"message", json::object()}}}},
                                     {{"type", "message-end"}, {"delta", json::object()}}}));
  CHECK(cohere.finished == FinishReason::other);
  CHECK(cohere.warnings == Words{"missing_finish_reason"});
}

namespace {

// A Responses stream: the deltas, and what comes after them.
RecordingSink responses(const std::vector<std::string>& deltas, const std::vector<json>& after) {
  std::vector<json> events = {{{"type", "response.output_item.added"},
                               {"output_index", 0},
                               {"item", {{"type", "message"}, {"content", json::array()}}}}};
  for (const auto& text : deltas) {
    events.push_back(
        {{"type", "response.output_text.delta"}, {"output_index", 0}, {"content_index", 0}, {"delta", text}});
  }
  events.insert(events.end(), after.begin(), after.end());
  return decode(openai_responses_api(), sse(events));
}

json completed(const std::string& status, const json& more = json::object()) {
  json response = {{"status", status}, {"output", json::array()}};
  response.update(more);
  return {{"type", "response.completed"}, {"response", response}};
}
json message(const std::string& text) {
  return {{"type", "message"}, {"content", {{{"type", "output_text"}, {"text", text}}}}};
}
json text_done(const std::string& text) {
  return {{"type", "response.output_text.done"}, {"output_index", 0}, {"content_index", 0}, {"text", text}};
}
json part_done(const std::string& text) {
  return {{"type", "response.content_part.done"},
          {"output_index", 0},
          {"content_index", 0},
          {"part", {{"type", "output_text"}, {"text", text}}}};
}
json item_done(const std::string& text) {
  return {{"type", "response.output_item.done"}, {"output_index", 0}, {"item", message(text)}};
}

}  // namespace

TEST_CASE("fault 111: responses: the status inside counts, though the event is called completed") {
  const json cut = {{"incomplete_details", {{"reason", "max_output_tokens"}}}};
  const auto incomplete = responses({"a"}, {completed("incomplete", cut)});
  CHECK(incomplete.finished == FinishReason::length);
  CHECK(incomplete.finish_raw == "max_output_tokens");
  for (const char* status : {"failed", "cancelled"})
    CHECK(outcome(responses({"a"}, {completed(status)})) == "upstream_error");
  const auto failed =
      responses({"a"}, {completed("completed", {{"error", {{"code", "server_error"}, {"message", "oops"}}}})});
  CHECK(outcome(failed) == "upstream_error");
  CHECK(failed.failed->message == "oops");
  // Left over from the response's beginning: the stream did come to its end.
  const auto stale = responses({"a"}, {completed("in_progress")});
  CHECK(stale.finished == FinishReason::stop);
  CHECK(stale.warnings == std::vector<std::string>{"status_contradicted"});
}

TEST_CASE("fault 112: responses: text that no delta brought is shown from whichever end has it") {
  for (const json& end : {text_done("Hello you"), part_done("Hello you"), item_done("Hello you"),
                          completed("completed", {{"output", json::array({message("Hello you")})}})}) {
    const auto got = responses({"Hello"}, {end, completed("completed")});
    CHECK(got.text_of(ContentKind::text) == "Hello you");
    CHECK(got.finished == FinishReason::stop);
    CHECK(got.parts.size() == 1);
  }
}

TEST_CASE("fault 112: responses: an end that contradicts the streamed text is an error") {
  for (const json& end : {text_done("Hello you"), part_done("Hello you"), item_done("Hello you"),
                          completed("completed", {{"output", json::array({message("Hello you")})}})}) {
    const auto got = responses({"Hello", "ou"}, {end, completed("completed")});
    CHECK(outcome(got) == "bad_event");
    CHECK(!got.failed->retryable);
  }
  // Servers cut white space off, or leave the whole out.
  CHECK(outcome(responses({"Hello \n"}, {text_done("Hello"), item_done(" Hello"), completed("completed")})) ==
        "finish");
  CHECK(outcome(responses({"Hello"}, {text_done(""), item_done(""), completed("completed")})) == "finish");
}

TEST_CASE("fault 112: responses: a call is made with what its end says, though its deltas are JSON, too") {
  const std::string whole = R"({"path":"/tmp/x","dryRun":true})";
  const auto item = [](const std::string& arguments) {
    return json{{"type", "function_call"}, {"call_id", "c"}, {"name", "rm"}, {"arguments", arguments}};
  };
  const json begun = {{"type", "response.output_item.added"}, {"output_index", 0}, {"item", item("")}};
  const json args_done = {{"type", "response.function_call_arguments.done"}, {"output_index", 0}, {"arguments", whole}};
  const json done = {{"type", "response.output_item.done"}, {"output_index", 0}, {"item", item(whole)}};
  for (const auto& after : std::vector<std::vector<json>>{{args_done, done}, {args_done}, {done}}) {
    std::vector<json> events = {begun};
    for (const char* text : {R"({"path":"/tmp/x")", "}"}) {
      events.push_back({{"type", "response.function_call_arguments.delta"}, {"output_index", 0}, {"delta", text}});
    }
    events.insert(events.end(), after.begin(), after.end());
    events.push_back(completed("completed"));
    const auto got = decode(openai_responses_api(), sse(events));
    REQUIRE(got.calls.size() == 1);
    CHECK(got.calls[0].second.input_text == whole);
  }
}

TEST_CASE("fault 112: responses: what has begun is known by its id, where the whole output leaves others out") {
  const json call = {
      {"type", "function_call"}, {"id", "f"}, {"call_id", "c"}, {"name", "t"}, {"arguments", R"({"a":1})"}};
  json begun = call;
  begun["arguments"] = "";
  const auto got =
      decode(openai_responses_api(),
             sse({{{"type", "response.output_item.added"},
                   {"output_index", 0},
                   {"item", {{"type", "reasoning"}, {"id", "r"}, {"summary", json::array()}}}},
                  {{"type", "response.output_item.added"}, {"output_index", 1}, {"item", begun}},
                  {{"type", "response.function_call_arguments.delta"}, {"output_index", 1}, {"delta", R"({"a":1})"}},
                  completed("completed", {{"output", json::array({call})}})}));
  CHECK(outcome(got) == "finish");
  CHECK(got.calls.size() == 1);
}

TEST_CASE("fault 112: anthropic: a turn that ends for a call whose beginning was lost is an error") {
  const json start = {{"type", "message_start"}, {"message", {{"id", "m"}, {"content", json::array()}}}};
  const auto input = [](int index, const std::string& text) {
    return json{{"type", "content_block_delta"},
                {"index", index},
                {"delta", {{"type", "input_json_delta"}, {"partial_json", text}}}};
  };
  const auto run = [&](std::vector<json> events, const char* reason) {
    events.insert(events.begin(), start);
    events.push_back({{"type", "message_delta"}, {"delta", {{"stop_reason", reason}}}});
    events.push_back(kClaudeStop);
    return outcome(decode(anthropic_messages_api(), sse(events)));
  };
  CHECK(run({input(0, "{}")}, "tool_use") == "bad_event");
  CHECK(run({input(0, "")}, "tool_use") == "finish");
  CHECK(run({input(0, "{}")}, "end_turn") == "finish");
  const json call = {{"type", "tool_use"}, {"id", "t"}, {"name", "rm"}, {"input", json::object()}};
  const json begun = {{"type", "content_block_start"}, {"index", 0}, {"content_block", call}};
  const json ended = {{"type", "content_block_stop"}, {"index", 0}};
  CHECK(run({begun, input(0, "{}"), ended}, "tool_use") == "finish");
  CHECK(run({begun, input(0, "{"), ended, input(0, "}")}, "tool_use") == "bad_event");
}

TEST_CASE("fault 113: a body in place of a stream is the answer, or an error in the provider's words") {
  const std::string refused =
      R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}})";
  const std::string busy = R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})";
  const std::string page = "<!doctype html><head><title>x</title></head><p>Sign in\n<b>first</b>";
  for (const Form& form : forms()) {
    CAPTURE(form.name);
    for (const char* before : {"", "\r\n "}) {
      const bool framed = form.name.starts_with("bedrock") && *before != '\0';
      if (framed) continue;  // a length, in an event stream
      const auto whole = decode(form.api, before + form.body);
      CHECK(outcome(whole) == "finish");
      CHECK(whole.text_of(ContentKind::text) == "whole");
      const auto told = decode(form.api, before + page);
      CHECK(outcome(told) == "bad_response");
      if (told.failed) CHECK(told.failed->message.ends_with(": Sign in first"));
      if (told.failed) CHECK(!told.failed->retryable);
    }
    const auto in_list = decode(form.api, "[" + form.body + "]");
    if (!form.name.starts_with("ollama")) CHECK(in_list.text_of(ContentKind::text) == "whole");
    if (form.name == "bedrock-converse") continue;  // AWS's errors have a form of their own
    const auto error = decode(form.api, refused);
    CHECK(outcome(error) == "upstream_error");
    CHECK(error.failed->message == "prompt is too long");
    CHECK(error.failed->category == Category::invalid_request);
    CHECK(!error.failed->retryable);
    CHECK(decode(form.api, busy).failed->retryable);
  }
}
