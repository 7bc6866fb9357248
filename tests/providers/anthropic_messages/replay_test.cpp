// What a step brought goes back to the Messages API as it came.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/providers/anthropic_messages/chat.hpp"
#include "tests/providers/corpus.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

// The assistant message that the loop makes of a step.
json assistant_from(const RecordingSink& step) {
  std::map<int, json> parts;
  for (const auto& [number, part] : step.parts) {
    if (part.kind == ContentKind::tool_input) continue;
    parts[number] = {{"type", part.kind == ContentKind::reasoning ? "reasoning" : "text"}, {"text", part.text}};
  }
  for (const auto& [number, called] : step.calls) {
    if (called.by_provider) continue;
    parts[number] = {{"type", "tool-call"},
                     {"toolCallId", called.id},
                     {"toolName", called.name},
                     {"input", json::parse(called.input_text)}};
  }
  for (const auto& [number, state] : step.states) {
    if (parts.find(number) == parts.end()) parts[number] = {{"type", "provider"}};
    parts[number]["providerState"] = state;
  }
  json content = json::array();
  for (auto& [number, part] : parts) content.push_back(std::move(part));
  return assistant(content);
}

}  // namespace

TEST_CASE("reasoning and provider parts go back only with our own state") {
  const auto reasoning = [](std::string_view thought, std::string_view state) {
    return json{{"type", "reasoning"}, {"text", thought}, {"providerState", state}};
  };
  const Chat chat = chat_of(
      {{"messages",
        {user("x"),
         assistant(json::array({reasoning("signed", R"(anthropic-messages:{"signature":"S+/="})"),
                                reasoning("foreign", "openai-chat:abc"),
                                reasoning("blank", R"(anthropic-messages:{"signature":""})"),
                                reasoning("broken", "anthropic-messages:{\"signature\":"),
                                reasoning("injected", R"(anthropic-messages:{"type":"x"},{})"),
                                {{"type", "reasoning"}, {"text", "bare"}},
                                {{"type", "provider"},
                                 {"providerState", R"(anthropic-messages:{"type":"redacted_thinking","data":"d"})"}},
                                {{"type", "provider"}, {"providerState", "gemini:zz"}},
                                text("answer")})),
         user("y")}}});
  CHECK(sent(chat)["messages"][1]["content"] ==
        json({{{"type", "thinking"}, {"thinking", "signed"}, {"signature", "S+/="}},
              {{"type", "redacted_thinking"}, {"data", "d"}},
              text("answer")}));
  CHECK(notes_of(chat) == std::vector<std::string>{"reasoning_dropped", "provider_part_dropped"});
}

TEST_CASE("what a step brought goes back as it came: thinking, server tools and calls, in order") {
  const json content = json::array(
      {{{"type", "thinking"}, {"thinking", "Let me é \"think\"."}, {"signature", "EqQBCkYIBxgC/+abc=="}},
       {{"type", "redacted_thinking"}, {"data", "EmwKAhgBEgy3va3pzix/LafPsn4a"}},
       {{"type", "thinking"}, {"thinking", ""}, {"signature", "c2lnbmVk"}},
       {{"type", "text"},
        {"text", "Searching 日本."},
        {"citations",
         {{{"type", "web_search_result_location"},
           {"url", "https://x/é"},
           {"cited_text", "日"},
           {"encrypted_index", "Eo8/+="}}}}},
       {{"type", "server_tool_use"}, {"id", "srv_1"}, {"name", "web_search"}, {"input", {{"query", "東京 😀"}}}},
       {{"type", "web_search_tool_result"},
        {"tool_use_id", "srv_1"},
        {"content", {{{"type", "web_search_result"}, {"encrypted_content", "Eo8/+="}, {"title", "東"}}}}},
       {{"type", "tool_use"},
        {"id", "toolu_1"},
        {"name", "f"},
        {"input", {{"city", "Zürich"}}},
        {"caller", {{"type", "code_execution"}, {"tool_id", "srv_2"}}}},
       {{"type", "tool_use"}, {"id", "toolu_2"}, {"name", "f"}, {"input", json::object()}}});
  const json answer = {{"id", "m"},
                       {"type", "message"},
                       {"content", content},
                       {"stop_reason", "tool_use"},
                       {"usage", {{"input_tokens", 1}, {"output_tokens", 1}}}};
  const auto step = decode(anthropic_messages::kApi, BodyFormat::unary, answer.dump());
  REQUIRE(step.finished);
  const json message = assistant_from(step);
  const auto results = tool(json::array({result("toolu_1", text_output("1")), result("toolu_2", text_output("2"))}));
  const auto body = body_of({{"messages", {user("x"), message, results}}});
  CHECK(body["messages"][1]["content"] == content);
  CHECK(body["messages"].size() == 3);
}

