// How answers end, where the sender lies about it: each API's end without an answer, a body in place of a stream, and
// last words that contradict what was streamed.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/providers/bedrock/event_stream.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/wire_apis.hpp"

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
      {"openai-chat", openai_chat::kApi, chat, done_alone},
      {"openai-completions", openai_completions::kApi, chat, done_alone},
      {"openai-responses",
       openai_responses::kApi,
       R"({"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"whole"}]}]})",
       {sse({{{"type", "response.completed"}}}),
        sse({{{"type", "response.completed"}, {"response", {{"status", "completed"}}}}})}},
      {"anthropic-messages", anthropic_messages::kApi, kClaudeBody.dump(), claude_ends},
      {"vertex-anthropic", google::kVertexAnthropicApi, kClaudeBody.dump(), claude_ends},
      {"bedrock-invoke",
       bedrock::kInvokeApi,
       kClaudeBody.dump(),
       {invoke_chunk(kClaudeStop), invoke_chunk(kClaudeDelta) + invoke_chunk(kClaudeStop)}},
      {"bedrock-converse",
       bedrock::kConverseApi,
       R"({"output":{"message":{"content":[{"text":"whole"}]}},"stopReason":"end_turn"})",
       {aiw::testing::bedrock_event("messageStop", R"({"stopReason":"end_turn"})"),
        aiw::testing::bedrock_event("metadata", R"({"usage":{"inputTokens":1}})") +
            aiw::testing::bedrock_event("messageStop", "{}")}},
      {"cohere-chat",
       cohere_chat::kApi,
       R"({"message":{"content":[{"type":"text","text":"whole"}]},"finish_reason":"COMPLETE"})",
       {sse({{{"type", "message-end"}, {"delta", {{"finish_reason", "COMPLETE"}}}}})}},
      {"ollama-chat",
       ollama::kChatApi,
       R"({"message":{"content":"whole"},"done":true,"done_reason":"stop"})",
       {"{\"done\":true,\"done_reason\":\"stop\"}\n"}},
      {"ollama-generate",
       ollama::kGenerateApi,
       R"({"response":"whole","done":true,"done_reason":"stop"})",
       {"{\"done\":true}\n"}},
      {"gemini-generate", google::kGeminiApi, gemini, {}},
      {"vertex", google::kVertexApi, gemini, {}},
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

namespace {

// Streams that come to their API's end: a word or nothing, and no reason; or a whole call, and no reason.
struct Silent {
  std::string name;
  const WireApi& api;
  std::string nothing, text, call;
};

std::string claude(const json& block) {
  std::vector<json> events = {{{"type", "message_start"}, {"message", {{"id", "m"}, {"content", json::array()}}}}};
  if (!block.is_null()) {
    events.push_back({{"type", "content_block_start"}, {"index", 0}, {"content_block", block}});
    events.push_back({{"type", "content_block_stop"}, {"index", 0}});
  }
  events.push_back(kClaudeStop);
  return sse(events);
}

std::string invoke(const std::string& events) {
  std::string out;
  for (std::size_t at = 0, end = 0; (end = events.find("\n\n", at)) != std::string::npos; at = end + 2) {
    out += invoke_chunk(json::parse(events.substr(at + 6, end - at - 6)));
  }
  return out;
}

std::string nova(const std::string& start, const std::string& delta) {
  using aiw::testing::bedrock_event;
  std::string out = bedrock_event("messageStart", "{}");
  if (!start.empty()) out += bedrock_event("contentBlockStart", start);
  if (!delta.empty()) out += bedrock_event("contentBlockDelta", delta) + bedrock_event("contentBlockStop", "{}");
  return out + bedrock_event("messageStop", "{}");
}

std::string command(const std::string& type, const json& message) {
  return sse({{{"type", type}, {"index", 0}, {"delta", {{"message", message}}}},
              {{"type", "message-end"}, {"delta", json::object()}}});
}

std::vector<Silent> silent_forms() {
  const json text_block = {{"type", "text"}, {"text", "a"}};
  const json call_block = {{"type", "tool_use"}, {"id", "t"}, {"name", "f"}, {"input", {{"x", 1}}}};
  const json function = {{"name", "f"}, {"arguments", R"({"x":1})"}};
  const auto chat = [](const json& delta) { return sse({{{"choices", {{{"delta", delta}}}}}, "[DONE]"}); };
  const auto body = [](const json& choice) { return json{{"choices", {choice}}}.dump(); };
  const json chat_call = {{"tool_calls", {{{"index", 0}, {"id", "t"}, {"function", function}}}}};
  const auto ollama = [](const json& message) { return json{{"message", message}, {"done", true}}.dump() + "\n"; };
  return {
      {"openai-chat", openai_chat::kApi, chat({{"role", "assistant"}, {"content", ""}}), chat({{"content", "a"}}),
       chat(chat_call)},
      {"openai-chat, one body", openai_chat::kApi, body({{"message", {{"content", nullptr}}}, {"finish_reason", ""}}),
       body({{"message", {{"content", "a"}}}, {"finish_reason", nullptr}}), body({{"message", chat_call}})},
      {"openai-completions", openai_completions::kApi, sse({{{"choices", {{{"text", ""}}}}}, "[DONE]"}),
       sse({{{"choices", {{{"text", "a"}}}}}, "[DONE]"}), ""},
      {"anthropic-messages", anthropic_messages::kApi, claude(nullptr), claude(text_block), claude(call_block)},
      {"bedrock-invoke", bedrock::kInvokeApi, invoke(claude(nullptr)), invoke(claude(text_block)),
       invoke(claude(call_block))},
      {"bedrock-converse", bedrock::kConverseApi, nova("", ""), nova("", R"({"delta":{"text":"a"}})"),
       nova(R"({"start":{"toolUse":{"toolUseId":"t","name":"f"}}})", R"({"delta":{"toolUse":{"input":"{\"x\":1}"}}})")},
      {"cohere-chat", cohere_chat::kApi, command("message-start", json::object()),
       command("content-delta", {{"content", {{"text", "a"}}}}),
       command("tool-call-start", {{"tool_calls", {{"id", "t"}, {"function", function}}}})},
      {"ollama-chat", ollama::kChatApi, ollama({{"content", ""}}), "", ""},
  };
}

}  // namespace

