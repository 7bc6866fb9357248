// Reasoning with tools, out through `done.messages` and back. Signed or encrypted content reaches its provider again
// byte by byte and in order. This holds within one chat and in a later one, even if the parent's database reordered the
// JSON keys.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

// One wire API: the responses of its upstream and the content that must be sent back.
struct Wire {
  std::string provider;
  std::string type;
  std::string model;
  std::string call_id;                    // id of the only call in the first response
  std::string first, second;              // event stream bodies of the two responses
  Json payload = Json::object();          // payload fields of the chat besides its tool
  std::string_view history;               // member of the request body that holds the conversation
  Json replayed = nullptr;                // expected history after the user's turn; null: only `exactly` is checked
  std::vector<std::string> exactly = {};  // strings that the request body contains, in this order
};

constexpr std::string_view kSignature = "EqQBCkYIBxgCKkAbc+/9ZzE8PQw==";
constexpr std::string_view kThought = "Zürich, \"then\"\n日本 😀";
const Json kInput = {{"q", "Zürich 😀"}};

std::string json_string(std::string_view text) { return Json(text).dump(); }

// --- Anthropic: thinking, redacted thinking, a search run by the provider, text that cites it, a call ----------------

Json anthropic_thinking() { return {{"type", "thinking"}, {"thinking", kThought}, {"signature", kSignature}}; }
Json anthropic_redacted() { return {{"type", "redacted_thinking"}, {"data", "EmwKAhgBEgy3va3pzix/LafPsn4a=="}}; }
Json anthropic_search() {
  return {{"type", "server_tool_use"}, {"id", "srvtoolu_1"}, {"name", "web_search"}, {"input", {{"query", "東京"}}}};
}
Json anthropic_found() {
  const Json page = {{"type", "web_search_result"}, {"title", "東"}, {"encrypted_content", "Eo8BCioI/+="}};
  return {{"type", "web_search_tool_result"}, {"tool_use_id", "srvtoolu_1"}, {"content", Json::array({page})}};
}
Json anthropic_text() {
  const Json citation = {{"type", "web_search_result_location"},
                         {"cited_text", "é"},
                         {"url", "https://example.com/"},
                         {"title", "東"},
                         {"encrypted_index", "Eo8BCioIAhgB/+="}};
  return {{"type", "text"}, {"text", "Looking."}, {"citations", Json::array({citation})}};
}
Json anthropic_call() { return {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", "look"}, {"input", kInput}}; }

std::string anthropic_block(int index, const Json& start, const std::vector<Json>& deltas) {
  std::string events = anthropic_event({{"type", "content_block_start"}, {"index", index}, {"content_block", start}});
  for (const Json& delta : deltas) {
    events += anthropic_event({{"type", "content_block_delta"}, {"index", index}, {"delta", delta}});
  }
  return events + anthropic_event({{"type", "content_block_stop"}, {"index", index}});
}

Json input_delta(std::string_view json) { return {{"type", "input_json_delta"}, {"partial_json", json}}; }

std::string anthropic_first() {
  Json search = anthropic_search(), call = anthropic_call();
  search["input"] = call["input"] = Json::object();
  std::string body = anthropic_head();
  body += anthropic_block(0, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}},
                          {{{"type", "thinking_delta"}, {"thinking", kThought.substr(0, 9)}},
                           {{"type", "thinking_delta"}, {"thinking", kThought.substr(9)}},
                           {{"type", "signature_delta"}, {"signature", kSignature}}});
  body += anthropic_block(1, anthropic_redacted(), {});
  body += anthropic_block(2, search, {input_delta(R"({"query")"), input_delta(R"(:"東京"})")});
  body += anthropic_block(3, anthropic_found(), {});
  body += anthropic_block(4, {{"type", "text"}, {"text", ""}, {"citations", Json::array()}},
                          {{{"type", "text_delta"}, {"text", "Looking."}},
                           {{"type", "citations_delta"}, {"citation", anthropic_text()["citations"][0]}}});
  body += anthropic_block(5, call, {input_delta(kInput.dump())});
  return body +
         anthropic_event(
             {{"type", "message_delta"}, {"delta", {{"stop_reason", "tool_use"}}}, {"usage", {{"output_tokens", 5}}}}) +
         anthropic_event({{"type", "message_stop"}});
}

