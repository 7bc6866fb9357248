#include "worker/providers/profile/server_profile.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "protocol/ascii.hpp"
#include "worker/base/crypto.hpp"
#include "worker/providers/anthropic_messages/model.hpp"
#include "worker/providers/profile/state_maker.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw {
namespace {

using Charset = WordRule::Charset;

// docs.claude.com, "Vision"; platform.openai.com, "Images and vision"; Bedrock's ImageBlock.
constexpr auto kUsualImages = std::to_array<std::string_view>({"image/png", "image/jpeg", "image/gif", "image/webp"});
// ai.google.dev, "Image understanding".
constexpr auto kGeminiImages =
    std::to_array<std::string_view>({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"});

// OpenAI-compatible servers that nobody here knows: what hosted ones and gateways have in common.
constexpr ServerProfile kCompatible = {.empty_assistant = false,
                                       .mute_errors = false,
                                       .schema_combinators = false,
                                       .schema_properties = true,
                                       .image_types = kUsualImages};

consteval ServerProfile openai() {
  ServerProfile profile = kCompatible;
  profile.call_ids = {.most = 40};  // "string too long. Expected a string with maximum length 40"
  profile.most_tools = 128;         // API reference, "tools"
  return profile;
}
constexpr ServerProfile kOpenAi = openai();

consteval ServerProfile responses() {
  ServerProfile profile = kCompatible;
  profile.call_ids = {.most = 64};
  profile.most_tools = 128;
  return profile;
}
constexpr ServerProfile kResponses = responses();

// docs.mistral.ai, "Function calling"; error 3280 and 3230 of its API.
consteval ServerProfile mistral() {
  ServerProfile profile = kCompatible;
  profile.call_ids = {.charset = Charset::alphanumeric, .exact = 9};
  profile.user_after_result = false;
  return profile;
}
constexpr ServerProfile kMistral = mistral();

// Servers of open models: a model's chat template has the last word. Those of Qwen and Gemma take one system message,
// first, and roles that alternate. Images are read by what the server has.
constexpr ServerProfile kTemplates = {.one_system = true,
                                      .alternating_roles = true,
                                      .empty_assistant = false,
                                      .mute_errors = false,
                                      .schema_properties = true};

// docs.claude.com, "Tool use", and errors of the API.
constexpr ServerProfile kAnthropic = {.call_ids = {.charset = Charset::word},
                                      .called_names = {.charset = Charset::word, .most = 128},
                                      .thinking_last = false,
                                      .mute_errors = false,
                                      .schema_combinators = false,
                                      .image_types = kUsualImages};

// ToolUseBlock and ToolSpecification of Bedrock's service model.
constexpr ServerProfile kConverse = {.call_ids = {.charset = Charset::word, .most = 64},
                                     .called_names = {.charset = Charset::word, .most = 64},
                                     .thinking_last = false,
                                     .mute_errors = false,
                                     .schema_combinators = false,
                                     .image_types = kUsualImages};

// FunctionDeclaration of the API reference. Its schemas are written anew.
constexpr ServerProfile kGemini = {
    .called_names = {.charset = Charset::dotted, .most = 64}, .mute_errors = false, .image_types = kGeminiImages};

// docs.cohere.com, "Tool use".
constexpr ServerProfile kCohere = {
    .mute_errors = false, .schema_combinators = false, .schema_properties = true, .image_types = kUsualImages};

constexpr ServerProfile kOllama = {.mute_errors = false};

struct KnownServer {
  std::string_view id;
  const ServerProfile* profile;
};
constexpr auto kChatServers = std::to_array<KnownServer>({{"openai", &kOpenAi},
                                                          {"github-copilot", &kOpenAi},
                                                          {"github-models", &kOpenAi},
                                                          {"mistral", &kMistral},
                                                          {"ollama", &kTemplates},
                                                          {"ollama-cloud", &kTemplates},
                                                          {"vllm", &kTemplates},
                                                          {"llamacpp", &kTemplates},
                                                          {"lmstudio", &kTemplates}});

// Its own models, which gateways ask it for.
bool is_openai_model(std::string_view model) {
  const auto name = model.substr(model.rfind('/') + 1);  // npos + 1 is 0
  const auto begins = [&](std::string_view family) { return name.starts_with(family); };
  return !begins("gpt-oss") && (begins("gpt-") || begins("chatgpt-") || begins("o1") || begins("o3") || begins("o4-"));
}

ServerProfile chat_profile(const Target& target) {
  const auto id = target.known == nullptr ? std::string_view() : target.known->id;
  const auto* found = std::ranges::find(kChatServers, id, &KnownServer::id);
  if (found != kChatServers.end()) return *found->profile;
  return is_openai_model(target.model) ? kOpenAi : kCompatible;
}

// Structured outputs came to Claude on Vertex AI with the models of 4.6 (cloud.google.com, "Claude structured
// outputs").
ServerProfile vertex_claude_profile(const Target& target) {
  ServerProfile profile = kAnthropic;
  profile.structured_output = claude_version(target.model).value_or(0) >= 406;
  return profile;
}

ServerProfile anthropic_profile(const Target& target) {
  ServerProfile profile = kAnthropic;
  // Servers that speak this API for other models want their thinking back, which few of them sign.
  profile.unsigned_thinking = state_maker(target) != kClaude;
  return profile;
}

bool is_in(Charset charset, char c, bool first) {
  const bool letter = is_ascii_letter(c);
  switch (charset) {
    case Charset::any: return true;
    case Charset::word: return is_ascii_alnum(c) || c == '_' || c == '-';
    case Charset::alphanumeric: return is_ascii_alnum(c);
    case Charset::identifier: return letter || c == '_' || (!first && is_ascii_digit(c));
    case Charset::dotted:
      return letter || c == '_' || (!first && (is_ascii_digit(c) || c == '-' || c == '.' || c == ':'));
  }
  return false;
}

// Letters and digits that stand for a text.
std::string digest_of(std::string_view text, std::size_t length) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto digest = sha256(text);
  std::string out;
  for (const char byte : digest ? bytes_of(*digest) : text) {
    if (out.size() == length) break;
    out += kDigits[static_cast<unsigned char>(byte) % kDigits.size()];
  }
  out.resize(length, '0');
  return out;
}

}  // namespace

ServerProfile server_profile(const Target& target) {
  switch (target.api) {
    case Api::openai_chat: return chat_profile(target);
    case Api::azure_openai: return kOpenAi;
    case Api::openai_responses:
    case Api::azure_openai_responses: return kResponses;
    case Api::anthropic_messages: return anthropic_profile(target);
    case Api::bedrock_invoke: return kAnthropic;
    case Api::vertex_anthropic: return vertex_claude_profile(target);
    case Api::vertex:
    case Api::gemini_generate: return kGemini;
    case Api::bedrock_converse: return kConverse;
    case Api::cohere_chat: return kCohere;
    case Api::ollama_chat:
    case Api::ollama_generate: return kOllama;
    case Api::openai_completions:
    case Api::mock: return {};
  }
  return {};
}

bool fits(const WordRule& rule, std::string_view text) {
  if (rule.exact > 0 && text.size() != rule.exact) return false;
  if (rule.most > 0 && text.size() > rule.most) return false;
  if (rule.charset == Charset::any) return true;
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_in(rule.charset, text[i], i == 0)) return false;
  }
  return true;
}

std::string fitted(const WordRule& rule, std::string_view text) {
  if (fits(rule, text)) return std::string(text);
  if (rule.exact > 0) return digest_of(text, rule.exact);
  // What can be kept of it, and what tells it from others that begin so.
  constexpr std::size_t kDigest = 10;
  constexpr std::size_t kLongest = 256;
  const std::size_t most = rule.most > 0 ? rule.most : kLongest;
  std::string out(text.substr(0, most - kDigest - 1));
  for (char& c : out) {
    if (!is_in(rule.charset, c, false) || static_cast<unsigned char>(c) >= 0x80) c = '_';
  }
  if (out.empty() || !is_in(rule.charset, out.front(), true)) out.insert(0, 1, '_');
  out.resize(std::min(out.size(), most - kDigest - 1));
  return out + '_' + digest_of(text, kDigest);
}

}  // namespace aiw