TEST_CASE("fault 111: an end with neither content nor a reason is an error in every API") {
  for (const Silent& form : silent_forms()) {
    CAPTURE(form.name);
    CHECK(outcome(decode(form.api, form.nothing)) == "bad_response");
  }
}

TEST_CASE("fault 111: an answer that does not say why it ends is told of with a warning") {
  for (const Silent& form : silent_forms()) {
    if (form.text.empty()) continue;
    CAPTURE(form.name);
    const auto got = decode(form.api, form.text);
    CHECK(got.text_of(ContentKind::text) == "a");
    CHECK(got.finished == FinishReason::other);
    CHECK(got.warnings == std::vector<std::string>{"missing_finish_reason"});
  }
}

TEST_CASE("fault 111: a whole call before an end without a reason is made") {
  for (const Silent& form : silent_forms()) {
    if (form.call.empty()) continue;
    CAPTURE(form.name);
    const auto got = decode(form.api, form.call);
    CHECK(got.finished == FinishReason::tool_calls);
    CHECK(got.warnings == std::vector<std::string>{"missing_finish_reason"});
    REQUIRE(got.calls.size() == 1);
    CHECK(got.calls[0].second.input_text == R"({"x":1})");
  }
  // Half a call may be one that was cut short.
  const json half = {{"index", 0}, {"id", "t"}, {"function", {{"name", "f"}, {"arguments", R"({"x":)"}}}};
  const auto cut = decode(openai_chat::kApi, sse({{{"choices", {{{"delta", {{"tool_calls", {half}}}}}}}}, "[DONE]"}));
  CHECK(cut.finished == FinishReason::other);
}

