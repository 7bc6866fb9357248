// JSON Schemas in the subset of Anthropic's structured outputs.
#pragma once

#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::anthropic_messages {

// `schema`, a JSON object, with all objects closed and without keywords that the API refuses. Limits that go are told
// to the model in the description. A schema that fits already is returned byte for byte; changes are noted.
std::string to_schema(JsonSpan schema, RequestNotes& notes);

}  // namespace aiw::anthropic_messages
