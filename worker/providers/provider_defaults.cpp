#include "worker/providers/provider_defaults.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "protocol/ascii.hpp"

namespace aiw {
namespace {

// Quirks from each provider's API reference, or from its servers' responses.
constexpr ChatQuirks kOpenAi = {.max_tokens = "max_completion_tokens", .replay = ReasoningReplay::none, .top_k = false};
constexpr ChatQuirks kGitHub = {.replay = ReasoningReplay::none, .top_k = false};
// Gateways to many providers. They translate options that OpenAI's API does not have.
constexpr ChatQuirks kGateway = {
    .reasoning = ReasoningOption::object, .cache_marks = true, .tool_media = true, .video_url = true};
// In thinking mode a turn with tool calls must have reasoning_content, which may be empty (400 otherwise).
constexpr ChatQuirks kDeepSeek = {.reasoning = ReasoningOption::thinking_off,
                                  .reasoning_member = "reasoning_content",
                                  .plain_model = "deepseek-chat",
                                  .missing_reasoning = "",
                                  .parallel_tool_calls = false,
                                  .json_schema = false,
                                  .top_k = false,
                                  .text_parts = false};
constexpr ChatQuirks kGroq = {
    .max_tokens = "max_completion_tokens", .reasoning_member = "reasoning", .top_k = false, .logprobs = false};
// Refuses unknown members (422).
constexpr ChatQuirks kMistral = {.seed = "random_seed",
                                 .required_choice = "any",
                                 .replay = ReasoningReplay::parts,
                                 .stream_options = false,
                                 .top_k = false,
                                 .logprobs = false,
                                 .document_url = true};
constexpr ChatQuirks kXai = {.top_k = false};
constexpr ChatQuirks kCerebras = {
    .max_tokens = "max_completion_tokens", .reasoning_member = "reasoning", .top_k = false, .penalties = false};
constexpr ChatQuirks kPerplexity = {.seed = "",
                                    .replay = ReasoningReplay::none,
                                    .stream_options = false,
                                    .tools = false,
                                    .json_object = false,
                                    .stop = false,
                                    .logprobs = false};
// Needs reasoning_content as well, but refuses an empty one.
constexpr ChatQuirks kMoonshot = {.reasoning = ReasoningOption::thinking,
                                  .reasoning_member = "reasoning_content",
                                  .thinking_limits = true,
                                  .missing_reasoning = " ",
                                  .json_schema = false,
                                  .top_k = false};
constexpr ChatQuirks kZai = {.reasoning = ReasoningOption::thinking_off,
                             .parallel_tool_calls = false,
                             .json_schema = false,
                             .top_k = false,
                             .penalties = false,
                             .logprobs = false};
constexpr ChatQuirks kAlibaba = {.reasoning = ReasoningOption::enable_thinking};
// Claude and other models behind one address. Unknown members are passed on to them and refused there.
constexpr ChatQuirks kDatabricks = {.seed = "",
                                    .reasoning = ReasoningOption::thinking_budget,
                                    .replay = ReasoningReplay::none,
                                    .stream_options = false,
                                    .parallel_tool_calls = false,
                                    .penalties = false,
                                    .cache_marks = true};
constexpr ChatQuirks kSnowflake = {
    .max_tokens = "max_completion_tokens", .reasoning = ReasoningOption::object, .top_k = false, .cache_marks = true};
constexpr ChatQuirks kLmStudio = {.json_object = false};

// Base URLs from the providers' API references.
constexpr auto kDefaults = std::to_array<ProviderDefaults>({
    {"openai", Api::openai_chat, "https://api.openai.com/v1", "OPENAI_API_KEY", false, &kOpenAi},
    {"anthropic", Api::anthropic_messages, "https://api.anthropic.com", "ANTHROPIC_API_KEY"},
    {"openrouter", Api::openai_chat, "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", true, &kGateway},
    {"vercel", Api::openai_chat, "https://ai-gateway.vercel.sh/v1", "AI_GATEWAY_API_KEY", true, &kGateway},
    {"deepseek", Api::openai_chat, "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", false, &kDeepSeek},
    {"groq", Api::openai_chat, "https://api.groq.com/openai/v1", "GROQ_API_KEY", false, &kGroq},
    {"mistral", Api::openai_chat, "https://api.mistral.ai/v1", "MISTRAL_API_KEY", false, &kMistral},
    {"xai", Api::openai_chat, "https://api.x.ai/v1", "XAI_API_KEY", false, &kXai},
    {"cerebras", Api::openai_chat, "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", false, &kCerebras},
    {"together", Api::openai_chat, "https://api.together.xyz/v1", "TOGETHER_API_KEY", true},
    {"fireworks", Api::openai_chat, "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", true},
    {"perplexity", Api::openai_chat, "https://api.perplexity.ai", "PERPLEXITY_API_KEY", false, &kPerplexity},
    {"moonshot", Api::openai_chat, "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", false, &kMoonshot},
    {"zai", Api::openai_chat, "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", false, &kZai},
    {"alibaba", Api::openai_chat, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY", false,
     &kAlibaba},
    {"huggingface", Api::openai_chat, "https://router.huggingface.co/v1", "HF_TOKEN", true},
    {"github-copilot", Api::openai_chat, "https://api.githubcopilot.com", "GITHUB_COPILOT_TOKEN", true, &kGitHub},
    {"github-models", Api::openai_chat, "https://models.github.ai/inference", "GITHUB_TOKEN", true, &kGitHub},
    {"databricks", Api::openai_chat, "", "DATABRICKS_TOKEN", true, &kDatabricks, "/serving-endpoints"},
    {"snowflake", Api::openai_chat, "", "SNOWFLAKE_TOKEN", true, &kSnowflake, "/api/v2/cortex/v1"},
    {"openai-responses", Api::openai_responses, "https://api.openai.com/v1", "OPENAI_API_KEY"},
    {"google", Api::gemini_generate, "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY"},
    {"gemini", Api::gemini_generate, "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY"},
    {"vertex", Api::vertex, "https://{region}aiplatform.googleapis.com", "GOOGLE_VERTEX_ACCESS_TOKEN"},
    {"google-vertex", Api::vertex, "https://{region}aiplatform.googleapis.com", "GOOGLE_VERTEX_ACCESS_TOKEN"},
    {"azure", Api::azure_openai, "", "AZURE_OPENAI_API_KEY"},
    {"azure-openai", Api::azure_openai, "", "AZURE_OPENAI_API_KEY"},
    {"bedrock", Api::bedrock_converse, "https://bedrock-runtime.{region}.amazonaws.com", "AWS_BEARER_TOKEN_BEDROCK"},
    {"amazon-bedrock", Api::bedrock_converse, "https://bedrock-runtime.{region}.amazonaws.com",
     "AWS_BEARER_TOKEN_BEDROCK"},
    {"cohere", Api::cohere_chat, "https://api.cohere.com", "COHERE_API_KEY"},
    {"ollama", Api::openai_chat, "http://localhost:11434/v1", "", true},
    {"ollama-cloud", Api::openai_chat, "https://ollama.com/v1", "OLLAMA_API_KEY", true},
    {"vllm", Api::openai_chat, "http://localhost:8000/v1", "", true},
    {"llamacpp", Api::openai_chat, "http://localhost:8080/v1", "", true},
    {"lmstudio", Api::openai_chat, "http://localhost:1234/v1", "", true, &kLmStudio},
    {"mock", Api::mock, "", ""},
});

// More environment variables of providers, besides their key_variable.
struct MoreVariables {
  Api api;
  std::string_view variable;
};
constexpr std::array<MoreVariables, 4> kMoreVariables = {{
    {Api::bedrock_converse, "AWS_ACCESS_KEY_ID"},
    {Api::bedrock_converse, "AWS_SECRET_ACCESS_KEY"},
    {Api::bedrock_converse, "AWS_SESSION_TOKEN"},
    {Api::gemini_generate, "GOOGLE_API_KEY"},
}};

constexpr std::string_view kRegion = "{region}";

bool is_region(std::string_view text) {
  return text.size() <= 40 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

// Returns the host part of a base URL in this table.
std::string_view host_of(std::string_view base_url) {
  const std::size_t scheme = base_url.find("://");
  if (scheme == std::string_view::npos) return {};
  const auto rest = base_url.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of(":/"));
}

// Returns the name in lower case with '_' in place of all other characters and one '_' at the end.
std::string plain_name(std::string_view name) {
  std::string plain = ascii_lower(name) + '_';
  std::ranges::replace_if(plain, [](char c) { return !is_ascii_alnum(c); }, '_');
  return plain;
}

// True if the name of a file begins with the provider's id, the first word of its id, or one of its variables.
bool is_named_after(const ProviderDefaults& provider, std::string_view name) {
  const std::string plain = plain_name(name);
  const auto begins_with = [&](std::string_view word) { return !word.empty() && plain.starts_with(plain_name(word)); };
  return begins_with(provider.id.substr(0, provider.id.find('-'))) || begins_with(provider.key_variable) ||
         std::ranges::any_of(kMoreVariables, [&](const MoreVariables& more) {
           return more.api == provider.api && begins_with(more.variable);
         });
}

}  // namespace

std::span<const ProviderDefaults> provider_defaults() { return kDefaults; }

const ProviderDefaults* find_provider_defaults(std::string_view id) {
  const auto* found = std::ranges::find(kDefaults, id, &ProviderDefaults::id);
  return found == kDefaults.end() ? nullptr : found;
}

bool is_provider_host(const ProviderDefaults& provider, std::string_view host) {
  const auto pattern = host_of(provider.base_url);
  if (pattern.empty()) return false;
  const std::size_t at = pattern.find(kRegion);
  if (at == std::string_view::npos) return host == pattern;
  const auto before = pattern.substr(0, at), after = pattern.substr(at + kRegion.size());
  return host.size() >= before.size() + after.size() && host.starts_with(before) && host.ends_with(after) &&
         is_region(host.substr(before.size(), host.size() - before.size() - after.size()));
}

const ProviderDefaults* find_provider_by_host(std::string_view host) {
  const auto* found =
      std::ranges::find_if(kDefaults, [&](const ProviderDefaults& known) { return is_provider_host(known, host); });
  const bool is_local = host == "localhost";  // does not identify the server
  return found == kDefaults.end() || is_local ? nullptr : found;
}

const ProviderDefaults* find_provider_by_variable(std::string_view variable) {
  if (variable.empty()) return nullptr;
  const auto* found = std::ranges::find(kDefaults, variable, &ProviderDefaults::key_variable);
  if (found != kDefaults.end()) return found;
  const auto* more = std::ranges::find(kMoreVariables, variable, &MoreVariables::variable);
  return more == kMoreVariables.end() ? nullptr : std::ranges::find(kDefaults, more->api, &ProviderDefaults::api);
}

bool is_provider_file(const ProviderDefaults& provider, std::string_view path) {
  for (int level = 0; level < 2 && !path.empty();) {
    const auto name = path.substr(path.rfind('/') + 1);
    path.remove_suffix(std::min(name.size() + 1, path.size()));
    if (name.empty() || name == ".") continue;
    const auto names = [&](const ProviderDefaults& known) { return is_named_after(known, name); };
    if (std::ranges::any_of(kDefaults, names)) return names(provider);
    ++level;
  }
  return false;
}

// Vertex AI has hosts such as "us-east5-aiplatform…", and "aiplatform…" for the global location.
std::string expand_base_url(const ProviderDefaults& provider, std::string_view region) {
  std::string url(provider.base_url);
  const std::size_t at = url.find(kRegion);
  if (at == std::string::npos) return url;
  std::string name(region);
  if (provider.api == Api::vertex) name = region.empty() || region == "global" ? "" : name + "-";
  return url.replace(at, kRegion.size(), name);
}

const ChatQuirks& chat_quirks(Api api, const ProviderDefaults* known) {
  static constexpr ChatQuirks kUsual;
  if (api == Api::azure_openai) return kOpenAi;
  return known == nullptr || known->chat == nullptr ? kUsual : *known->chat;
}

}  // namespace aiw