Wire anthropic() {
  Wire wire{.provider = "anthropic",
            .type = "anthropic-messages",
            .model = "claude-sonnet-4-5",
            .call_id = "toolu_1",
            .first = anthropic_first(),
            .second = anthropic_answer({"found"}),
            .payload = {{"reasoning", {{"budgetTokens", 2000}}}},
            .history = "messages"};
  const Json result = {{"type", "tool_result"},
                       {"tool_use_id", "toolu_1"},
                       {"content", Json::array({{{"type", "text"}, {"text", "42"}}})}};
  wire.replayed = {{{"role", "assistant"},
                    {"content",
                     {anthropic_thinking(), anthropic_redacted(), anthropic_search(), anthropic_found(),
                      anthropic_text(), anthropic_call()}}},
                   {{"role", "user"}, {"content", Json::array({result})}}};
  wire.exactly = {json_string(kThought), json_string(kSignature),
                  "EmwKAhgBEgy3va3pzix/LafPsn4a==", "Eo8BCioI/+=", "Eo8BCioIAhgB/+="};
  return wire;
}

// --- OpenAI Responses: a reasoning item with its encrypted content, a call -------------------------------------------

std::string responses_event(std::string_view type, Json fields) {
  fields["type"] = type;
  return "event: " + std::string(type) + "\ndata: " + fields.dump() + "\n\n";
}

std::string responses_answer(const std::vector<Json>& items) {
  Json response = {{"id", "resp_1"}, {"object", "response"}, {"status", "in_progress"}, {"output", Json::array()}};
  std::string body = responses_event("response.created", {{"response", response}});
  int index = 0;
  for (const Json& item : items) {
    body += responses_event("response.output_item.added", {{"output_index", index}, {"item", item}});
    body += responses_event("response.output_item.done", {{"output_index", index++}, {"item", item}});
  }
  response["status"] = "completed";
  response["output"] = items;
  response["usage"] = {{"input_tokens", 7}, {"output_tokens", 5}, {"total_tokens", 12}};
  return body + responses_event("response.completed", {{"response", response}});
}

Wire responses() {
  const Json reasoning = {{"type", "reasoning"},
                          {"id", "rs_1"},
                          {"summary", Json::array({{{"type", "summary_text"}, {"text", kThought}}})},
                          {"encrypted_content", "gAAAAABo/+9zE8PQw=="}};
  const Json call = {{"type", "function_call"}, {"id", "fc_1"},          {"call_id", "call_1"},
                     {"name", "look"},          {"status", "completed"}, {"arguments", kInput.dump()}};
  const Json text = {
      {"type", "message"},
      {"id", "msg_1"},
      {"role", "assistant"},
      {"status", "completed"},
      {"content", Json::array({{{"type", "output_text"}, {"text", "found"}, {"annotations", Json::array()}}})}};
  Wire wire{.provider = "responses",
            .type = "openai-responses",
            .model = "gpt-5",
            .call_id = "call_1",
            .first = responses_answer({reasoning, call}),
            .second = responses_answer({text}),
            .payload = {{"reasoning", {{"effort", "low"}}}},
            .history = "input"};
  const Json output = {{"type", "function_call_output"}, {"call_id", "call_1"}, {"output", "42"}};
  Json replayed_call = call;
  replayed_call.erase("status");  // exists only in output
  wire.replayed = {reasoning, replayed_call, output};
  wire.exactly = {"gAAAAABo/+9zE8PQw=="};
  return wire;
}

// --- Gemini: a thought, a call with its signature --------------------------------------------------------------------

std::string gemini_answer(const std::vector<Json>& parts) {
  const Json candidate = {{"content", {{"role", "model"}, {"parts", parts}}}, {"finishReason", "STOP"}, {"index", 0}};
  const Json usage = {{"promptTokenCount", 7}, {"candidatesTokenCount", 5}, {"totalTokenCount", 12}};
  return sse({{"candidates", Json::array({candidate})}, {"usageMetadata", usage}});
}

Wire gemini() {
  const Json call = {{"functionCall", {{"id", "g1"}, {"name", "look"}, {"args", kInput}}},
                     {"thoughtSignature", kSignature}};
  Wire wire{.provider = "gemini",
            .type = "gemini-generate",
            .model = "gemini-3-pro",
            .call_id = "g1",
            .first = gemini_answer({{{"text", kThought}, {"thought", true}}, call}),
            .second = gemini_answer({{{"text", "found"}}}),
            .history = "contents"};
  wire.exactly = {"functionCall", json_string(kSignature), "functionResponse"};
  return wire;
}

// --- DeepSeek: reasoning_content beside a call -----------------------------------------------------------------------

Wire deepseek() {
  Wire wire{.provider = "deepseek",
            .type = "openai-chat",
            .model = "deepseek-chat",
            .call_id = "call_1",
            .first = chunk_event({{"role", "assistant"}, {"reasoning_content", kThought.substr(0, 9)}}) +
                     chunk_event({{"reasoning_content", kThought.substr(9)}}) +
                     openai_tool_call("call_1", "look", kInput.dump()),
            .second = openai_answer({"found"}),
            .history = "messages"};
  const Json call = {
      {"id", "call_1"}, {"type", "function"}, {"function", {{"name", "look"}, {"arguments", kInput.dump()}}}};
  wire.replayed = {{{"role", "assistant"},
                    {"content", nullptr},
                    {"reasoning_content", kThought},
                    {"tool_calls", Json::array({call})}},
                   {{"role", "tool"}, {"tool_call_id", "call_1"}, {"content", "42"}}};
  wire.exactly = {json_string(kThought)};
  return wire;
}

