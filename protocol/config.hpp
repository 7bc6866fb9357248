// The configuration a request carries: which providers there are, their models, and where their keys come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/usage.hpp"

namespace aiw {

// The longest key, by value or from a file; also what the headers of a provider may take together.
inline constexpr std::size_t kMaxKeyBytes = std::size_t{64} << 10;
// Of a provider, a tool or an MCP server: far more than any server takes, and each costs a chat several copies.
inline constexpr std::size_t kMaxHeaders = 100;

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
  azure_openai_responses,
  vertex_anthropic,  // Claude on Vertex AI; `vertex` becomes it by the model's name
  mock,
};

std::string_view to_string(Api api);
std::optional<Api> api_from_name(std::string_view name);

// How a request shows its key.
enum class Auth {
  none,
  bearer,          // Authorization: Bearer
  api_key,         // api-key (Azure)
  x_api_key,       // x-api-key (Anthropic)
  x_goog_api_key,  // x-goog-api-key (Google)
  sigv4,           // signed with AWS Signature Version 4
};

std::optional<Auth> auth_from_name(std::string_view name);

// For a million tokens, in any currency. A rate that is absent is the input's rate.
struct Price {
  double input = 0;
  double output = 0;
  std::optional<double> cached_input;
  std::optional<double> cache_write;
};

// What the tokens cost; nothing if the input's or the output's count is not known. Counts that contradict each other
// (more cached than read) never make it negative.
std::optional<double> cost_of(const Usage& usage, const Price& price);

struct ModelConfig {
  std::string id;
  std::string name;
  std::optional<std::int64_t> max_tokens;
  bool is_default = false;
  std::optional<Price> price{};
  std::string script;  // mock only: a JSON array of steps; empty: none (docs/mock.md)
};

// How a server differs from what is known of it (docs/providers.md, "What a server accepts"). Absent: as it is known.
struct ServerQuirks {
  std::optional<bool> one_system, alternating_roles, user_after_result, assistant_last, unsigned_thinking;
  std::optional<bool> schema_combinators, images, image_links, audio, files;
  std::optional<std::int64_t> call_id_length, max_tools, max_stop_sequences;  // 0: any
};

struct ProviderConfig {
  std::string id;
  std::string name;
  std::optional<Api> type;  // absent: by id, else openai-chat
  std::string base_url;     // empty: the provider's own
  // Secrets are a literal, ${ENV_NAME}, ${file:PATH} or empty; resolved when a request is sent.
  std::string api_key;
  std::string credentials;                                      // Vertex: a Google service account's JSON
  std::string access_key_id, secret_access_key, session_token;  // Bedrock: signs requests instead of api_key
  std::optional<Auth> auth;                                     // absent: the wire API's own way
  std::string region;                                           // Bedrock, Vertex
  std::string project;                                          // Vertex
  std::string api_version;  // Azure: sent as api-version; empty: the v1 API, which has none
  std::vector<std::pair<std::string, std::string>> headers;
  ServerQuirks quirks;
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
