#include "worker/providers/provider_defaults.hpp"

#include <algorithm>
#include <array>

namespace aiw {
namespace {

// Base URLs as the providers' API references give them.
constexpr std::array<ProviderDefaults, 19> kDefaults = {{
    {"openai", Api::openai_chat, "https://api.openai.com/v1", "OPENAI_API_KEY"},
    {"anthropic", Api::anthropic_messages, "https://api.anthropic.com", "ANTHROPIC_API_KEY"},
    {"openrouter", Api::openai_chat, "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", true},
    {"deepseek", Api::openai_chat, "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"},
    {"groq", Api::openai_chat, "https://api.groq.com/openai/v1", "GROQ_API_KEY"},
    {"mistral", Api::openai_chat, "https://api.mistral.ai/v1", "MISTRAL_API_KEY"},
    {"xai", Api::openai_chat, "https://api.x.ai/v1", "XAI_API_KEY"},
    {"cerebras", Api::openai_chat, "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"},
    {"together", Api::openai_chat, "https://api.together.xyz/v1", "TOGETHER_API_KEY", true},
    {"fireworks", Api::openai_chat, "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", true},
    {"perplexity", Api::openai_chat, "https://api.perplexity.ai", "PERPLEXITY_API_KEY"},
    {"moonshot", Api::openai_chat, "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"},
    {"zai", Api::openai_chat, "https://api.z.ai/api/paas/v4", "ZAI_API_KEY"},
    {"huggingface", Api::openai_chat, "https://router.huggingface.co/v1", "HF_TOKEN", true},
    {"ollama", Api::openai_chat, "http://localhost:11434/v1", "", true},
    {"vllm", Api::openai_chat, "http://localhost:8000/v1", "", true},
    {"llamacpp", Api::openai_chat, "http://localhost:8080/v1", "", true},
    {"lmstudio", Api::openai_chat, "http://localhost:1234/v1", "", true},
    {"mock", Api::mock, "", ""},
}};

}  // namespace

std::span<const ProviderDefaults> provider_defaults() { return kDefaults; }

const ProviderDefaults* find_provider_defaults(std::string_view id) {
  const auto* found = std::ranges::find(kDefaults, id, &ProviderDefaults::id);
  return found == kDefaults.end() ? nullptr : found;
}

}  // namespace aiw
