// JSON Schemas as Gemini takes them.
#pragma once

#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::google {

// Gemini knows two dialects, each with fields of its own: Google's Schema (ai.google.dev/api/caching#Schema), whose
// types are an enum ("STRING"), and JSON Schema. True for a schema of the first.
bool is_google_schema(JsonSpan schema);

// A JSON Schema for parametersJsonSchema or responseJsonSchema, which take much of it, but not all: references within
// it are replaced by what they name (where they do not recur), keywords that say the same another way are rewritten,
// the others are left out. One that fits already is returned byte for byte. Notes say what was lost.
std::string to_schema(JsonSpan schema, RequestNotes& notes);

}  // namespace aiw::google
