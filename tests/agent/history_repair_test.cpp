#include "worker/agent/history_repair.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "protocol/decode.hpp"

using namespace aiw;
using Json = nlohmann::json;

namespace {

struct Repaired {
  std::string shape;  // "u:hi a:call(1) t:1=ok" and so on
  std::string notes;
};

std::string shape_of(const Part& part) {
  if (const auto* text = std::get_if<TextPart>(&part)) return text->text.text();
  if (const auto* call = std::get_if<ToolCallPart>(&part)) return "call(" + call->tool_call_id.text() + ")";
  if (const auto* result = std::get_if<ToolResultPart>(&part)) {
    const bool missing = result->output->type == ToolOutputType::error_text;
    return result->tool_call_id.text() + "/" + result->tool_name.text() + "=" +
           (missing ? "missing" : result->output->value.as_string().text());
  }
  return "other";
}

Repaired repair(std::string json) {
  auto messages = decode_messages(json);
  Repaired out;
  for (const auto& note : repair_history(messages)) {
    out.notes += (out.notes.empty() ? "" : " ") + note.code + note.message.substr(note.message.rfind(' '));
  }
  for (const auto& message : messages) {
    if (!out.shape.empty()) out.shape += ' ';
    out.shape += std::string("suat").substr(static_cast<std::size_t>(message.role), 1);
    for (const auto& part : message.parts) out.shape += ":" + shape_of(part);
  }
  return out;
}

std::string user(const std::string& text) { return R"({"role":"user","content":")" + text + R"("})"; }
std::string calls(std::initializer_list<std::string> ids) {
  Json parts = Json::array();
  for (const auto& id : ids)
    parts.push_back({{"type", "tool-call"}, {"toolCallId", id}, {"toolName", "f"}, {"input", {}}});
  return Json{{"role", "assistant"}, {"content", parts}}.dump();
}
std::string result(const std::string& id, const std::string& value = "ok") {
  return Json{{"role", "tool"},
              {"content",
               {{{"type", "tool-result"},
                 {"toolCallId", id},
                 {"toolName", "f"},
                 {"output", {{"type", "text"}, {"value", value}}}}}}}
      .dump();
}
std::string history(std::initializer_list<std::string> messages) {
  std::string out;
  for (const auto& message : messages) out += (out.empty() ? "[" : ",") + message;
  return out + "]";
}

}  // namespace

TEST_CASE("a conversation that is whole stays as it is") {
  const auto got = repair(history({user("hi"), calls({"1"}), result("1"), user("go")}));
  CHECK(got.shape == "u:hi a:call(1) t:1/f=ok u:go");
  CHECK(got.notes.empty());
}

TEST_CASE("a call without a result gets an error, also at the very end") {
  const auto got = repair(history({user("hi"), calls({"1", "2"}), result("2"), user("go"), calls({"3"})}));
  CHECK(got.shape == "u:hi a:call(1):call(2) t:1/f=missing:2/f=ok u:go a:call(3) t:3/f=missing");
  CHECK(got.notes == "tool_result_missing 2");
}

TEST_CASE("a result without a call, or a second one, is dropped") {
  const auto got = repair(history({result("0"), user("hi"), calls({"1"}), result("1"), result("1", "again")}));
  CHECK(got.shape == "u:hi a:call(1) t:1/f=ok");
  CHECK(got.notes == "tool_result_dropped 2");
}

TEST_CASE("a result before its call is no answer to it") {
  const auto got = repair(history({user("hi"), result("1"), calls({"1"})}));
  CHECK(got.shape == "u:hi a:call(1) t:1/f=missing");
  CHECK(got.notes == "tool_result_missing 1 tool_result_dropped 1");
}

TEST_CASE("results of one batch travel together, right behind their calls") {
  const auto together = repair(history({user("hi"), calls({"1", "2"}), result("1"), result("2")}));
  CHECK(together.shape == "u:hi a:call(1):call(2) t:1/f=ok:2/f=ok");
  CHECK(together.notes.empty());
  const auto apart = repair(history({user("hi"), calls({"1", "2"}), result("1"), user("well?"), result("2")}));
  CHECK(apart.shape == "u:hi a:call(1):call(2) t:1/f=ok:2/f=ok u:well?");
  CHECK(apart.notes == "tool_result_moved 1");
}

TEST_CASE("results stand in the order of their calls, also if one is missing") {
  const auto late = repair(history({user("hi"), calls({"1", "2"}), result("2", "second"), result("1", "first")}));
  CHECK(late.shape == "u:hi a:call(1):call(2) t:1/f=first:2/f=second");
  CHECK(late.notes.empty());
  const auto missing = repair(history({user("hi"), calls({"1", "2"}), result("2", "second")}));
  CHECK(missing.shape == "u:hi a:call(1):call(2) t:1/f=missing:2/f=second");
  CHECK(missing.notes == "tool_result_missing 1");
}

TEST_CASE("turns that number their calls anew keep their own results") {
  const auto got = repair(history({user("a"), calls({"1"}), result("1", "x"), calls({"1"}), result("1", "y")}));
  CHECK(got.shape == "u:a a:call(1) t:1/f=x a:call(1) t:1/f=y");
  CHECK(got.notes.empty());
}

TEST_CASE("two calls of one id in one turn take one result each") {
  const auto got = repair(history({user("a"), calls({"1", "1"}), result("1", "x"), result("1", "y")}));
  CHECK(got.shape == "u:a a:call(1):call(1) t:1/f=x:1/f=y");
}

TEST_CASE("a result in a user's message comes before what else it says") {
  const auto got = repair(history({user("a"), calls({"1"}),
                                   R"({"role":"user","content":[{"type":"text","text":"b"},{"type":"tool-result",
                                   "toolCallId":"1","output":{"type":"text","value":"ok"}}]})"}));
  CHECK(got.shape == "u:a a:call(1) t:1/f=ok u:b");
  CHECK(got.notes.empty());
}

TEST_CASE("empty text goes, and a message of nothing else with it") {
  const auto got = repair(
      history({user("a"), R"({"role":"assistant","content":[{"type":"text","text":""},{"type":"text","text":"b"}]})",
               user("")}));
  CHECK(got.shape == "u:a a:b");
  CHECK(got.notes == "empty_text_dropped 2 empty_message_dropped 1");
}

TEST_CASE("empty text that carries its provider's state stays") {
  const auto got =
      repair(R"([{"role":"assistant","content":[{"type":"text","text":"","providerState":"gemini:{}"}]}])");
  CHECK(got.shape == "a:");
  CHECK(got.notes.empty());
}

TEST_CASE("a conversation of nothing but emptiness is left to the provider's builder") {
  CHECK(repair(history({user("")})).shape == "u");
  CHECK(repair("[]").shape.empty());
}

TEST_CASE("many calls of one id take time in proportion") {
  std::string many = user("a");
  for (int i = 0; i < 50'000; ++i) many += "," + calls({"1"}) + "," + result("1");
  auto json = "[" + many + "]";
  auto messages = decode_messages(json);
  CHECK(repair_history(messages).empty());
  CHECK(messages.size() == 100'001);
}