// --- The conversation ------------------------------------------------------------------------------------------------

Json chat_of(const Wire& wire, const Upstream& upstream, const std::string& id, const Json& messages) {
  const Json provider = {{"id", wire.provider},
                         {"type", wire.type},
                         {"baseUrl", upstream.base_url(wire.provider)},
                         {"apiKey", "k"},
                         {"models", Json::array({{{"id", wire.model}}})}};
  const Json tool = {{"name", "look"},
                     {"description", "looks"},
                     {"inputSchema", {{"type", "object"}, {"properties", {{"q", {{"type", "string"}}}}}}}};
  Json payload = wire.payload;
  payload["modelId"] = wire.model;
  payload["tools"] = Json::array({tool});
  payload["messages"] = messages;
  return chat_line(id, provider, payload);
}

// Returns the part of the request body that holds the conversation, up to the end of its last turn.
std::string history_bytes(const std::string& body, std::string_view member) {
  const auto at = body.rfind(",\"" + std::string(member) + "\":[");
  REQUIRE(at != std::string::npos);
  return body.substr(at, body.size() - at - 2);
}

void check_request(const Wire& wire, const std::string& body) {
  std::size_t at = 0;
  for (const std::string& part : wire.exactly) {
    CAPTURE(part);
    const auto found = body.find(part, at);
    REQUIRE(found != std::string::npos);
    at = found + part.size();
  }
  if (wire.replayed.is_null()) return;
  // nlohmann::json compares objects regardless of the order of their keys.
  const auto sent = nlohmann::json::parse(body).at(std::string(wire.history));
  const auto expected = nlohmann::json::parse(wire.replayed.dump());
  REQUIRE(sent.size() >= expected.size() + 1);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(sent[i + 1] == expected[i]);
}

void round_trip(const Wire& wire) {
  CAPTURE(wire.type);
  Upstream upstream;
  TestWorker worker;
  upstream.answer(wire.provider, {event_stream(wire.first, {.mode = Cut::Mode::kRandom}), event_stream(wire.second)});
  const Json question = {{"role", "user"}, {"content", "Where?"}};
  worker.send(chat_of(wire, upstream, "a", Json::array({question})));
  CHECK(worker.wait_for("a", "tool_call").at("data").contains("toolCallId"));
  worker.read_until([&] {
    for (const Json& call : worker.log("a").all("tool_call")) {
      if (call.at("data").at("executor") == "parent") return true;
    }
    return worker.log("a").ended;
  });
  const Json answer = tool_result_line("r", "a", wire.call_id, {{"type", "text"}, {"value", "42"}});
  REQUIRE(worker.ask(answer).at("type") == "ack");
  const FrameLog& log = worker.end_of("a");
  REQUIRE(log.outcome() == "done");
  CHECK(log.text().ends_with("found"));

  // The second step, which the worker sends itself.
  REQUIRE(upstream.count(wire.provider) == 2);
  const std::string step = upstream.requests(wire.provider)[1].body;
  check_request(wire, step);

  // A later chat sends the messages of `done`: once unchanged, and once as written by a parser that sorts keys.
  const Json messages = log.last().at("data").at("messages");
  const Json sorted = Json::parse(nlohmann::json::parse(messages.dump()).dump());
  CHECK(sorted.dump() != messages.dump());
  std::size_t count = 2;
  for (const Json& kept : {messages, sorted}) {
    Json history = Json::array({question});
    for (const Json& message : kept) history.push_back(message);
    history.push_back({{"role", "user"}, {"content", "And then?"}});
    const std::string id = "b" + std::to_string(count);
    worker.send(chat_of(wire, upstream, id, history));
    CHECK(worker.end_of(id).outcome() == "done");
    REQUIRE(upstream.count(wire.provider) == ++count);
    const std::string body = upstream.requests(wire.provider).back().body;
    check_request(wire, body);
    CHECK(history_bytes(body, wire.history).starts_with(history_bytes(step, wire.history)));
  }
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("Anthropic gets its thinking, redacted thinking, searches and citations back") { round_trip(anthropic()); }
TEST_CASE("Responses gets its encrypted reasoning back") { round_trip(responses()); }
TEST_CASE("Gemini gets its thought signatures back") { round_trip(gemini()); }
TEST_CASE("DeepSeek gets its reasoning back with the calls that followed it") { round_trip(deepseek()); }

}  // namespace
}  // namespace aiw::e2e
