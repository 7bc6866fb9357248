// The mock provider's actions for a step.
#include "worker/providers/mock.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

using namespace aiw;

namespace {

Message said(Role role, std::string_view raw) { return {role, {TextPart{{raw}}}}; }

std::expected<std::vector<MockAction>, Error> actions_of(std::string script, std::vector<Message> messages = {},
                                                         std::string model = "scripted") {
  static const ChatRequest kChat;
  Target target;
  target.model = std::move(model);
  target.script = std::move(script);
  return mock_actions({.chat = kChat, .messages = messages, .target = target, .offer_tools = true});
}

// A text's deltas, one a line.
std::string pieces(const std::string& word, const MockText& text) {
  std::string lines;
  for (std::int64_t i = 0; i < text.times; ++i) {
    for (std::size_t at = 0; at < text.text.size();) {
      const std::string_view piece = mock_piece(text, at);
      lines += (lines.empty() ? "" : "\x1f") + word + std::string(piece);
      at += piece.size();
    }
  }
  return lines;
}

// One line an action, or a delta; lines of one action are parted by a unit separator.
std::string shown(const MockAction& action) {
  struct Shower {
    std::string operator()(const MockText& a) const { return pieces("text ", a); }
    std::string operator()(const MockReasoning& a) const { return pieces("reasoning ", a); }
    std::string operator()(const ToolCall& a) const { return "call " + a.id + " " + a.name + " " + a.input_text; }
    std::string operator()(const MockDelay& a) const { return "delay " + std::to_string(a.ms); }
    std::string operator()(const Usage& a) const {
      return "usage " + std::to_string(a.input_tokens.value_or(-1)) + "/" +
             std::to_string(a.output_tokens.value_or(-1)) + " " + std::string(to_string(a.accuracy));
    }
    std::string operator()(const MockFinish& a) const { return "finish " + std::string(to_string(a.reason)); }
    std::string operator()(const MockTruncate&) const { return "truncate"; }
    std::string operator()(const Error& a) const {
      return "error " + a.code + " " + std::string(to_string(a.category)) + " " + a.message + " " +
             std::to_string(a.status) + (a.retryable ? " retryable" : "");
    }
  };
  return std::visit(Shower{}, action);
}

using Lines = std::vector<std::string>;

Lines run(std::string script, std::vector<Message> messages = {}, std::string model = "scripted") {
  const auto actions = actions_of(std::move(script), std::move(messages), std::move(model));
  REQUIRE(actions);
  Lines lines;
  for (const auto& action : *actions) {
    std::istringstream deltas(shown(action));
    for (std::string line; std::getline(deltas, line, '\x1f');) lines.push_back(line);
  }
  return lines;
}

std::string complaint(std::string script) {
  const auto actions = actions_of(std::move(script));
  REQUIRE(!actions);
  CHECK(actions.error().code == "invalid_request");
  CHECK(actions.error().category == Category::invalid_request);
  CHECK(!actions.error().retryable);
  return actions.error().message;
}

}  // namespace

TEST_CASE("echo says the last user text again, word by word") {
  const std::vector<Message> messages = {said(Role::user, "first"), said(Role::assistant, "x"),
                                         said(Role::user, " Hello\\n w\\u00f6rld!")};
  CHECK(run("", messages, "echo") ==
        Lines{"text  Hello\n ", "text w\xC3\xB6rld!", "usage 7/4 estimated", "finish stop"});
  CHECK(run("", {}, "echo") == Lines{"usage 0/0 estimated", "finish stop"});
  CHECK(run("", {said(Role::user, " \\n ")}, "echo").front() == "text  \n ");
}

TEST_CASE("echo follows a script if it has one") {
  CHECK(run(R"([[{"text":"mine"}]])", {said(Role::user, "yours")}, "echo").front() == "text mine");
}

TEST_CASE("a model without a script is not found, by name") {
  const auto actions = actions_of("", {}, "gpt-9");
  REQUIRE(!actions);
  CHECK(actions.error().code == "not_found");
  CHECK(actions.error().category == Category::not_found);
  CHECK(actions.error().message.find("gpt-9") != std::string::npos);
}

