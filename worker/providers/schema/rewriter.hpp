// JSON Schemas in the subset that a target accepts. One rewriter serves all targets, with a table of rules for each
// (rules.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/profile/server_profile.hpp"

namespace aiw {

// Limit on what references copy in all schemas of one request, in JSON values. References multiply: 1 KB of schema can
// stand for 1 GB. One schema gets half of what is left, so the others of the request keep some.
struct SchemaBudget {
  std::size_t values = 200'000;
};

// The rule table of a target.
struct SchemaRules;
extern const SchemaRules kStrictSchemas;  // OpenAI's strict mode
extern const SchemaRules kClaudeSchemas;  // Anthropic's structured outputs, on any host
extern const SchemaRules kGeminiSchemas;  // parametersJsonSchema and responseJsonSchema

struct RewrittenSchema {
  std::string json;
  bool fits = true;  // false: the target cannot express the schema; `json` is the given one, or one of any object
};

// Rewrites `schema`, a JSON object. One that fits already is returned byte for byte. Adds a note for each change that
// may affect a parent.
RewrittenSchema rewrite_schema(JsonSpan schema, const SchemaRules& rules, SchemaBudget& budget, RequestNotes& notes);

struct AdaptedSchema {
  std::string json;
  std::map<std::string, std::string, std::less<>> properties{};  // renamed ones: the tool's names by the new ones
};

// Returns a tool's schema as the server takes it; nullopt if it fits already. All properties of oneOf, anyOf and allOf
// at the top are kept, those that every choice requires are required, and the description says which belong together.
// Calls are still checked against the tool's own schema.
std::optional<AdaptedSchema> adapt_tool_schema(JsonSpan schema, const ServerProfile& profile, SchemaBudget& budget);

}  // namespace aiw
