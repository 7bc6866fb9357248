// Configuration carried by a request: providers, their models, and the sources of their keys.
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

// Maximum size of a key (by value or from a file), and of all headers of one provider together.
inline constexpr std::size_t kMaxKeyBytes = std::size_t{64} << 10;
// Maximum number of headers of a provider, a tool or an MCP server. Far above the limit of any server; each header
// costs a chat several copies.
inline constexpr std::size_t kMaxHeaders = 100;

// Wire APIs that the worker supports. Config names: see to_string() and api_from_name().
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
  vertex_anthropic,  // Claude on Vertex AI; `vertex` is changed to this for a Claude model name
  mock,
};

std::string_view to_string(Api api);
std::optional<Api> api_from_name(std::string_view name);

// Method by which a request sends its key.
enum class Auth {
  none,
  bearer,          // Authorization: Bearer
  api_key,         // api-key (Azure)
  x_api_key,       // x-api-key (Anthropic)
  x_goog_api_key,  // x-goog-api-key (Google)
  sigv4,           // signed with AWS Signature Version 4
};

std::optional<Auth> auth_from_name(std::string_view name);

// Price of one million tokens, in any currency. An absent rate equals the input rate.
struct Price {
  double input = 0;
  double output = 0;
  std::optional<double> cached_input;
  std::optional<double> cache_write;
};

// Returns the cost of the tokens; nullopt if the input or the output count is unknown. Contradictory counts (more
// cached than read) never make it negative.
std::optional<double> cost_of(const Usage& usage, const Price& price);

struct ModelConfig {
  std::string id;
  std::string name;
  std::optional<std::int64_t> max_tokens;
  bool is_default = false;
  std::optional<Price> price{};
  std::string script;  // mock only: a JSON array of steps (docs/mock.md); empty: none
};

// Overrides for the known behaviour of a server (docs/providers.md, "What a server accepts"). Absent: no override.
struct ServerQuirks {
  std::optional<bool> one_system, alternating_roles, user_after_result, assistant_last, unsigned_thinking;
  std::optional<bool> schema_combinators, images, image_links, audio, files;
  std::optional<std::int64_t> call_id_length, max_tools, max_stop_sequences;  // 0: no limit
};

struct ProviderConfig {
  std::string id;
  std::string name;
  std::optional<Api> type;  // absent: derived from the id, else openai-chat
  std::string base_url;     // empty: the provider's default URL
  // A secret is a literal, ${ENV_NAME}, ${file:PATH} or empty. It is resolved when a request is sent.
  std::string api_key;
  std::string credentials;                                      // Vertex: JSON key of a Google service account
  std::string access_key_id, secret_access_key, session_token;  // Bedrock: signs requests, instead of api_key
  std::optional<Auth> auth;                                     // absent: the default of the wire API
  std::string region;                                           // Bedrock, Vertex
  std::string project;                                          // Vertex
  std::string api_version;  // Azure: sent as api-version; empty: the v1 API, which has no version
  std::vector<std::pair<std::string, std::string>> headers;
  ServerQuirks quirks;
  std::vector<ModelConfig> models;
};

struct ModelAlias {
  std::string name;
  std::string upstream;  // "provider/model"
  bool enabled = true;
  std::vector<std::string> allowed_keys;  // caller key ids that may use the alias; "*": every caller
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
