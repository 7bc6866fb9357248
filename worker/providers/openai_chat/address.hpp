// Where the operations of OpenAI's APIs are, at OpenAI, at compatible providers and at Azure.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/provider.hpp"

namespace aiw::openai_chat {

// The address of `operation` ("chat/completions", "responses", "models"). A base URL that has a path is kept. One
// without a path gets the provider's own (/v1, /api/v1, …) if its host is the provider's, or if the provider is a kind
// of server that is known by its id (a local one, Databricks, Snowflake); a gateway's host is kept as it is.
std::string openai_url(const Target& target, std::string_view operation);

}  // namespace aiw::openai_chat