TEST_CASE("a recorded stream of thinking and a call goes back byte-exact") {
  const auto data = [](const json& value) { return "data: " + value.dump() + "\n\n"; };
  const auto delta = [&](int index, const json& change) {
    return data({{"type", "content_block_delta"}, {"index", index}, {"delta", change}});
  };
  const std::string stream =
      data({{"type", "message_start"}, {"message", {{"id", "m"}, {"usage", {{"input_tokens", 1}}}}}}) +
      data({{"type", "content_block_start"},
            {"index", 0},
            {"content_block", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}}}) +
      delta(0, {{"type", "thinking_delta"}, {"thinking", "I need\n"}}) +
      delta(0, {{"type", "thinking_delta"}, {"thinking", "Zürich 😀"}}) +
      delta(0, {{"type", "signature_delta"},
                {"signature", "WaUjzkypQ2mUEVM36O2TxuC06KN8xyfbJwyem2dw3URve/op91XWHOEBLLqIOMfFG/UvLEczmEsUjavL=="}}) +
      data({{"type", "content_block_stop"}, {"index", 0}}) +
      data({{"type", "content_block_start"},
            {"index", 1},
            {"content_block", {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", "f"}, {"input", json::object()}}}}) +
      delta(1, {{"type", "input_json_delta"}, {"partial_json", ""}}) +
      delta(1, {{"type", "input_json_delta"}, {"partial_json", "{\"city\": \"Zü"}}) +
      delta(1, {{"type", "input_json_delta"}, {"partial_json", "rich\"}"}}) +
      data({{"type", "content_block_stop"}, {"index", 1}}) +
      data({{"type", "message_delta"}, {"delta", {{"stop_reason", "tool_use"}}}, {"usage", {{"output_tokens", 3}}}}) +
      data({{"type", "message_stop"}});
  const auto step = decode(anthropic_messages::kApi, BodyFormat::stream, stream);
  REQUIRE(step.finished == FinishReason::tool_calls);
  const auto text = body_text(chat_of(
      {{"messages", {user("x"), assistant_from(step), tool(json::array({result("toolu_1", text_output("ok"))}))}}}));
  CHECK(text.find(R"({"role":"assistant","content":[{"type":"thinking","thinking":"I need\nZürich 😀","signature":)"
                  R"("WaUjzkypQ2mUEVM36O2TxuC06KN8xyfbJwyem2dw3URve/op91XWHOEBLLqIOMfFG/UvLEczmEsUjavL=="},)"
                  R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"city":"Zürich"}}]})") != std::string::npos);
}

TEST_CASE("recorded answers go back as they came") {
  const auto root = corpus_root();
  if (!root) {
    MESSAGE("skipped: the corpus is not there (AIW_CORPUS)");
    return;
  }
  int compared = 0;
  for (const auto& test_case : load_corpus(*root, "anthropic-messages")) {
    if (test_case.streaming || test_case.head.status != 200) continue;
    json content = json::parse(test_case.body).at("content");
    for (auto& block : content) {
      if (block.value("citations", json()).empty()) block.erase("citations");
      if (block.value("caller", json()) == json{{"type", "direct"}} && block["type"] == "tool_use")
        block.erase("caller");
    }
    std::erase_if(content.get_ref<json::array_t&>(), [](const json& block) {
      return block["type"] == "text" &&
             block["text"].get<std::string>().find_first_not_of(" \n\t\r") == std::string::npos;
    });
    if (content.empty()) continue;
    const auto step = decode(anthropic_messages::kApi, BodyFormat::unary, test_case.body);
    const auto body = body_of({{"messages", {user("x"), assistant_from(step), user("y")}}});
    CAPTURE(test_case.id);
    CHECK(body["messages"][1]["content"] == content);
    ++compared;
  }
  CHECK(compared > 50);
}
