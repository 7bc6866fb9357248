#include "protocol/config.hpp"

#include <algorithm>
#include <array>

namespace aiw {
namespace {

constexpr std::array<std::pair<Api, std::string_view>, 13> kApis = {{
    {Api::openai_chat, "openai-chat"},
    {Api::openai_responses, "openai-responses"},
    {Api::openai_completions, "openai-completions"},
    {Api::anthropic_messages, "anthropic-messages"},
    {Api::gemini_generate, "gemini-generate"},
    {Api::vertex, "vertex"},
    {Api::azure_openai, "azure-openai"},
    {Api::bedrock_converse, "bedrock-converse"},
    {Api::bedrock_invoke, "bedrock-invoke"},
    {Api::cohere_chat, "cohere-chat"},
    {Api::ollama_chat, "ollama-chat"},
    {Api::ollama_generate, "ollama-generate"},
    {Api::mock, "mock"},
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

}  // namespace aiw
