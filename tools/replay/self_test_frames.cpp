#include <functional>
#include <utility>
#include <vector>

#include "tools/replay/chat_log.hpp"
#include "tools/replay/self_test.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

using Frames = std::vector<json>;

json usage(int step) {
  return {{"step", step},          {"inputTokens", 3},          {"outputTokens", 4}, {"cachedInputTokens", nullptr},
          {"cacheWriteTokens", 0}, {"reasoningTokens", nullptr}};
}

json delta(int part, const char* kind, const char* text) {
  return {{"step", 0}, {"part", part}, {"kind", kind}, {"text", text}};
}

// Returns the frames of a chat with two steps and no violations.
Frames good_frames() {
  json input = delta(2, "tool_input", "{}");
  input["toolCallId"] = "t";
  const json part = {{"type", "text"}, {"text", "Hello"}};
  const json thought = {{"type", "reasoning"}, {"text", "Hm"}};
  const std::vector<std::pair<const char*, json>> events = {
      {"start", {{"step", 0}}},
      {"delta", delta(0, "reasoning", "Hm")},
      {"delta", delta(1, "text", "Hel")},
      {"delta", delta(1, "text", "lo")},
      {"delta", input},
      {"tool_call",
       {{"step", 0},
        {"toolCallId", "t"},
        {"toolName", "n"},
        {"input", json::object()},
        {"inputText", "{}"},
        {"executor", "mcp"}}},
      {"tool_result", {{"step", 0}, {"toolCallId", "t"}, {"toolName", "n"}, {"output", "x"}}},
      {"usage", usage(0)},
      {"start", {{"step", 1}}},
      {"usage", usage(1)},
      {"done", {{"finishReason", "stop"}, {"messages", {{{"role", "assistant"}, {"content", {thought, part}}}}}}},
  };
  Frames frames;
  for (const auto& [type, data] : events) {
    frames.push_back({{"id", "c"}, {"seq", frames.size()}, {"type", type}, {"data", data}});
  }
  return frames;
}

void renumber(Frames& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i]["seq"] = i;
}

std::vector<std::string> violations_of(const Frames& frames) {
  ChatLog log;
  for (const auto& frame : frames) log.add(frame);
  return log.violations();
}

}  // namespace

void test_frames(SelfTest& test) {
  const auto found = violations_of(good_frames());
  test.check("frames that keep every promise", found.empty(), found.empty() ? "" : found.front() + "\n");
  const std::vector<std::pair<const char*, std::function<void(Frames&)>>> alterations = {
      {"a gap in seq", [](Frames& f) { f[3]["seq"] = 4; }},
      {"no seq", [](Frames& f) { f[3].erase("seq"); }},
      {"a missing frame", [](Frames& f) { f.erase(f.begin() + 2); }},
      {"two terminal events", [](Frames& f) { f.push_back(f.back()); }},
      {"an event after the terminal one", [](Frames& f) { f.push_back(f[2]); }},
      {"a tool_result before its tool_call", [](Frames& f) { std::swap(f[5], f[6]); }},
      {"usage after the next start", [](Frames& f) { std::swap(f[7], f[8]); }},
      {"a step left out", [](Frames& f) { f[8]["data"]["step"] = 2; }},
      {"a part of two kinds", [](Frames& f) { f[3]["data"]["kind"] = "refusal"; }},
      {"a tool_input delta without its call", [](Frames& f) { f[4]["data"].erase("toolCallId"); }},
      {"deltas that are not the tool's input", [](Frames& f) { f[4]["data"]["text"] = "{\"a\":1}"; }},
      {"final messages without a delta's text", [](Frames& f) { f[3]["data"]["text"] = "lo!"; }},
      {"final messages without the reasoning", [](Frames& f) { f[1]["data"]["text"] = "Oh"; }},
      {"an end without messages", [](Frames& f) { f.back()["data"].erase("messages"); }},
      {"a frame without data", [](Frames& f) { f[2].erase("data"); }},
      {"a rejected chat",
       [](Frames& f) { f = {{{"id", "c"}, {"type", "rejected"}, {"data", {{"code", "overloaded"}}}}}; }},
  };
  for (const auto& [what, alter] : alterations) {
    Frames frames = good_frames();
    alter(frames);
    const bool is_about_seq = std::string_view(what).find("seq") != std::string_view::npos;
    if (!is_about_seq && std::string_view(what) != "a missing frame") renumber(frames);
    test.check(std::string("unnoticed: ") + what, !violations_of(frames).empty());
  }
}

}  // namespace aiw::tools
