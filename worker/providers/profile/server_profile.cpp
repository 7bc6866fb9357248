#include "worker/providers/profile/server_profile.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "protocol/ascii.hpp"
#include "worker/providers/anthropic_messages/model.hpp"
#include "worker/providers/codec/openai_models.hpp"
#include "worker/providers/profile/state_maker.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw {
namespace {

using Charset = WordRule::Charset;

using Types = std::span<const std::string_view>;

// docs.claude.com, "Vision"; platform.openai.com, "Images and vision"; Bedrock's ImageBlock.
constexpr auto kUsualImages = std::to_array<std::string_view>({"image/png", "image/jpeg", "image/gif", "image/webp"});
// docs.x.ai, "Image understanding".
constexpr auto kXaiImages = std::to_array<std::string_view>({"image/png", "image/jpeg"});
// ai.google.dev, "Image understanding" and "Document understanding".
constexpr auto kGeminiImages =
    std::to_array<std::string_view>({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"});
constexpr auto kGeminiFiles = std::to_array<std::string_view>(
    {"application/pdf", "text/", "application/json", "application/rtf", "audio/", "video/"});
constexpr auto kGeminiAudio = std::to_array<std::string_view>({"audio/", "video/"});
// platform.openai.com, "Audio" and "PDF files".
constexpr auto kOpenAiAudio =
    std::to_array<std::string_view>({"audio/wav", "audio/x-wav", "audio/wave", "audio/mpeg", "audio/mp3"});
// docs.claude.com, "PDF support" and text documents.
constexpr auto kDocuments =
    std::to_array<std::string_view>({"application/pdf", "text/", "application/json", "application/xml"});
constexpr auto kPdf = std::to_array<std::string_view>({"application/pdf"});

constexpr MediaRule only(Types types) { return {.any = false, .types = types}; }
constexpr MediaRule kNone = {.any = false, .links = false};
constexpr std::size_t kOpenAiStops = 4;

// Unknown OpenAI-compatible servers: the common subset of hosted servers and gateways.
constexpr ServerProfile kCompatible = {.unique_call_ids = true,
                                       .empty_assistant = false,
                                       .mute_errors = false,
                                       .schema_combinators = false,
                                       .schema_properties = true,
                                       .images = only(kUsualImages)};

// Returns a copy of a profile with some members changed.
template <typename Change>
consteval ServerProfile changed(ServerProfile profile, Change change) {
  change(profile);
  return profile;
}

constexpr ServerProfile kOpenAi = changed(kCompatible, [](ServerProfile& it) {
  it.call_ids = {.most = 40};  // "string too long. Expected a string with maximum length 40"
  it.most_tools = 128;         // API reference, "tools"
  it.most_stops = kOpenAiStops;
  it.schema_items = true;  // "array schema missing items"
  it.audio = only(kOpenAiAudio);
  it.files = only(kPdf);
});

constexpr ServerProfile kResponses = changed(kCompatible, [](ServerProfile& it) {
  it.empty_assistant = true;  // its items are not messages
  it.thinking_last = false;   // "Item 'rs_…' of type 'reasoning' was provided without its required following item"
  it.call_ids = {.most = 64};
  it.most_tools = 128;
  it.schema_items = true;
});

// docs.mistral.ai, "Function calling"; errors 3230, 3280 and 3310 of its API.
constexpr ServerProfile kMistral = changed(kCompatible, [](ServerProfile& it) {
  it.call_ids = {.charset = Charset::alphanumeric, .exact = 9};
  it.one_system = true;
  it.user_after_result = false;
  it.assistant_last = false;
});

// From their API references. Each refuses parts of other kinds.
constexpr ServerProfile kGroq = changed(kCompatible, [](ServerProfile& it) {
  it.most_tools = 128;
  it.most_stops = 4;
  it.audio = it.files = kNone;
});
constexpr ServerProfile kCerebras = changed(kCompatible, [](ServerProfile& it) {
  it.most_stops = 4;
  it.audio = it.files = kNone;
});
constexpr ServerProfile kDeepSeek = changed(kCompatible, [](ServerProfile& it) {
  it.most_tools = 128;
  it.images = it.audio = it.files = kNone;
});
constexpr ServerProfile kMoonshot = changed(kCompatible, [](ServerProfile& it) {
  it.blank_user = false;
  it.schema_required = true;
  it.schema_typed = true;  // "type is not defined", "type should be defined in anyOf items"
  it.tool_names = {.charset = Charset::letter_first, .most = 64};
  it.most_stops = 5;
  it.images.links = false;
  it.audio = it.files = kNone;
});
constexpr ServerProfile kXai = changed(kCompatible, [](ServerProfile& it) {
  it.blank_user = false;
  it.most_tools = 128;
  it.most_stops = 4;
  it.images = only(kXaiImages);
  it.audio = kNone;
});
constexpr ServerProfile kTogether = changed(kCompatible, [](ServerProfile& it) { it.audio = it.files = kNone; });

// Servers of open models: the model's chat template decides. Templates of Qwen and Gemma accept one system message, as
// the first, and alternating roles. The image formats depend on the server's own decoder.
constexpr ServerProfile kTemplates = {.one_system = true,
                                      .alternating_roles = true,
                                      .empty_assistant = false,
                                      .mute_errors = false,
                                      .schema_properties = true,
                                      .files = kNone};

// docs.claude.com, "Tool use", and errors of the API.
constexpr ServerProfile kAnthropic = {.call_ids = {.charset = Charset::word},
                                      .unique_call_ids = true,
                                      .tool_names = {.charset = Charset::word, .most = 128},
                                      .blank_user = false,
                                      .mute_errors = false,
                                      .thinking_last = false,
                                      .schema_combinators = false,
                                      .property_names = {.charset = Charset::word_or_dot, .most = 64},
                                      .blank_stops = false,
                                      .images = only(kUsualImages),
                                      .audio = kNone,
                                      .files = only(kDocuments)};

// ToolUseBlock and ToolSpecification of Bedrock's service model.
constexpr ServerProfile kConverse = {.call_ids = {.charset = Charset::word, .most = 64},
                                     .unique_call_ids = true,
                                     .blank_user = false,
                                     .mute_errors = false,
                                     .thinking_last = false,
                                     .schema_combinators = false,
                                     .images = only(kUsualImages)};

// FunctionDeclaration of the API reference. The builder rewrites its schemas.
constexpr ServerProfile kGemini = {.tool_names = {.charset = Charset::dotted, .most = 64},
                                   .mute_errors = false,
                                   .schema_object = false,
                                   .most_stops = 5,
                                   .images = only(kGeminiImages),
                                   .audio = only(kGeminiAudio),
                                   .files = only(kGeminiFiles)};

// docs.cohere.com, "Tool use" and "Chat".
constexpr ServerProfile kCohere = {.tool_names = {.charset = Charset::letter_first, .most = 64},
                                   .empty_assistant = false,
                                   .blank_user = false,
                                   .mute_errors = false,
                                   .schema_combinators = false,
                                   .schema_properties = true,
                                   .most_stops = 5,
                                   .images = only(kUsualImages),
                                   .audio = kNone,
                                   .files = kNone};

constexpr ServerProfile kOllama = {.tool_names = {}, .mute_errors = false};

struct KnownServer {
  std::string_view id;
  const ServerProfile* profile;
};
constexpr auto kChatServers = std::to_array<KnownServer>({{"openai", &kOpenAi},
                                                          {"github-copilot", &kOpenAi},
                                                          {"github-models", &kOpenAi},
                                                          {"mistral", &kMistral},
                                                          {"groq", &kGroq},
                                                          {"cerebras", &kCerebras},
                                                          {"deepseek", &kDeepSeek},
                                                          {"moonshot", &kMoonshot},
                                                          {"xai", &kXai},
                                                          {"together", &kTogether},
                                                          {"ollama", &kTemplates},
                                                          {"ollama-cloud", &kTemplates},
                                                          {"vllm", &kTemplates},
                                                          {"llamacpp", &kTemplates},
                                                          {"lmstudio", &kTemplates}});

// True for Mistral's models, whose templates apply on any server.
bool is_mistral_model(std::string_view model) {
  const std::string name = ascii_lower(model);
  constexpr auto kFamilies =
      std::to_array<std::string_view>({"mistral", "ministral", "devstral", "magistral", "codestral", "pixtral"});
  return std::ranges::any_of(kFamilies, [&](std::string_view family) { return name.contains(family); });
}

ServerProfile chat_profile(const Target& target) {
  const auto id = target.known == nullptr ? std::string_view() : target.known->id;
  const auto* found = std::ranges::find(kChatServers, id, &KnownServer::id);
  const bool is_known = found != kChatServers.end();
  ServerProfile profile = is_known ? *found->profile : openai_model_rules(target.model).ours ? kOpenAi : kCompatible;
  if (profile.one_system && is_mistral_model(target.model)) profile.user_after_result = false;
  // A gateway passes the request on to Claude's API.
  if (!is_known && anthropic_messages::claude_version(target.model)) {
    profile.call_ids = kAnthropic.call_ids;
    profile.unique_call_ids = true;
  }
  return profile;
}

// "This model does not support assistant message prefill."
ServerProfile claude_profile(const Target& target, ServerProfile profile) {
  const int version = anthropic_messages::claude_version(target.model).value_or(0);
  profile.assistant_last = version < 406;
  return profile;
}

// Claude on Vertex AI has structured outputs from version 4.6 on (cloud.google.com, "Claude structured outputs").
ServerProfile vertex_claude_profile(const Target& target) {
  ServerProfile profile = claude_profile(target, kAnthropic);
  profile.structured_output = anthropic_messages::claude_version(target.model).value_or(0) >= 406;
  return profile;
}

// The Bedrock runtime does not fetch URLs.
ServerProfile invoke_profile(const Target& target) {
  ServerProfile profile = claude_profile(target, kAnthropic);
  profile.images.links = profile.files.links = false;
  return profile;
}

ServerProfile converse_profile(const Target& target) {
  ServerProfile profile = claude_profile(target, kConverse);
  if (anthropic_messages::claude_version(target.model)) profile.property_names = kAnthropic.property_names;
  return profile;
}

ServerProfile anthropic_profile(const Target& target) {
  ServerProfile profile = claude_profile(target, kAnthropic);
  // Servers of other models behind this API require their thinking back, which few of them sign.
  profile.unsigned_thinking = state_maker(target) != kClaude;
  return profile;
}

ServerProfile known_profile(const Target& target) {
  switch (target.api) {
    case Api::openai_chat: return chat_profile(target);
    case Api::azure_openai: return kOpenAi;
    case Api::openai_responses:
    case Api::azure_openai_responses: return kResponses;
    case Api::anthropic_messages: return anthropic_profile(target);
    case Api::bedrock_invoke: return invoke_profile(target);
    case Api::vertex_anthropic: return vertex_claude_profile(target);
    case Api::vertex:
    case Api::gemini_generate: return kGemini;
    case Api::bedrock_converse: return converse_profile(target);
    case Api::cohere_chat: return kCohere;
    case Api::ollama_chat:
    case Api::ollama_generate: return kOllama;
    case Api::openai_completions:
    case Api::mock: return {};
  }
  return {};
}

void set_if(bool& value, const std::optional<bool>& given) { value = given.value_or(value); }
void set_if(std::size_t& value, const std::optional<std::int64_t>& given) {
  if (given) value = static_cast<std::size_t>(*given);
}
// Accepts all media of a kind, or none.
void set_if(MediaRule& rule, const std::optional<bool>& given) {
  if (given) rule = *given ? MediaRule{} : kNone;
}

}  // namespace

ServerProfile server_profile(const Target& target) {
  ServerProfile profile = known_profile(target);
  const ServerQuirks& quirks = target.quirks;
  set_if(profile.one_system, quirks.one_system);
  set_if(profile.alternating_roles, quirks.alternating_roles);
  set_if(profile.user_after_result, quirks.user_after_result);
  set_if(profile.assistant_last, quirks.assistant_last);
  set_if(profile.unsigned_thinking, quirks.unsigned_thinking);
  set_if(profile.schema_combinators, quirks.schema_combinators);
  set_if(profile.call_ids.most, quirks.call_id_length);
  set_if(profile.most_tools, quirks.max_tools);
  set_if(profile.most_stops, quirks.max_stop_sequences);
  set_if(profile.images, quirks.images);
  set_if(profile.images.links, quirks.image_links);
  set_if(profile.audio, quirks.audio);
  set_if(profile.files, quirks.files);
  return profile;
}

ServerProfile server_profile(const StepInput& input) {
  return input.profile == nullptr ? server_profile(input.target) : *input.profile;
}

}  // namespace aiw
