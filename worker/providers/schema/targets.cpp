// The rule tables of strict mode, Claude and Gemini.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/schema/rules.hpp"

namespace aiw {
namespace {

using Json = OrderedJson;

bool is_format(const Words& formats, const Json& value) {
  return value.is_string() && formats.has(value.get_ref<const std::string&>());
}

// --- OpenAI's strict mode: platform.openai.com/docs/guides/structured-outputs#supported-schemas

// Titles, $schema and defaults are ignored there, not refused.
constexpr Words kStrictKeywords =
    "$defs $ref $schema additionalProperties anyOf const default definitions description enum exclusiveMaximum "
    "exclusiveMinimum format items maximum maxItems minimum minItems multipleOf pattern properties required title "
    "type";
constexpr Words kStrictFormats = "date-time date time duration email hostname ipv4 ipv6 uuid";

Fate strict_fate(Json&, const std::string& key, const Json& value) {
  const bool taken = key == "format" ? is_format(kStrictFormats, value) : kStrictKeywords.has(key);
  return taken ? Fate::keep : Fate::note;
}

// The root must be an object. Without properties, it is that of a tool without arguments.
bool rewrite_strict_root(SchemaPass& pass, Json& schema) {
  if (!has_type(schema, "object") || schema["type"].is_array() || schema.contains("anyOf")) return false;
  pass.changed = !schema.contains("properties");
  if (pass.changed) schema["properties"] = Json::object();
  return pass.rewrite(schema);
}

// Generators write an allOf of one schema for a reference with a description. Others cannot be expressed.
bool merge_only_all_of(SchemaPass& pass, Json& schema) {
  const auto all_of = schema.find("allOf");
  if (all_of == schema.end()) return true;
  return all_of->is_array() && all_of->size() == 1 && all_of->front().is_object() && merge_all_of(pass, schema);
}

// OpenAPI's hint for oneOf says nothing of anyOf.
bool drop_discriminator(SchemaPass&, Json& schema) {
  if (schema.contains("oneOf")) schema.erase("discriminator");
  return true;
}

// A reference must stand alone. A choice of one schema may have a description beside it.
bool wrap_reference(SchemaPass& pass, Json& schema) {
  if (!schema.contains("$ref") || schema.size() == 1 || schema.contains("anyOf")) return true;
  if (schema.size() == 2 && (schema.contains("$defs") || schema.contains("definitions"))) return true;
  Json only = Json::object();
  only["$ref"] = take(schema, "$ref");
  schema["anyOf"] = Json::array({std::move(only)});
  return pass.changed = true;
}

bool close_object(SchemaPass& pass, Json& schema) {
  Json& more = schema["additionalProperties"];
  if (more == false) return true;
  // {} and true merely allow more properties. A schema describes a map, whose entries are lost.
  pass.closed_map = pass.closed_map || (more.is_object() && !more.empty());
  more = false;
  return pass.changed = true;
}

// Objects are closed. A map cannot be expressed, nor an array or schema that says nothing of what it holds.
bool has_strict_form(SchemaPass& pass, Json& schema) {
  const auto has = [&](const char* key) { return schema.contains(key); };
  if (has_type(schema, "array") && !has("items")) return false;
  if (!has_type(schema, "object") && !has("properties")) {
    return has("type") || has("anyOf") || has("$ref") || has("enum") || has("const");
  }
  return has("properties") && close_object(pass, schema) && !pass.closed_map;
}

void make_nullable(Json& schema) {
  if (has_type(schema, "null")) return;
  const Json null_type = {{"type", "null"}};
  if (schema.contains("anyOf")) {
    Json& choices = schema["anyOf"];
    if (std::ranges::find(choices, null_type) == choices.end()) choices.push_back(null_type);
  } else if (schema.contains("type") && !schema.contains("enum") && !schema.contains("const")) {
    if (!schema["type"].is_array()) schema["type"] = Json::array({schema["type"]});
    schema["type"].push_back("null");
  } else {
    schema = Json{{"anyOf", Json::array({std::move(schema), null_type})}};
  }
}

// Every property is required; one that was optional may be null.
bool require_all(SchemaPass& pass, Json& schema) {
  const auto properties = schema.find("properties");
  if (properties == schema.end()) return true;
  Json required = Json::array();
  std::set<std::string> known;
  const Json* old = find_member(schema, "required", Json::value_t::array);
  if (old != nullptr) {
    for (const Json& name : *old) {
      if (!name.is_string() || !properties->contains(name.get_ref<const std::string&>())) continue;
      if (known.insert(name).second) required.push_back(name);
    }
  }
  for (auto&& [name, property] : properties->items()) {
    if (!known.insert(name).second) continue;
    required.push_back(name);
    make_nullable(property);
    pass.made_nullable = true;
  }
  if (old != nullptr && *old == required) return true;
  schema["required"] = std::move(required);
  return pass.changed = true;
}

// oneOf and allOf come before the keywords, which they are not among.
constexpr SchemaRow kStrictRows[] = {{drop_discriminator}, {choose_any_of},  {merge_only_all_of},
                                     {drop_keywords},      {wrap_reference}, {has_strict_form}};
}  // namespace

constexpr SchemaRules kStrictSchemas = {.root = rewrite_strict_root,
                                        .rows = kStrictRows,
                                        .after = require_all,
                                        .fate = strict_fate,
                                        .not_entered = "additionalProperties",
                                        .refuses_others = true,
                                        .lost = "strict mode has no ",
                                        .lost_end = ": left out",
                                        .refused_code = warning_code::schema_not_strict,
                                        .refused = "a schema is sent without strict: strict mode cannot express it"};

namespace {

// --- Claude: docs.claude.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations

constexpr Words kClaudeRefused =
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength maxItems uniqueItems contains "
    "minContains maxContains prefixItems minProperties maxProperties patternProperties propertyNames dependentRequired "
    "dependentSchemas unevaluatedProperties unevaluatedItems not if then else";
constexpr Words kClaudeFormats = "date-time time date duration email hostname uri ipv4 ipv6 uuid";

// Lookaround, back references and word boundaries are refused.
bool is_plain_pattern(const Json& value) {
  constexpr auto kRefused = std::to_array<std::string_view>({"(?", "\\b", "\\B", "\\1", "\\2", "\\3"});
  if (!value.is_string()) return false;
  const auto& pattern = value.get_ref<const std::string&>();
  return std::ranges::none_of(kRefused, [&](std::string_view what) { return pattern.contains(what); });
}

Fate claude_fate(Json&, const std::string& key, const Json& value) {
  bool taken = !kClaudeRefused.has(key);
  if (key == "minItems") taken = value == 0 || value == 1;
  if (key == "format") taken = is_format(kClaudeFormats, value);
  if (key == "pattern") taken = is_plain_pattern(value);
  return taken ? Fate::keep : Fate::describe;
}

bool close_claude_object(SchemaPass& pass, Json& schema) {
  const bool is_object = schema.contains("type") ? has_type(schema, "object") : schema.contains("properties");
  return !is_object || close_object(pass, schema);
}

// The order is that of the members that they add.
constexpr SchemaRow kClaudeRows[] = {{drop_keywords}, {choose_any_of}, {close_claude_object}};
}  // namespace

constexpr SchemaRules kClaudeSchemas = {.rows = kClaudeRows,
                                        .fate = claude_fate,
                                        .not_entered = "oneOf additionalProperties",
                                        .most_depth = std::string::npos,  // the parser's limit for a request's JSON
                                        .lost = "the description says now what the API cannot enforce: ",
                                        .most_names = std::string::npos};

namespace {

// --- Gemini: ai.google.dev/api/generate-content#FIELDS.response_json_schema

// With what the API's own Schema has besides.
constexpr Words kGeminiKeywords =
    "$anchor $defs $id $ref additionalProperties anyOf default description enum example format items maxItems "
    "maxLength maxProperties maximum minItems minLength minProperties minimum nullable oneOf pattern prefixItems "
    "properties propertyOrdering required title type";
// These say nothing about what is valid.
constexpr Words kAnnotations = "$comment $schema definitions deprecated discriminator examples readOnly writeOnly";

// An integer's open limit is the next integer's closed one.
bool close_limit(Json& schema, const std::string& key, const Json& limit) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 53;
  const bool lower = key == "exclusiveMinimum";
  const char* closed = lower ? "minimum" : "maximum";
  if (!lower && key != "exclusiveMaximum") return false;
  if (schema.value("type", Json()) != "integer" || !limit.is_number_integer() || schema.contains(closed)) return false;
  const auto number = limit.get<std::int64_t>();
  if (number > kLargest || number < -kLargest) return false;
  schema[closed] = lower ? number + 1 : number - 1;
  return true;
}

Fate gemini_fate(Json& schema, const std::string& key, const Json& value) {
  if (kGeminiKeywords.has(key)) return Fate::keep;
  return kAnnotations.has(key) || close_limit(schema, key, value) ? Fate::forget : Fate::note;
}

// "If $ref is set, no other properties, except those starting with $, may be set."
bool resolve_references(SchemaPass& pass, Json& schema) {
  if (!pass.resolve(schema)) return false;
  if (find_member(schema, "$ref", Json::value_t::string) == nullptr) return true;
  Json kept = Json::object();
  for (const char* key : {"$ref", "$defs"}) {
    if (schema.contains(key)) kept[key] = take(schema, key);
  }
  schema = std::move(kept);
  return pass.recurs = pass.changed = true;
}

// `known`: the names as JSON, once one is added.
void add_names(Json& names, const Json& more, std::set<std::string>& known) {
  if (known.empty()) {
    for (const Json& name : names) known.insert(name.dump());
  }
  for (const Json& name : more) {
    if (known.insert(name.dump()).second) names.push_back(name);
  }
}

void merge_part(SchemaPass& pass, Json& schema, const Json& part, std::set<std::string>& required) {
  for (auto&& [key, value] : part.items()) {
    const bool is_new = !schema.contains(key);
    Json& own = schema[key];
    if (is_new) {
      own = value;
    } else if (key == "properties" && value.is_object() && own.is_object()) {
      add_members(own, value);
    } else if (key == "required" && value.is_array() && own.is_array()) {
      add_names(own, value, required);
    } else if (own != value && key != "description" && key != "title") {
      pass.dropped.insert("allOf/" + key);
    }
  }
}

// All schemas in `allOf` hold: adds their members, as far as they do not contradict each other.
bool merge_all_parts(SchemaPass& pass, Json& schema) {
  for (std::size_t i = 0; i < pass.rules.most_depth && find_member(schema, "allOf", Json::value_t::array); ++i) {
    std::set<std::string> required;
    for (Json part : take(schema, "allOf")) {
      if (part.is_object() && resolve_references(pass, part)) merge_part(pass, schema, part, required);
    }
    pass.changed = true;
  }
  return true;
}

bool make_enum_of_const(SchemaPass& pass, Json& schema) {
  if (!schema.contains("const")) return true;
  Json only = take(schema, "const");
  if (const char* type = type_of_value(only)) {
    schema["enum"] = Json::array({std::move(only)});
    if (!schema.contains("type")) schema["type"] = type;
  } else {
    pass.dropped.insert("const");
  }
  return pass.changed = true;
}

// Definitions are rewritten where a reference names them. Only references that stay need them in their place.
bool rewrite_gemini_root(SchemaPass& pass, Json& schema) {
  if (!schema.is_object()) return true;
  pass.root = schema;
  Json definitions = Json::object();
  for (const char* key : {"$defs", "definitions"}) {
    if (!schema.contains(key)) continue;
    const Json set = take(schema, key);
    if (set.is_object()) definitions.update(set);
    pass.changed = true;
  }
  if (!pass.rewrite(schema)) return false;
  if (!pass.recurs) return true;
  for (Json& definition : definitions) {
    if (!pass.rewrite(definition, 1)) return false;
  }
  if (!definitions.empty()) schema["$defs"] = std::move(definitions);
  return pass.changed = true;
}

// References come first: the other rules apply to what they name.
constexpr SchemaRow kGeminiRows[] = {
    {resolve_references}, {merge_all_parts}, {make_enum_of_const}, {move_definitions}, {drop_keywords}};
}  // namespace

constexpr SchemaRules kGeminiSchemas = {
    .root = rewrite_gemini_root,
    .rows = kGeminiRows,
    .fate = gemini_fate,
    .lost = "this provider's schemas have no ",
    .lost_end = ": left out",
    .refused_code = warning_code::schema_changed,
    .refused = "a schema is too deep or too large for this provider: any object is accepted instead",
    .instead = R"({"type":"object"})"};

}  // namespace aiw
