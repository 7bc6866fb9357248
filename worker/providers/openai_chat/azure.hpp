// Addresses of Azure OpenAI, where OpenAI's own APIs are: those that name a deployment, and the v1 API's, which do not.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/provider.hpp"

namespace aiw::openai_chat {

// The address of `operation` ("chat/completions", "responses", "models") for a target whose base URL is the resource
// (https://NAME.openai.azure.com), or already says where the API begins: one that ends in /openai, /openai/v1,
// /openai/deployments/NAME or /models (Azure AI's model inference) is kept as it is.
std::string azure_url(const Target& target, std::string_view operation);

}  // namespace aiw::openai_chat
