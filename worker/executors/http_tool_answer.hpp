// Converts an HTTP tool's response to a tool output. Pure functions.
#pragma once

#include <string>

#include "protocol/http_tool.hpp"
#include "worker/base/http_message.hpp"
#include "worker/executors/secret_values.hpp"

namespace aiw {

// Limit on the part of an error response's body that the model sees, in bytes.
inline constexpr std::size_t kMaxRefusalBytes = 4096;

// Returns {type, value} with every value of `keys` removed, because a server may echo what it received. `body` is the
// complete body; for an error status it may be cut, but only after kMaxRefusalBytes. It may hold any bytes.
std::string http_tool_output(const HttpTool& tool, const ResponseHead& head, std::string body,
                             const SecretValues& keys);

}  // namespace aiw
