#include "protocol/config.hpp"

#include <algorithm>
#include <array>

namespace aiw {
namespace {

constexpr std::array<std::pair<Api, std::string_view>, 15> kApis = {{
    {Api::openai_chat, "openai-chat"},
    {Api::openai_responses, "openai-responses"},
    {Api::openai_completions, "openai-completions"},
    {Api::anthropic_messages, "anthropic-messages"},
    {Api::gemini_generate, "gemini-generate"},
    {Api::vertex, "vertex"},
    {Api::vertex_anthropic, "vertex-anthropic"},
    {Api::azure_openai, "azure-openai"},
    {Api::bedrock_converse, "bedrock-converse"},
    {Api::bedrock_invoke, "bedrock-invoke"},
    {Api::cohere_chat, "cohere-chat"},
    {Api::ollama_chat, "ollama-chat"},
    {Api::ollama_generate, "ollama-generate"},
    {Api::azure_openai_responses, "azure-openai-responses"},
    {Api::mock, "mock"},
}};

constexpr std::array<std::pair<Auth, std::string_view>, 6> kAuths = {{
    {Auth::none, "none"},
    {Auth::bearer, "bearer"},
    {Auth::api_key, "api-key"},
    {Auth::x_api_key, "x-api-key"},
    {Auth::x_goog_api_key, "x-goog-api-key"},
    {Auth::sigv4, "sigv4"},
}};

}  // namespace

std::string_view to_string(Api api) {
  return std::ranges::find(kApis, api, &std::pair<Api, std::string_view>::first)->second;
}

std::optional<Api> api_from_name(std::string_view name) {
  const auto* found = std::ranges::find(kApis, name, &std::pair<Api, std::string_view>::second);
  if (found == kApis.end()) return std::nullopt;
  return found->first;
}

std::optional<double> cost_of(const Usage& usage, const Price& price) {
  if (!usage.input_tokens || !usage.output_tokens) return std::nullopt;
  const std::int64_t input = std::max<std::int64_t>(*usage.input_tokens, 0);
  const std::int64_t cached = std::clamp<std::int64_t>(usage.cached_input_tokens.value_or(0), 0, input);
  const std::int64_t written = std::clamp<std::int64_t>(usage.cache_write_tokens.value_or(0), 0, input - cached);
  const auto part = [](std::int64_t tokens, double rate) { return static_cast<double>(tokens) * rate / 1e6; };
  return part(input - cached - written, price.input) + part(cached, price.cached_input.value_or(price.input)) +
         part(written, price.cache_write.value_or(price.input)) +
         part(std::max<std::int64_t>(*usage.output_tokens, 0), price.output);
}

std::optional<Auth> auth_from_name(std::string_view name) {
  const auto* found = std::ranges::find(kAuths, name, &std::pair<Auth, std::string_view>::second);
  if (found == kAuths.end()) return std::nullopt;
  return found->first;
}

}  // namespace aiw
