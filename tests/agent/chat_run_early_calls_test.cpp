// Calls that are shown as soon as they are complete (`accept: ["earlyToolCalls"]`).
#include <doctest/doctest.h>

#include "tests/agent/chat_run_fixture.hpp"
#include "tests/support/fake_tools.hpp"

using namespace aiw;

namespace {

std::string payload(Json more = Json::object()) {
  more["config"] = Json::parse(R"({"providers": [{"id": "a", "type": "anthropic-messages",
      "baseUrl": "https://a.example", "apiKey": "k-a", "models": [{"id": "c"}]}]})");
  if (!more.contains("accept")) more["accept"] = Json::array({"earlyToolCalls"});
  if (!more.contains("tools")) more["tools"] = Json::parse(R"([{"name": "add"}])");
  if (!more.contains("retry")) more["retry"] = {{"max", 0}};
  return more.dump();
}

std::string event(const Json& data) {
  return "event: " + data["type"].get<std::string>() + "\ndata: " + data.dump() + "\n\n";
}
std::string begin() {
  return event(Json::parse(R"({"type":"message_start","message":{"id":"x","type":"message","role":"assistant",
      "content":[],"model":"c","usage":{"input_tokens":1,"output_tokens":1}}})"));
}
std::string call(int index, std::string_view id, std::string_view name = "add", std::string_view input = "{}") {
  return event({{"type", "content_block_start"},
                {"index", index},
                {"content_block", {{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", Json::object()}}}}) +
         event({{"type", "content_block_delta"},
                {"index", index},
                {"delta", {{"type", "input_json_delta"}, {"partial_json", input}}}}) +
         event({{"type", "content_block_stop"}, {"index", index}});
}
std::string finish(std::string_view reason) {
  return event({{"type", "message_delta"}, {"delta", {{"stop_reason", reason}}}, {"usage", {{"output_tokens", 2}}}}) +
         event({{"type", "message_stop"}});
}
constexpr const char* kText = R"({"type":"text","value":"A"})";

}  // namespace

TEST_CASE("a call is shown as soon as it is complete, and can be answered while the answer goes on") {
  ChatRunFixture f;
  f.start(payload());
  FakeExchange& upstream = f.http.last();
  upstream.stream();
  upstream.body(begin() + call(0, "t1"));
  CHECK(f.types() == "start delta tool_call");
  CHECK(f.output.frames().back()["data"]["executor"] == "parent");
  upstream.body(call(1, "t2"));
  f.tool_result("t2", kText);
  f.tool_result("t1", kText);
  CHECK(!f.session->awaits("t1"));
  CHECK(f.http.count() == 1);  // the answer is not complete
  upstream.body(finish("tool_use"));
  REQUIRE(f.http.count() == 2);
  CHECK(f.types() == "start delta tool_call delta tool_call usage start");
  const Json results = f.body(1)["messages"][2]["content"];
  CHECK(results[0]["tool_use_id"] == "t1");  // in the order of the calls
  CHECK(results[1]["tool_use_id"] == "t2");
}

TEST_CASE("a result that is still to come is waited for after the step's end") {
  ChatRunFixture f;
  f.start(payload());
  f.answer(begin() + call(0, "t1") + call(1, "t2") + finish("tool_use"));
  f.tool_result("t1", kText);
  CHECK(f.http.count() == 1);
  f.tool_result("t2", kText);
  CHECK(f.http.count() == 2);
}

TEST_CASE("without earlyToolCalls a call comes at the step's end") {
  ChatRunFixture f;
  f.start(payload({{"accept", Json::array({"other"})}}));
  f.http.last().stream();
  f.http.last().body(begin() + call(0, "t1"));
  CHECK(f.types() == "start delta");
  CHECK(!f.session->awaits("t1"));
}

TEST_CASE("calls that were shown early are taken back if the step ends badly") {
  struct Row {
    const char* what;
    void (*end)(ChatRunFixture&);
    const char* reason;
    const char* terminal;
  };
  const Row rows[] = {
      {"cut short", [](ChatRunFixture& f) { f.http.last().body(finish("max_tokens")); }, "length", "done"},
      {"refused", [](ChatRunFixture& f) { f.http.last().body(finish("refusal")); }, "refusal", "done"},
      {"an error", [](ChatRunFixture& f) { f.http.last().fail(network_error("upstream_reset")); }, "upstream_reset",
       "error"},
      {"an error event",
       [](ChatRunFixture& f) {
         f.http.last().body(event({{"type", "error"}, {"error", {{"type", "overloaded_error"}, {"message", "m"}}}}));
       },
       "upstream_error", "error"},
      {"cancelled", [](ChatRunFixture& f) { f.session->cancel(); }, "cancelled", "done"},
      {"too late", [](ChatRunFixture& f) { f.advance(3'600'000); }, "timeout_", "error"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ChatRunFixture f;
    f.start(payload({{"tools", Json::parse(R"([{"name":"add"},{"name":"end","executor":"return"}])")}}));
    f.http.last().stream();
    f.http.last().body(begin() + call(0, "t1") + call(1, "t2") + call(2, "t3", "end") + call(3, "t4", "unknown"));
    f.tool_result("t2", kText);
    row.end(f);
    std::string taken_back;
    for (const auto& frame : f.output.frames()) {
      if (frame["type"] != "tool_cancel") continue;
      taken_back += frame["data"]["toolCallId"].get<std::string>() + " ";
      CHECK(frame["data"]["reason"].get<std::string>().starts_with(row.reason));
    }
    CHECK(taken_back == "t1 t2 t3 ");  // nobody was to carry t4 out
    CHECK(f.output.last()["type"] == row.terminal);
    CHECK(!f.session->awaits("t1"));
    CHECK(f.http.count() == 1);
  }
}

TEST_CASE("a step that begins anew takes its calls back first") {
  ChatRunFixture f;
  f.start(payload({{"retry", {{"max", 1}, {"restart", true}}}}));
  f.http.last().stream();
  f.http.last().body(begin() + call(0, "t1"));
  f.tool_result("t1", kText);
  f.http.last().fail(network_error("upstream_reset"));
  CHECK(!f.session->awaits("t1"));
  f.advance(500);
  f.answer(begin() + call(0, "t1") + finish("tool_use"));
  CHECK(f.types() == "start delta tool_call tool_cancel usage retry delta tool_call usage");
  CHECK(f.output.frames()[3]["data"].dump() == R"({"toolCallId":"t1","reason":"retry"})");
  CHECK(!f.session->awaits("t1"));  // a late result of the first call must not answer the second
  f.tool_result(f.output.frames()[7]["data"]["toolCallId"], kText);
  CHECK(f.http.count() == 2 + 1);
}

TEST_CASE("an approval of a call that was taken back approves no call of the next attempt") {
  ChatRunFixture f;
  f.start(payload(
      {{"retry", {{"max", 1}, {"restart", true}}}, {"tools", Json::parse(R"([{"name":"harmless","approval":"parent"},
                                             {"name":"danger","approval":"parent"}])")}}));
  f.http.last().stream();
  f.http.last().body(begin() + call(0, "t1", "harmless"));
  REQUIRE(f.session->awaits_approval("t1"));
  f.http.last().fail(network_error("upstream_reset"));
  f.advance(500);
  f.answer(begin() + call(0, "t1", "danger") + finish("tool_use"));
  CHECK(!f.session->awaits_approval("t1"));
}

TEST_CASE("what the worker carries out waits for the step's end, as do words of refusal") {
  ChatRunFixture f;
  f.start(payload({{"tools", Json::parse(R"([{"name":"add","approval":"parent"}])")}}));
  f.http.last().stream();
  f.http.last().body(begin() + call(0, "t1") + call(1, "t2", "unknown"));
  CHECK(f.types() == "start delta tool_call delta tool_call");
  REQUIRE(f.session->awaits_approval("t1"));
  f.session->tool_approval({"r", "c", "t1", true, ""});
  REQUIRE(f.session->awaits("t1"));
  f.http.last().body(finish("tool_use"));
  CHECK(f.types() == "start delta tool_call delta tool_call usage tool_result");
  f.tool_result("t1", kText);
  CHECK(f.http.count() == 2);
}

TEST_CASE("the end of the input is only the chat's end where it comes to wait") {
  ChatRunFixture answered;
  answered.start(payload());
  answered.http.last().stream();
  answered.http.last().body(begin() + call(0, "t1"));
  answered.tool_result("t1", kText);
  answered.session->close_input();
  answered.http.last().body(finish("tool_use"));
  CHECK(answered.http.count() == 2);

  ChatRunFixture waiting;
  waiting.start(payload());
  waiting.http.last().stream();
  waiting.http.last().body(begin() + call(0, "t1"));
  waiting.session->close_input();
  CHECK(waiting.ended.empty());
  waiting.http.last().body(finish("tool_use"));
  CHECK(waiting.last()["code"] == "input_closed");
  CHECK(waiting.types().ends_with("tool_call usage tool_cancel error"));
}

TEST_CASE("in the last step, without tools, calls are shown as nobody's") {
  ChatRunFixture f;
  f.start(payload({{"maxSteps", 1}}));
  f.answer(begin() + call(0, "t1") + finish("tool_use"));
  f.tool_result("t1", kText);
  f.answer(begin() + call(0, "t2") + finish("tool_use"));
  CHECK(f.last()["finishReason"] == "max_steps");
  CHECK(f.types() == "start delta tool_call usage start delta tool_call usage done");
}
