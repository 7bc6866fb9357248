// Keys that the env and headers of an MCP server may refer to.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "worker/agent/key_policy.hpp"

namespace aiw {

// Replaces every ${NAME} and ${file:PATH} in `value` ("Bearer ${TOKEN}"). For a server's URL, a key follows the rules
// of a provider's key (resolve_key). For a child process `to` has no host. It may get files, which it could read
// itself, and variables that --allow-env names, but not those of known providers. A dialect's trust in provider entries
// does not apply to MCP servers. Error: never with a value;
// category auth, or invalid_request if there are too many references.
std::expected<ResolvedText, Error> resolve_mcp_value(std::string_view value, const BaseUrl& to,
                                                     const KeyPolicy& policy);

}  // namespace aiw
