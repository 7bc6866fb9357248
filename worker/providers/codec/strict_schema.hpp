// JSON Schemas in the subset that OpenAI's strict mode accepts.
#pragma once

#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw {

struct StrictSchema {
  std::string json;
  bool strict = true;  // false: not expressible in the subset; `json` is the given schema, to be sent without strict
};

// Converts `schema`, a JSON object, to the subset. Every object is closed and requires all its properties; optional
// ones may be null. Removes keywords that the subset lacks. A schema that fits already is returned byte for byte. Adds
// a note for each change that may affect a parent.
StrictSchema to_strict_schema(JsonSpan schema, RequestNotes& notes);

}  // namespace aiw
