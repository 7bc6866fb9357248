// JSON Schemas of the protocol (schemas/*.schema.json), built into the binary.
#pragma once

#include <span>
#include <string_view>

namespace aiw {

struct EmbeddedSchema {
  std::string_view name;  // "request", "event", ...
  std::string_view text;
};

std::span<const EmbeddedSchema> embedded_schemas();

}  // namespace aiw
