// JSON Schemas in the subset that OpenAI's strict mode takes.
#pragma once

#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw {

struct StrictSchema {
  std::string json;
  bool strict = true;  // false: the subset cannot say it; `json` is the schema as given, to be sent without strict
};

// `schema`, a JSON object, so that every object is closed and requires all its properties (optional ones may be null)
// and no keyword is left that the subset lacks. A schema that fits already is returned byte for byte. Everything that
// the change could mean to a parent is noted.
StrictSchema to_strict_schema(JsonSpan schema, RequestNotes& notes);

}  // namespace aiw