namespace {

// The stream of each API that has server-sent events, with a word and then `end` in it.
struct EventForm {
  std::string name;
  const WireApi& api;
  std::string word;
};

std::vector<EventForm> event_forms() {
  const json start = {{"type", "message_start"}, {"message", {{"id", "m"}, {"content", json::array()}}}};
  const std::string claude_word =
      sse({start, {{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", "a"}}}}});
  const std::string gemini_word = sse({{{"candidates", {{{"content", {{"parts", {{{"text", "a"}}}}}}}}}}});
  return {
      {"openai-chat", openai_chat::kApi, sse({{{"choices", {{{"delta", {{"content", "a"}}}}}}}})},
      {"openai-completions", openai_completions::kApi, sse({{{"choices", {{{"text", "a"}}}}}})},
      {"openai-responses", openai_responses::kApi,
       sse({{{"type", "response.output_text.delta"}, {"output_index", 0}, {"content_index", 0}, {"delta", "a"}}})},
      {"anthropic-messages", anthropic_messages::kApi, claude_word},
      {"vertex-anthropic", google::kVertexAnthropicApi, claude_word},
      {"gemini-generate", google::kGeminiApi, gemini_word},
      {"vertex", google::kVertexApi, gemini_word},
      {"cohere-chat", cohere_chat::kApi,
       sse({{{"type", "content-delta"},
             {"index", 0},
             {"delta", {{"message", {{"content", {{"type", "text"}, {"text", "a"}}}}}}}}})},
  };
}

}  // namespace

TEST_CASE("fault 113: an error that a proxy writes between the events is told in its words, in every API") {
  const std::string error = R"({"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}})";
  const std::string pretty = "{\n  \"error\": {\n    \"message\": \"too long\"\n  }\n}";
  for (const EventForm& form : event_forms()) {
    for (const std::string& tail :
         {error, error + "\n", error + "\n\n", error + "\n\ndata: [DONE]\n\n", error + "\ndata: [DONE]\n\n",
          pretty + "\n", pretty + "\n\nevent: end\ndata: {}\n\n", ": ping\n\n" + error + "\n",
          "error: " + error + "\n\n", std::string("error: {\"message\":\"too long\"}\n\ndata: [DONE]\n\n"),
          std::string("error: too long\n\n"), "event: error\ndata: " + error + "\n\n",
          std::string("event: error\ndata: {\"message\":\"too long\"}\n\n"),
          std::string("event: error\ndata: too long\n\n"), std::string("{\"detail\":\"too long\"}\n")}) {
      CAPTURE(form.name);
      CAPTURE(tail);
      std::vector<std::string> heads = {": ping\n\n", form.word};
      // Without the blank line after the event.
      if (tail.starts_with('{') || tail.starts_with("error:"))
        heads.push_back(form.word.substr(0, form.word.size() - 1));
      for (const std::string& before : heads) {
        CAPTURE(before);
        const auto got = decode(form.api, before + tail);
        CHECK(outcome(got) == "upstream_error");
        if (got.failed) CHECK(got.failed->message == "too long");
        if (before != ": ping\n\n") CHECK(got.text_of(ContentKind::text) == "a");
      }
    }
  }
}

TEST_CASE("fault 113: what a member error holds but does not report, and lines that are no JSON, end nothing") {
  for (const char* none : {"{}", "null", "false", "\"\"", "[]"}) {
    CAPTURE(none);
    const std::string member = std::string(R"("error":)") + none;
    const auto with = [&](const std::string& object) { return "{" + member + "," + object.substr(1); };
    const auto events = [&](std::vector<std::string> objects) {
      std::string out;
      for (const auto& object : objects) out += "data: " + (object[0] == '{' ? with(object) : object) + "\n\n";
      return out;
    };
    const std::string choice =
        R"({"choices":[{"index":0,"delta":{"content":"a"},"text":"a","finish_reason":"stop",)" + member + "}]}";
    for (const WireApi& api : {std::cref(openai_chat::kApi), std::cref(openai_completions::kApi)}) {
      CHECK(decode(api, events({choice, "[DONE]"})).text_of(ContentKind::text) == "a");
    }
    const std::string item = R"({"type":"message","content":[{"type":"output_text","text":"a"}]})";
    const std::string response = R"({"status":"completed","output":[)" + item + "]}";
    CHECK(outcome(decode(openai_responses::kApi,
                         events({R"({"type":"response.completed","response":)" + with(response) + "}"}))) == "finish");
    CHECK(outcome(decode(openai_responses::kApi, with(response), BodyFormat::unary)) == "finish");
    CHECK(outcome(decode(anthropic_messages::kApi, with(kClaudeBody.dump()), BodyFormat::unary)) == "finish");
    CHECK(outcome(decode(cohere_chat::kApi, with(R"({"message":{"content":"a"},"finish_reason":"COMPLETE"})"),
                         BodyFormat::unary)) == "finish");
    CHECK(outcome(decode(google::kGeminiApi,
                         events({R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]})"}))) ==
          "finish");
    CHECK(outcome(decode(ollama::kChatApi,
                         with(R"({"message":{"content":"a"},"done":true,"done_reason":"stop"})") + "\n")) == "finish");
  }
  const std::string chunk = R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]})";
  CHECK(outcome(decode(openai_chat::kApi, "{oops\n\n" + chunk + "\n\ndata: [DONE]\n\n")) == "bad_response");
  CHECK(outcome(decode(openai_chat::kApi, ": x\n\n{oops\n\n" + chunk + "\n\ndata: [DONE]\n\n")) == "finish");
}

