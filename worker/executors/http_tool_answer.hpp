// From an HTTP tool's answer to a tool's output: pure.
#pragma once

#include <string>

#include "protocol/http_tool.hpp"
#include "worker/base/http_message.hpp"
#include "worker/executors/secret_values.hpp"

namespace aiw {

// So much of a refusal's body is shown to the model, in bytes.
inline constexpr std::size_t kMaxRefusalBytes = 4096;

// {type, value}, without `keys`: a server may say again what it was sent. `body` is all of it, or more than
// kMaxRefusalBytes of a refusal's. Any bytes are accepted.
std::string http_tool_output(const HttpTool& tool, const ResponseHead& head, std::string body,
                             const SecretValues& keys);

}  // namespace aiw
