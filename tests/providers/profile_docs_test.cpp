// The table of profiles in docs/providers.md is what the data say. AIW_WRITE_DOCS=1 writes it.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "worker/providers/profile/server_profile.hpp"
#include "worker/providers/provider_defaults.hpp"

using namespace aiw;

namespace {

struct Column {
  const char* title;
  Api api;
  const char* provider;
  const char* model;
  const char* base_url;
};
constexpr Column kColumns[] = {
    {"openai, azure, OpenAI's models anywhere", Api::openai_chat, "openai", "gpt-5", "https://api.openai.com/v1"},
    {"openai-responses", Api::openai_responses, "openai-responses", "gpt-5", "https://api.openai.com/v1"},
    {"other openai-chat", Api::openai_chat, nullptr, "m", "https://h"},
    {"mistral", Api::openai_chat, "mistral", "m", "https://api.mistral.ai/v1"},
    {"groq, cerebras", Api::openai_chat, "groq", "m", "https://api.groq.com/openai/v1"},
    {"deepseek", Api::openai_chat, "deepseek", "m", "https://api.deepseek.com/v1"},
    {"moonshot", Api::openai_chat, "moonshot", "m", "https://api.moonshot.ai/v1"},
    {"xai", Api::openai_chat, "xai", "m", "https://api.x.ai/v1"},
    {"vllm, llamacpp, ollama, lmstudio", Api::openai_chat, "vllm", "m", "http://localhost:8000/v1"},
    {"anthropic-messages", Api::anthropic_messages, "anthropic", "claude-sonnet-4-5", "https://api.anthropic.com"},
    {"other servers of that API", Api::anthropic_messages, nullptr, "m", "https://h"},
    {"gemini, vertex", Api::gemini_generate, "gemini", "m", "https://generativelanguage.googleapis.com/v1beta"},
    {"bedrock-converse", Api::bedrock_converse, "bedrock", "m", "https://bedrock-runtime.us-east-1.amazonaws.com"},
    {"cohere", Api::cohere_chat, "cohere", "m", "https://api.cohere.com"},
};

std::string words(const WordRule& rule) {
  using Charset = WordRule::Charset;
  std::string out;
  switch (rule.charset) {
    case Charset::any: out = "any"; break;
    case Charset::word: out = "`A-Za-z0-9_-`"; break;
    case Charset::word_or_dot: out = "`A-Za-z0-9_.-`"; break;
    case Charset::letter_first: out = "`A-Za-z0-9_-`"; break;
    case Charset::identifier: out = "`A-Za-z0-9_`"; break;
    case Charset::dotted: out = "`A-Za-z0-9_.:-`"; break;
    case Charset::alphanumeric: out = "`A-Za-z0-9`"; break;
  }
  if (rule.exact > 0) out += ", " + std::to_string(rule.exact);
  if (rule.most > 0) out += ", at most " + std::to_string(rule.most);
  return out;
}

std::string types(const MediaRule& rule) {
  if (rule.any) return "any";
  std::string out;
  for (const auto type : rule.types) {
    out += (out.empty() ? "" : ", ") + std::string(type.ends_with('/') ? type : type.substr(type.find('/') + 1));
  }
  return out.empty() ? "none" : out;
}

std::string number(std::size_t most) { return most == 0 ? "any number" : std::to_string(most); }

std::string yes(bool value) { return value ? "yes" : "no"; }

std::string table() {
  std::vector<ServerProfile> profiles;
  std::string out = "| |", line = "\n| --- |";
  for (const Column& column : kColumns) {
    Target target;
    target.api = column.api;
    target.model = column.model;
    target.base_url = column.base_url;
    target.known = column.provider == nullptr ? nullptr : find_provider_defaults(column.provider);
    profiles.push_back(server_profile(target));
    out += std::string(" ") + column.title + " |";
    line += " --- |";
  }
  out += line + "\n";
  const auto row = [&](const char* name, auto&& cell) {
    out += std::string("| ") + name + " |";
    for (const auto& profile : profiles) out += std::string(" ") + cell(profile) + " |";
    out += "\n";
  };
  row("ids of tool calls", [](const ServerProfile& profile) { return words(profile.call_ids); });
  row("tool names", [](const ServerProfile& profile) { return words(profile.tool_names); });
  row("system messages", [](const ServerProfile& profile) { return profile.one_system ? "one, first" : "any place"; });
  row("user after user",
      [](const ServerProfile& profile) { return profile.alternating_roles ? "joined" : "as it is"; });
  row("user after a tool's result", [](const ServerProfile& profile) { return yes(profile.user_after_result); });
  row("empty turn of the assistant", [](const ServerProfile& profile) { return yes(profile.empty_assistant); });
  row("thinking ends a turn", [](const ServerProfile& profile) { return yes(profile.thinking_last); });
  row("unsigned thinking goes back", [](const ServerProfile& profile) { return yes(profile.unsigned_thinking); });
  row("failed call without words", [](const ServerProfile& profile) { return yes(profile.mute_errors); });
  row("combinators at a schema's top", [](const ServerProfile& profile) { return yes(profile.schema_combinators); });
  row("schemas must have `properties`", [](const ServerProfile& profile) { return yes(profile.schema_properties); });
  row("property names", [](const ServerProfile& profile) { return words(profile.property_names); });
  row("the conversation ends with the assistant",
      [](const ServerProfile& profile) { return yes(profile.assistant_last); });
  row("tools", [](const ServerProfile& profile) { return number(profile.most_tools); });
  row("stop sequences", [](const ServerProfile& profile) { return number(profile.most_stops); });
  row("images (by their bytes)", [](const ServerProfile& profile) { return types(profile.images); });
  row("audio", [](const ServerProfile& profile) { return types(profile.audio); });
  row("files", [](const ServerProfile& profile) { return types(profile.files); });
  return out;
}

}  // namespace

TEST_CASE("profile: the table in docs/providers.md is what the data say") {
  const std::string path = AIW_SOURCE_DIR "/docs/providers.md";
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  const std::string begin = "<!-- profile: begin -->\n", end = "<!-- profile: end -->";
  const auto from = text.find(begin), to = text.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to > from);
  const std::string expected = table();
  if (std::getenv("AIW_WRITE_DOCS") != nullptr) {
    text.replace(from + begin.size(), to - from - begin.size(), expected);
    std::ofstream(path) << text;
    return;
  }
  CHECK(text.substr(from + begin.size(), to - from - begin.size()) == expected);
}
