#include "worker/providers/codec/strict_schema.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "worker/base/ordered_json.hpp"

namespace aiw {
namespace {

using Json = OrderedJson;

constexpr int kMaxDepth = 64;

// https://platform.openai.com/docs/guides/structured-outputs#supported-schemas. Titles, $schema and defaults are
// ignored there, not refused.
constexpr auto kKeywords = std::to_array<std::string_view>({"$defs",
                                                            "$ref",
                                                            "$schema",
                                                            "additionalProperties",
                                                            "anyOf",
                                                            "const",
                                                            "default",
                                                            "definitions",
                                                            "description",
                                                            "enum",
                                                            "exclusiveMaximum",
                                                            "exclusiveMinimum",
                                                            "format",
                                                            "items",
                                                            "maximum",
                                                            "maxItems",
                                                            "minimum",
                                                            "minItems",
                                                            "multipleOf",
                                                            "pattern",
                                                            "properties",
                                                            "required",
                                                            "title",
                                                            "type"});
constexpr auto kFormats = std::to_array<std::string_view>(
    {"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"});

bool contains(const auto& list, const auto& item) {
  return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

bool has_type(const Json& schema, std::string_view type) {
  const auto found = schema.find("type");
  if (found == schema.end()) return false;
  if (found->is_array()) return std::ranges::any_of(*found, [&](const Json& one) { return one == type; });
  return *found == type;
}

class Converter {
 public:
  // Converts the root schema. False: not expressible in the subset.
  bool root(Json& schema) {
    // The root must be an object. "No properties" in the root means that a tool takes no arguments.
    if (!has_type(schema, "object") || schema["type"].is_array() || schema.contains("anyOf")) return false;
    if (!schema.contains("properties")) to_change(schema)["properties"] = Json::object();
    return convert(schema, 0);
  }

  [[nodiscard]] bool changed() const { return changed_; }
  [[nodiscard]] bool made_nullable() const { return made_nullable_; }
  [[nodiscard]] const std::set<std::string>& dropped() const { return dropped_; }

 private:
  Json& to_change(Json& schema) {
    changed_ = true;
    return schema;
  }

  bool convert(Json& schema, int depth) {
    if (!schema.is_object() || depth > kMaxDepth) return false;
    if (!rename_choices(schema) || !merge_all_of(schema)) return false;
    drop_keywords(schema);
    wrap_ref(schema);
    for (const char* definitions : {"$defs", "definitions"}) {
      if (schema.contains(definitions) && !convert_members(schema[definitions], depth)) return false;
    }
    if (schema.contains("anyOf") && !convert_choices(schema["anyOf"], depth)) return false;
    if (schema.contains("items") && !convert(schema["items"], depth + 1)) return false;
    if (has_type(schema, "array") && !schema.contains("items")) return false;
    if (has_type(schema, "object") || schema.contains("properties")) return convert_object(schema, depth);
    return says_something(schema);
  }

  static bool says_something(const Json& schema) {
    return std::ranges::any_of(std::array{"type", "anyOf", "$ref", "enum", "const"},
                               [&](const char* key) { return schema.contains(key); });
  }

  bool convert_members(Json& members, int depth) {
    if (!members.is_object()) return false;
    return std::ranges::all_of(members.items(), [&](auto&& member) { return convert(member.value(), depth + 1); });
  }

  bool convert_choices(Json& choices, int depth) {
    return choices.is_array() && std::ranges::all_of(choices, [&](Json& one) { return convert(one, depth + 1); });
  }

  // An object with unknown properties (a map) is not expressible. An object that merely allows more properties is
  // closed.
  bool convert_object(Json& schema, int depth) {
    const auto more = schema.find("additionalProperties");
    if (!schema.contains("properties")) return false;
    if (more != schema.end() && more->is_object() && !more->empty()) return false;
    if (more == schema.end() || *more != false) to_change(schema)["additionalProperties"] = false;
    return convert_members(schema["properties"], depth) && require_all(schema);
  }

  bool require_all(Json& schema) {
    Json& properties = schema["properties"];
    Json required = Json::array();
    std::set<std::string> known;
    const auto old = schema.find("required");
    if (old != schema.end() && old->is_array()) {
      for (const Json& name : *old) {
        if (!name.is_string() || !properties.contains(name.get_ref<const std::string&>())) continue;
        if (known.insert(name).second) required.push_back(name);
      }
    }
    for (auto&& [name, property] : properties.items()) {
      if (!known.insert(name).second) continue;
      required.push_back(name);
      make_nullable(property);
      made_nullable_ = true;
    }
    if (old == schema.end() || *old != required) to_change(schema)["required"] = std::move(required);
    return true;
  }

  static void make_nullable(Json& schema) {
    if (has_type(schema, "null")) return;
    const Json null_type = {{"type", "null"}};
    if (schema.contains("anyOf")) {
      if (!contains(schema["anyOf"], null_type)) schema["anyOf"].push_back(null_type);
    } else if (schema.contains("type") && !schema.contains("enum") && !schema.contains("const")) {
      if (!schema["type"].is_array()) schema["type"] = Json::array({schema["type"]});
      schema["type"].push_back("null");
    } else {
      schema = Json{{"anyOf", Json::array({std::move(schema), null_type})}};
    }
  }

  bool rename_choices(Json& schema) {
    const auto one_of = schema.find("oneOf");
    if (one_of == schema.end()) return true;
    if (schema.contains("anyOf")) return false;
    Json choices = std::move(*one_of);
    schema.erase("oneOf");
    schema.erase("discriminator");  // OpenAPI's hint for oneOf
    to_change(schema)["anyOf"] = std::move(choices);
    return true;
  }

  // Merges an allOf of one schema, which generators write for a reference with a description.
  bool merge_all_of(Json& schema) {
    const auto all_of = schema.find("allOf");
    if (all_of == schema.end()) return true;
    if (!all_of->is_array() || all_of->size() != 1 || !all_of->front().is_object()) return false;
    Json only = std::move(all_of->front());
    schema.erase("allOf");
    for (auto&& [key, value] : only.items()) {
      if (!schema.contains(key)) schema[key] = value;
    }
    changed_ = true;
    return true;
  }

  void drop_keywords(Json& schema) {
    for (auto member = schema.begin(); member != schema.end();) {
      const bool bad_format =
          member.key() == "format" && !(member->is_string() && contains(kFormats, member->get<std::string>()));
      if (!bad_format && contains(kKeywords, member.key())) {
        ++member;
        continue;
      }
      dropped_.insert(member.key());
      changed_ = true;
      member = schema.erase(member);
    }
  }

  // A reference must stand alone. A choice of one schema may have a description beside it.
  void wrap_ref(Json& schema) {
    const auto ref = schema.find("$ref");
    if (ref == schema.end() || schema.size() == 1 || schema.contains("anyOf")) return;
    const bool has_definitions = schema.contains("$defs") || schema.contains("definitions");
    if (has_definitions && schema.size() == 2) return;
    Json only = {{"$ref", std::move(*ref)}};
    schema.erase("$ref");
    to_change(schema)["anyOf"] = Json::array({std::move(only)});
  }

  bool changed_ = false;
  bool made_nullable_ = false;
  std::set<std::string> dropped_;
};

}  // namespace

StrictSchema to_strict_schema(JsonSpan schema, RequestNotes& notes) {
  Json json = Json::parse(schema.json, nullptr, false);
  Converter converter;
  if (!json.is_object() || !converter.root(json)) {
    notes.add("schema_not_strict", "a schema is sent without strict: strict mode cannot express it");
    return {std::string(schema.json), false};
  }
  if (!converter.changed()) return {std::string(schema.json), true};
  if (converter.made_nullable()) {
    notes.add("schema_changed", "strict mode requires every property: optional ones may be null instead");
  }
  std::string names;
  for (const auto& name : converter.dropped()) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) notes.add("schema_changed", "strict mode has no " + names.substr(0, 200) + ": left out");
  return {json.dump(), true};
}

}  // namespace aiw
