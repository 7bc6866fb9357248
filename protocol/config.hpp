// The configuration a request carries: which providers there are, their models, and where their keys come from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiw {

// The wire APIs the worker can speak. Names on the wire are in api_names().
enum class Api {
  openai_chat,
  openai_responses,
  openai_completions,
  anthropic_messages,
  gemini_generate,
  vertex,
  azure_openai,
  bedrock_converse,
  bedrock_invoke,
  cohere_chat,
  ollama_chat,
  ollama_generate,
  mock,
};

std::string_view to_string(Api api);
std::optional<Api> api_from_name(std::string_view name);

struct ModelConfig {
  std::string id;
  std::string name;
  std::optional<std::int64_t> max_tokens;
  bool is_default = false;
  std::string script;  // mock only: a JSON array of steps; empty: none (docs/mock.md)
};

struct ProviderConfig {
  std::string id;
  std::string name;
  std::optional<Api> type;  // absent: by id, else openai-chat
  std::string base_url;     // empty: the provider's own
  std::string api_key;      // a literal, ${ENV_NAME}, ${file:PATH} or empty; resolved when a request is sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<ModelConfig> models;
};

struct ModelAlias {
  std::string name;
  std::string upstream;  // "provider/model"
  bool enabled = true;
  std::vector<std::string> allowed_keys;  // "*": everyone
};

struct Settings {
  std::optional<int> max_steps;  // 1..50
  std::string default_provider_id;
  std::string default_model_id;
};

struct Config {
  std::vector<ProviderConfig> providers;
  Settings settings;
  std::vector<ModelAlias> aliases;
};

}  // namespace aiw
