// The rule table of servers, by their profiles, and the folding of a schema's top.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "protocol/json_reader.hpp"
#include "worker/providers/schema/rules.hpp"

namespace aiw {
namespace {

using Json = OrderedJson;
using Type = Json::value_t;

constexpr int kMaxSchemaDepth = 1'000;
constexpr int kMaxNesting = 8;  // of combinators and references at the top
constexpr std::size_t kMaxChoices = 100;
// Keywords that servers refuse at the top. The last say nothing that properties could.
constexpr Words kRefusedAtTop = "$ref allOf anyOf oneOf not enum const if then else";

// True if some key of the text, except a keyword, does not fit.
bool has_odd_key(std::string_view json, const WordRule& rule) {
  for (auto at = json.find('"'); at != std::string_view::npos; at = json.find('"', at)) {
    const auto begin = ++at;
    while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
    if (at >= json.size()) return false;
    const auto word = json.substr(begin, at - begin);
    const auto next = json.find_first_not_of(" \t\r\n", ++at);
    if (next == std::string_view::npos || json[next] != ':') continue;
    if (!Words("$ref $defs $schema $id $comment").has(word) && !fits(rule, word)) return true;
  }
  return false;
}

// True if a rule may apply below the top.
bool may_need_walk(std::string_view json, const ServerProfile& profile) {
  if (profile.schema_typed) return true;
  if (profile.schema_items && json.contains("\"array\"")) return true;
  if (profile.schema_required && (json.contains("\"required\"") || json.contains("\"#/definitions/"))) return true;
  return profile.property_names.charset != WordRule::Charset::any && has_odd_key(json, profile.property_names);
}

// True if the top fits the profile, so the schema need not be parsed for it.
bool is_fine(JsonSpan schema, const ServerProfile& profile) {
  std::string text(schema.json);
  JsonReader reader(text.data(), text.size(), kMaxSchemaDepth);
  bool typed = false, properties = false, combined = false;
  reader.object_with_nulls([&](std::string_view key) {
    const JsonSpan value = reader.value();
    typed = typed || (key == "type" && value.json == R"("object")");
    properties = properties || (key == "properties" && value.is_object());
    combined = combined || kRefusedAtTop.has(key);
  });
  return reader.ok() && typed && (properties || !profile.schema_properties) &&
         (!combined || profile.schema_combinators);
}

std::vector<std::string> required_of(Json& schema) {
  std::vector<std::string> names;
  const Json* required = find_member(schema, "required", Type::array);
  if (required == nullptr) return names;
  for (const Json& name : *required) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

// `known`: the names that are required already.
void require(Json& schema, const auto& names, std::set<std::string>& known) {
  for (const std::string& name : names) {
    if (!known.insert(name).second) continue;
    Json& required = schema["required"];
    if (!required.is_array()) required = Json::array();
    required.push_back(name);
  }
}

// Both are possible where two choices describe one property in two ways.
void add_properties(Json& schema, Json& choice) {
  Json* added = find_member(choice, "properties", Type::object);
  if (added == nullptr) return;
  Json& properties = schema["properties"];
  if (!properties.is_object()) properties = Json::object();
  for (auto& [name, value] : added->items()) {
    if (!properties.contains(name)) {
      properties[name] = std::move(value);
    } else if (properties[name] != value) {
      Json both = Json::array({std::move(properties[name]), std::move(value)});
      properties[name] = Json::object();
      properties[name]["anyOf"] = std::move(both);
    }
  }
}

void describe(Json& schema, const std::string& text) {
  Json& description = schema["description"];
  const bool has_old = description.is_string() && !description.get_ref<const std::string&>().empty();
  description = has_old ? description.get<std::string>() + " " + text : text;
}

void fold_top(SchemaPass& pass, Json& schema, int depth);

void fold_choices(SchemaPass& pass, Json& schema, std::string_view combinator, Json choices, int depth) {
  const auto own = required_of(schema);
  std::set<std::string> known(own.begin(), own.end());
  std::optional<std::set<std::string>> in_each;
  std::string told;
  for (std::size_t i = 0; i < std::min(choices.size(), kMaxChoices); ++i) {
    fold_top(pass, choices[i], depth + 1);
    if (!choices[i].is_object()) continue;
    add_properties(schema, choices[i]);
    const auto required = required_of(choices[i]);
    if (combinator == "allOf") {
      require(schema, required, known);
      continue;
    }
    if (!required.empty() && !told.empty()) told += "; ";
    for (const auto& name : required) told += (&name == &required.front() ? "" : " and ") + name;
    const std::set<std::string> names(required.begin(), required.end());
    if (!in_each) in_each = names;
    std::erase_if(*in_each, [&](const std::string& name) { return !names.contains(name); });
  }
  if (in_each) require(schema, *in_each, known);
  if (told.empty()) return;
  describe(schema, (combinator == "oneOf" ? "Exactly one of: " : "At least one of: ") + told + ".");
}

// Moves what references and choices at the top say into the schema's own members.
void fold_top(SchemaPass& pass, Json& schema, int depth) {
  if (depth > kMaxNesting || !schema.is_object()) return;
  const std::size_t references = pass.open_references.size();
  pass.resolve(schema);
  for (const char* combinator : {"allOf", "anyOf", "oneOf"}) {
    if (!schema.contains(combinator)) continue;
    Json choices = take(schema, combinator);
    if (choices.is_array()) fold_choices(pass, schema, combinator, std::move(choices), depth);
  }
  for (const char* keyword : {"$ref", "not", "enum", "const", "if", "then", "else"}) schema.erase(keyword);
  pass.open_references.resize(references);
}

// --- The rules below the top

// "array schema missing items"
bool add_items(SchemaPass& pass, Json& schema) {
  const auto items = schema.find("items");
  const bool given = items != schema.end() && (items->is_object() || items->is_boolean());
  if (given || !has_type(schema, "array")) return true;
  schema["items"] = Json::object();
  return pass.changed = true;
}

// "required property is not defined in properties"
bool drop_undefined(SchemaPass& pass, Json& schema) {
  Json* required = find_member(schema, "required", Type::array);
  const Json* properties = find_member(schema, "properties", Type::object);
  if (required == nullptr || properties == nullptr) return true;
  Json defined = Json::array();
  for (const Json& name : *required) {
    if (name.is_string() && properties->contains(name.get_ref<const std::string&>())) defined.push_back(name);
  }
  if (defined.size() == required->size()) return true;
  *required = std::move(defined);
  return pass.changed = true;
}

Fate typed_fate(Json&, const std::string& key, const Json&) {
  return Words("not if then else").has(key) ? Fate::forget : Fate::keep;
}

bool make_choice_of_items(SchemaPass& pass, Json& schema) {
  Json* items = find_member(schema, "items", Type::array);
  if (items == nullptr) return true;
  Json choices = std::move(*items);
  *items = Json::object();
  (*items)["anyOf"] = std::move(choices);
  return pass.changed = true;
}

const char* type_of(const Json& schema) {
  if (schema.contains("properties")) return "object";
  if (schema.contains("items")) return "array";
  for (const char* keyword : {"const", "enum"}) {
    const auto found = schema.find(keyword);
    if (found == schema.end()) continue;
    const Json& value = found->is_array() && !found->empty() ? found->front() : *found;
    if (const char* type = type_of_value(value)) return type;
  }
  return "string";
}

// "type is not defined", "type should be defined in anyOf items"
bool give_type(SchemaPass& pass, Json& schema) {
  if (schema.contains("anyOf") || schema.contains("oneOf") || schema.contains("$ref")) {
    pass.changed = schema.erase("type") > 0 || pass.changed;
  } else if (!schema.contains("type")) {
    schema["type"] = type_of(schema);
    pass.changed = true;
  }
  return true;
}

std::string new_name(SchemaPass& pass, const std::string& name) {
  if (fits(pass.profile->property_names, name)) return name;
  std::string made = fitted(pass.profile->property_names, name);
  pass.renamed.emplace(made, name);
  pass.changed = true;
  return made;
}

void rename_items(SchemaPass& pass, Json& names) {
  if (!names.is_array()) return;
  for (Json& name : names) {
    if (name.is_string()) name = new_name(pass, name.get<std::string>());
  }
}

void rename_keys(SchemaPass& pass, Json& members) {
  const auto fits_rule = [&](const auto& member) { return fits(pass.profile->property_names, member.first); };
  if (std::ranges::all_of(members.get_ref<const Json::object_t&>(), fits_rule)) return;
  Json own = Json::object();
  for (auto& [name, value] : members.items()) own[new_name(pass, name)] = std::move(value);
  members = std::move(own);
}

// A choice may require properties that the schema around it defines, so names are replaced wherever they stand.
bool rename_properties(SchemaPass& pass, Json& schema) {
  for (const char* keyword : {"properties", "dependentRequired", "dependentSchemas"}) {
    if (Json* members = find_member(schema, keyword, Type::object)) rename_keys(pass, *members);
  }
  if (Json* required = find_member(schema, "required", Type::array)) rename_items(pass, *required);
  if (Json* dependent = find_member(schema, "dependentRequired", Type::object)) {
    for (Json& names : *dependent) rename_items(pass, names);
  }
  return true;
}

constexpr SchemaRow kServerRows[] = {{add_items, &ServerProfile::schema_items},
                                     {drop_undefined, &ServerProfile::schema_required},
                                     {drop_keywords, &ServerProfile::schema_typed},
                                     {merge_all_of, &ServerProfile::schema_typed},
                                     {make_choice_of_items, &ServerProfile::schema_typed},
                                     {give_type, &ServerProfile::schema_typed},
                                     {rename_properties},
                                     // "references must start with #/$defs/"
                                     {move_definitions, &ServerProfile::schema_required}};

constexpr SchemaRules kServer = {.rows = kServerRows, .fate = typed_fate, .refuses_depth = false};

}  // namespace

std::optional<AdaptedSchema> adapt_tool_schema(JsonSpan schema, const ServerProfile& profile, SchemaBudget& budget) {
  if (schema.empty()) return std::nullopt;
  const bool fine = !profile.schema_object || is_fine(schema, profile);
  if (fine && !may_need_walk(schema.json, profile)) return std::nullopt;
  Json json = Json::parse(schema.json, nullptr, false);
  if (!json.is_object()) return std::nullopt;  // for the builder, or a number beyond a double
  SchemaPass pass(kServer, budget, &profile);
  if (!fine) {
    if (!profile.schema_combinators) {
      pass.root = json;
      pass.open_references = {"#"};
      fold_top(pass, json, 0);
    }
    json["type"] = "object";
    if (profile.schema_properties && !json.contains("properties")) json["properties"] = Json::object();
    pass.changed = true;
  }
  pass.rewrite(json);
  if (!pass.changed) return std::nullopt;
  return AdaptedSchema{json.dump(), std::move(pass.renamed)};
}

}  // namespace aiw
