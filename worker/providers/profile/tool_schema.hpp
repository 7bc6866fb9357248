// A tool's JSON Schema as a server takes it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/profile/server_profile.hpp"

namespace aiw {

struct AdaptedSchema {
  std::string json;
  std::map<std::string, std::string, std::less<>> properties{};  // renamed ones: the new name and the tool's
};

// The schema as the profile wants it; nothing if it is so already. Of oneOf, anyOf and allOf at the top all properties
// are kept, required is what every choice requires, and the description says what goes together: the model reads it,
// and calls are still checked against the tool's own schema.
std::optional<AdaptedSchema> adapt_tool_schema(JsonSpan schema, const ServerProfile& profile);

}  // namespace aiw