TEST_CASE("every action of a script") {
  CHECK(run(R"([[{"reasoning":"hm"},{"delayMs":25},{"text":"abcdef","chunks":3},
                 {"text":"xy","repeat":2},{"toolCall":{"toolName":"f","input":{"a":1}}},
                 {"toolCall":{"toolName":"g"}},{"toolCall":{"toolName":"h","toolCallId":"mine","input":"{\"broken"}},
                 {"usage":{"inputTokens":3,"outputTokens":4}},{"finish":"length"}]])") ==
        Lines{"reasoning hm", "delay 25", "text ab", "text cd", "text ef", "text xy", "text xy",
              "call call_0_0 f {\"a\":1}", "call call_0_1 g {}", "call mine h {\"broken", "usage 3/4 exact",
              "finish length"});
}

TEST_CASE("an answer without an end or counts gets them") {
  CHECK(run(R"([[{"text":"12345678"}]])", {said(Role::user, "abc")}) ==
        Lines{"text 12345678", "usage 1/2 estimated", "finish stop"});
  CHECK(run(R"([[{"toolCall":{"toolName":"f"}}]])").back() == "finish tool_calls");
  CHECK(run("[[]]") == Lines{"usage 0/0 estimated", "finish stop"});
}

TEST_CASE("an answer that fails or breaks off gets neither") {
  CHECK(run(R"([[{"text":"a"},{"truncate":true}]])") == Lines{"text a", "truncate"});
  CHECK(
      run(R"([[{"error":{"code":"overloaded","category":"overloaded","message":"later","retryable":true,"status":529}}]])") ==
      Lines{"error overloaded overloaded later 529 retryable"});
  CHECK(run(R"([[{"error":{}}]])") == Lines{"error upstream_error upstream scripted error 0"});
}

TEST_CASE("the step is the number of assistant messages after the last user message; the last one repeats") {
  const std::string script = R"([[{"text":"one"}],[{"text":"two"}],[{"text":"three"}]])";
  const Message user = said(Role::user, "u");
  const Message assistant = said(Role::assistant, "a");
  const Message tool{Role::tool, {}};
  CHECK(run(script, {user}).front() == "text one");
  CHECK(run(script, {user, assistant, tool}).front() == "text two");
  CHECK(run(script, {user, assistant, tool, assistant, tool}).front() == "text three");
  CHECK(run(script, {user, assistant, tool, assistant, tool, assistant, tool}).front() == "text three");
  CHECK(run(script, {user, assistant, user}).front() == "text one");
  CHECK(run(script, {assistant}).front() == "text two");
}

TEST_CASE("calls of different steps have different ids") {
  const std::string script = R"([[{"toolCall":{"toolName":"f"}}],[{"toolCall":{"toolName":"f"}}]])";
  CHECK(run(script, {said(Role::user, "u")}).front() == "call call_0_0 f {}");
  CHECK(run(script, {said(Role::user, "u"), said(Role::assistant, "")}).front() == "call call_1_0 f {}");
}

TEST_CASE("chunks are cut between characters") {
  CHECK(run(R"([[{"text":"\u00e9\u00e9","chunks":4}]])") ==
        Lines{"text \xC3\xA9", "text \xC3\xA9", "usage 0/1 estimated", "finish stop"});
}

TEST_CASE("a bad script is refused with its place") {
  CHECK(complaint("nonsense").find("no JSON") != std::string::npos);
  CHECK(complaint("{}").find("array of steps") != std::string::npos);
  CHECK(complaint("[]").find("array of steps") != std::string::npos);
  CHECK(complaint(R"([{"text":"a"}])").find("step 0") != std::string::npos);
  for (const std::string_view bad :
       {"1", "{}", R"({"text":1})", R"({"text":"a","chunks":-1})", R"({"delayMs":"x"})", R"({"delayMs":1e300})",
        R"({"toolCall":[]})", R"({"toolCall":{"input":{}}})", R"({"toolCall":{"toolName":"f","toolCallId":""}})",
        R"({"usage":5})", R"({"usage":{"inputTokens":-1}})", R"({"error":"x"})", R"({"error":{"category":"none"}})",
        R"({"error":{"status":70000}})", R"({"finish":"never"})", R"({"finish":1})", R"({"truncate":false})",
        R"({"text":"aaaaaaaaaa","repeat":999999,"chunks":10})"}) {
    CAPTURE(bad);
    const std::string script = R"([[{"delayMs":0},)" + std::string(bad) + "]]";
    CHECK(complaint(script).find("step 0, action 1") != std::string::npos);
  }
  CHECK(complaint(R"([[{"finish":"stop"},{"text":"more"}]])").find("action 1") != std::string::npos);
}

TEST_CASE("a script nested deep is refused, not followed") {
  const std::string deep =
      R"([[{"toolCall":{"toolName":"f","input":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}}]]";
  CHECK(complaint(deep).find("deep") != std::string::npos);
}
