// JSON Schemas in the subset of Anthropic's structured outputs.
#pragma once

#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::anthropic_messages {

// Converts `schema`, a JSON object: closes all objects and removes keywords that the API refuses. Removed limits are
// added to the description for the model. A schema that fits already is returned byte for byte; changes are noted.
std::string to_schema(JsonSpan schema, RequestNotes& notes);

}  // namespace aiw::anthropic_messages
