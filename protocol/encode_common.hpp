// Helpers shared by the encoders of the dialects.
#pragma once

#include "protocol/event.hpp"
#include "protocol/json_writer.hpp"

namespace aiw {

// Writes {"inputTokens": ...} without the braces.
void write_usage_fields(JsonWriter& json, const Usage& usage);
void write_usage(JsonWriter& json, const Usage& usage);

std::string_view to_string(ContentKind kind);

}  // namespace aiw