TEST_CASE("fault 113: a stream in place of the one body that was asked for is read") {
  for (const EventForm& form : event_forms()) {
    CAPTURE(form.name);
    const auto got = decode(form.api, "\xEF\xBB\xBF" + form.word, BodyFormat::unary);
    CHECK(got.text_of(ContentKind::text) == "a");
    CHECK(outcome(got) == "truncated_stream");
  }
  const std::string done =
      "event: message\n" + sse({{{"choices", {{{"delta", {{"content", "a"}}}, {"finish_reason", "stop"}}}}}, "[DONE]"});
  CHECK(decode(openai_chat::kApi, done, BodyFormat::unary).finished == FinishReason::stop);
}

TEST_CASE("fault 113: a body may begin with a byte order mark") {
  for (const Form& form : forms()) {
    CAPTURE(form.name);
    for (const BodyFormat format : {BodyFormat::stream, BodyFormat::unary}) {
      if (format == BodyFormat::stream && form.name.starts_with("bedrock")) continue;  // a length
      const auto got = decode(form.api, "\xEF\xBB\xBF" + form.body, format);
      CHECK(outcome(got) == "finish");
      CHECK(got.text_of(ContentKind::text) == "whole");
    }
  }
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
  return decode(openai_responses::kApi, sse(events));
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
    const auto got = decode(openai_responses::kApi, sse(events));
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
      decode(openai_responses::kApi,
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
    return outcome(decode(anthropic_messages::kApi, sse(events)));
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

TEST_CASE("numbers of a call's arguments are kept as they were written, in every API that has them as JSON") {
  const std::string args = R"({"wei":1000000000000000000000,"n":-99999999999999999999,"price":1.10,"far":1e400})";
  const std::string chat_call = R"("tool_calls":[{"id":"a","function":{"name":"pay","arguments":)" + args + "}}]";
  const std::string claude_call = R"({"type":"tool_use","id":"t","name":"pay","input":)" + args + "}";
  const std::string gemini_call = R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"pay","args":)" +
                                  args + R"(}}]},"finishReason":"STOP"}]})";
  const std::string claude_body =
      R"({"type":"message","id":"m","content":[)" + claude_call + R"(],"stop_reason":"tool_use"})";
  const std::string claude_stream = R"(data: {"type":"message_start","message":{"id":"m"}})"
                                    "\n\ndata: "
                                    R"({"type":"content_block_start","index":0,"content_block":)" +
                                    claude_call + "}\n\n" + sse({kClaudeStop});
  const std::string ollama_call = R"({"message":{)" + chat_call + R"(},"done":true,"done_reason":"stop"})" + "\n";
  const std::string nova_body =
      R"({"output":{"message":{"content":[{"toolUse":{"toolUseId":"t","name":"pay","input":)" + args +
      R"(}}]}},"stopReason":"tool_use"})";
  const std::string item = R"({"type":"function_call","call_id":"c","name":"pay","arguments":)" + args + "}";
  struct Row {
    const WireApi& api;
    std::string body;
    BodyFormat format;
  };
  for (const Row& row : std::vector<Row>{
           {openai_chat::kApi, R"(data: {"choices":[{"delta":{)" + chat_call + "}}]}\n\ndata: [DONE]\n\n",
            BodyFormat::stream},
           {openai_chat::kApi, R"({"choices":[{"message":{)" + chat_call + "}}]}", BodyFormat::unary},
           {openai_responses::kApi, R"({"status":"completed","output":[)" + item + "]}", BodyFormat::unary},
           {anthropic_messages::kApi, claude_body, BodyFormat::unary},
           {anthropic_messages::kApi, claude_stream, BodyFormat::stream},
           {bedrock::kInvokeApi, claude_body, BodyFormat::unary},
           {google::kGeminiApi, "data: " + gemini_call + "\n\n", BodyFormat::stream},
           {google::kVertexApi, gemini_call, BodyFormat::unary},
           {bedrock::kConverseApi, nova_body, BodyFormat::unary},
           {cohere_chat::kApi, R"({"message":{)" + chat_call + R"(},"finish_reason":"TOOL_CALL"})", BodyFormat::unary},
           {ollama::kChatApi, ollama_call, BodyFormat::stream}}) {
    CAPTURE(row.body);
    const auto got = decode(row.api, row.body, row.format);
    REQUIRE(got.calls.size() == 1);
    CHECK(got.calls[0].second.input_text == args);
    CHECK(outcome(got) == "finish");
  }
}

TEST_CASE("arguments that are a written null are none, in every API") {
  const std::string chat_call = R"("tool_calls":[{"id":"a","function":{"name":"f","arguments":"null"}}])";
  const json claude_delta = {{"type", "content_block_delta"},
                             {"index", 0},
                             {"delta", {{"type", "input_json_delta"}, {"partial_json", "null"}}}};
  const json claude_block = {{"type", "tool_use"}, {"id", "t"}, {"name", "f"}, {"input", nullptr}};
  const json claude_start = {{"type", "content_block_start"}, {"index", 0}, {"content_block", claude_block}};
  const json item = {{"type", "function_call"}, {"call_id", "c"}, {"name", "f"}, {"arguments", "null"}};
  const json part = {{"functionCall", {{"name", "f"}, {"args", "null"}}}};
  const std::pair<const WireApi&, std::string> rows[] = {
      {openai_responses::kApi, json{{"status", "completed"}, {"output", {item}}}.dump()},
      {anthropic_messages::kApi, sse({claude_start, claude_delta, kClaudeStop})},
      {bedrock::kConverseApi,
       nova(R"({"start":{"toolUse":{"toolUseId":"t","name":"f"}}})", R"({"delta":{"toolUse":{"input":"null"}}})")},
      {google::kGeminiApi, json{{"candidates", {{{"content", {{"parts", {part}}}}, {"finishReason", "STOP"}}}}}.dump()},
      {cohere_chat::kApi, R"({"message":{)" + chat_call + R"(},"finish_reason":"TOOL_CALL"})"},
      {ollama::kChatApi, R"({"message":{)" + chat_call + R"(},"done":true,"done_reason":"stop"})" + "\n"}};
  for (const auto& [api, body] : rows) {
    CAPTURE(body);
    const auto got = decode(api, body);
    REQUIRE(got.calls.size() == 1);
    CHECK(got.calls[0].second.input_text == "{}");
  }
}

TEST_CASE("a filter's word or a failure's is known in every API, in upper or lower case") {
  const auto chat = [](const std::string& raw) {
    return R"({"choices":[{"message":{"content":"a"},"text":"a","finish_reason":")" + raw + R"("}]})";
  };
  const auto claude_end = [](const std::string& raw) {
    return R"({"type":"message","id":"m","content":[{"type":"text","text":"a"}],"stop_reason":")" + raw + R"("})";
  };
  const auto ends = [&](const std::string& raw) {
    return std::vector<std::pair<const WireApi*, std::string>>{
        {&openai_chat::kApi, chat(raw)},
        {&openai_completions::kApi, chat(raw)},
        {&openai_responses::kApi,
         R"({"status":"incomplete","incomplete_details":{"reason":")" + raw + R"("},"output":[]})"},
        {&anthropic_messages::kApi, claude_end(raw)},
        {&bedrock::kInvokeApi, claude_end(raw)},
        {&bedrock::kConverseApi, R"({"output":{"message":{"content":[{"text":"a"}]}},"stopReason":")" + raw + R"("})"},
        {&google::kGeminiApi,
         R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":")" + raw + R"("}]})"},
        {&cohere_chat::kApi, R"({"message":{"content":"a"},"finish_reason":")" + raw + R"("})"},
        {&ollama::kChatApi, R"({"message":{"content":"a"},"done":true,"done_reason":")" + raw + "\"}\n"},
        {&ollama::kGenerateApi, R"({"response":"a","done":true,"done_reason":")" + raw + "\"}\n"}};
  };
  for (const char* raw : {"sensitive", "SAFETY", "content_filter", "prohibited_content"}) {
    for (const auto& [api, body] : ends(raw)) {
      CAPTURE(body);
      CHECK(decode(*api, body, BodyFormat::unary).finished == FinishReason::content_filter);
    }
  }
  for (const char* raw : {"network_error", "insufficient_system_resource", "MALFORMED_FUNCTION_CALL"}) {
    for (const auto& [api, body] : ends(raw)) {
      CAPTURE(body);
      const auto got = decode(*api, body, BodyFormat::unary);
      REQUIRE(got.failed);
      CHECK(got.failed->code == "upstream_error");
      CHECK(got.failed->provider_code == raw);
      CHECK(got.failed->retryable);
    }
  }
}
