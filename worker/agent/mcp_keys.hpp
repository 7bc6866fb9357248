// Which keys the env and headers of an MCP server may refer to.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "worker/agent/key_policy.hpp"

namespace aiw {

// `value` with every ${NAME} and ${file:PATH} in it replaced ("Bearer ${TOKEN}"). To a server's URL a key goes as a
// provider's does (resolve_key). Into a child process, for which `to` has no host, go files, which it could read
// itself, and the variables that --allow-env names, not the known providers' own. Whatever the dialect trusts a config
// with, a server's entry is not a provider's. Error: category auth, never with a value.
std::expected<ResolvedText, Error> resolve_mcp_value(std::string_view value, const BaseUrl& to,
                                                     const KeyPolicy& policy);

}  // namespace aiw
