// Which keys the env and headers of an MCP server may refer to.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "worker/agent/key_policy.hpp"

namespace aiw {

// `value` with every ${NAME} and ${file:PATH} in it replaced ("Bearer ${TOKEN}"). To a `host` a key goes as a
// provider's does (resolve_key). Into a child process, whose host is empty, go files, which it could read itself, and
// the variables that --allow-env names, not the known providers' own. Error: category auth, never with a value.
std::expected<ResolvedText, Error> resolve_mcp_value(std::string_view value, std::string_view host,
                                                     const KeyPolicy& policy);

}  // namespace aiw
