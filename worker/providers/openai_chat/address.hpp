// URLs of the operations of OpenAI's APIs, at OpenAI, compatible providers and Azure.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/provider.hpp"

namespace aiw::openai_chat {

// Returns the URL of `operation` ("chat/completions", "responses", "models"). A base URL with a path is kept. One
// without a path gets the provider's own path (/v1, /api/v1, …) if the host is the provider's. It also gets it if the
// provider is a kind of server known by its id (a local one, Databricks, Snowflake). A gateway's host is kept as it is.
std::string openai_url(const Target& target, std::string_view operation);

}  // namespace aiw::openai_chat
