// A tool's JSON Schema as a server takes it at the top: an object with properties, without combinators.
#pragma once

#include <optional>
#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/profile/server_profile.hpp"

namespace aiw {

// The schema with its top as the profile wants it; nothing if that is so already. Of oneOf, anyOf and allOf all
// properties are kept, required is what every choice requires, and the description says what goes together: the model
// reads it, and calls are still checked against the tool's own schema.
std::optional<std::string> adapt_tool_schema(JsonSpan schema, const ServerProfile& profile);

}  // namespace aiw
