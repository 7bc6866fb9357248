#include "worker/providers/google/schema.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "worker/base/ordered_json.hpp"

namespace aiw::google {
namespace {

using Json = OrderedJson;

constexpr std::size_t kMaxDepth = 64;
// References may multiply what a schema says.
constexpr std::size_t kMaxSchemas = 20'000;
constexpr std::size_t kMaxCopied = std::size_t{4} << 20;  // bytes

// ai.google.dev/api/generate-content#FIELDS.response_json_schema, and what the API's own Schema has besides.
constexpr auto kKeywords = std::to_array<std::string_view>({"$anchor",
                                                            "$defs",
                                                            "$id",
                                                            "$ref",
                                                            "additionalProperties",
                                                            "anyOf",
                                                            "default",
                                                            "description",
                                                            "enum",
                                                            "example",
                                                            "format",
                                                            "items",
                                                            "maxItems",
                                                            "maxLength",
                                                            "maxProperties",
                                                            "maximum",
                                                            "minItems",
                                                            "minLength",
                                                            "minProperties",
                                                            "minimum",
                                                            "nullable",
                                                            "oneOf",
                                                            "pattern",
                                                            "prefixItems",
                                                            "properties",
                                                            "propertyOrdering",
                                                            "required",
                                                            "title",
                                                            "type"});
// Says nothing about what is valid.
constexpr auto kAnnotations = std::to_array<std::string_view>(
    {"$comment", "$schema", "definitions", "deprecated", "discriminator", "examples", "readOnly", "writeOnly"});

bool contains(const auto& list, std::string_view item) {
  return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

const char* type_of_value(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_number_integer()) return "integer";
  return value.is_number() ? "number" : nullptr;
}

class Cleaner {
 public:
  explicit Cleaner(const Json& root) : root_(root) {}

  bool clean(Json& schema, std::size_t depth) {
    if (!schema.is_object()) return true;  // true and false are schemas too
    if (depth > kMaxDepth || ++schemas_ > kMaxSchemas) return false;
    const std::size_t references = open_references_.size();
    const bool cleaned = resolve(schema) && clean_members(schema, depth);
    open_references_.resize(references);
    return cleaned;
  }

  // Without a reference that stayed, nothing needs the definitions.
  [[nodiscard]] bool recurs() const { return recurs_; }
  [[nodiscard]] bool changed() const { return changed_; }
  [[nodiscard]] const std::set<std::string>& dropped() const { return dropped_; }

 private:
  bool clean_members(Json& schema, std::size_t depth) {
    merge_all_of(schema);
    rewrite(schema);
    drop(schema);
    for (const char* key : {"properties", "$defs"}) {
      if (!schema.contains(key) || !schema[key].is_object()) continue;
      for (auto&& member : schema[key].items()) {
        if (!clean(member.value(), depth + 1)) return false;
      }
    }
    for (const char* key : {"anyOf", "oneOf", "prefixItems"}) {
      if (!schema.contains(key) || !schema[key].is_array()) continue;
      for (Json& member : schema[key]) {
        if (!clean(member, depth + 1)) return false;
      }
    }
    for (const char* key : {"items", "additionalProperties"}) {
      if (schema.contains(key) && !clean(schema[key], depth + 1)) return false;
    }
    return true;
  }

  // What the reference names takes its place; members beside it win. One that leads into itself stays.
  bool resolve(Json& schema) {
    while (schema.contains("$ref") && schema["$ref"].is_string()) {
      const auto name = schema["$ref"].get<std::string>();
      const Json* target = find(name);
      if (target == nullptr || !target->is_object() ||
          std::ranges::find(open_references_, name) != open_references_.end()) {
        recurs_ = true;
        return keep_reference(schema);
      }
      open_references_.push_back(name);
      if (open_references_.size() > kMaxDepth || !may_copy(name, *target)) return false;
      changed_ = true;
      schema.erase("$ref");
      add_members(schema, *target);
    }
    return true;
  }

  bool may_copy(const std::string& name, const Json& target) {
    const auto [size, is_new] = sizes_.try_emplace(name, 0);
    if (is_new) size->second = target.dump().size();
    copied_ += size->second;
    return copied_ <= kMaxCopied;
  }

  [[nodiscard]] const Json* find(const std::string& name) const {
    if (!name.starts_with('#')) return nullptr;
    try {
      const Json::json_pointer pointer(name.substr(1));
      return root_.contains(pointer) ? &root_.at(pointer) : nullptr;
    } catch (const Json::exception&) {
      return nullptr;
    }
  }

  // "If $ref is set, no other properties, except those starting with $, may be set."
  bool keep_reference(Json& schema) {
    const auto name = schema["$ref"].get<std::string>();
    constexpr std::string_view kOld = "#/definitions/";
    Json kept = Json::object();
    kept["$ref"] = name.starts_with(kOld) ? "#/$defs/" + name.substr(kOld.size()) : name;
    if (schema.contains("$defs")) kept["$defs"] = schema["$defs"];
    changed_ = changed_ || kept != schema;
    schema = std::move(kept);
    return true;
  }

  static void add_members(Json& schema, const Json& more) {
    for (auto&& [key, value] : more.items()) {
      if (!schema.contains(key)) schema[key] = value;
    }
  }

  // All of them hold: their members together, as far as they do not contradict each other.
  void merge_all_of(Json& schema) {
    for (std::size_t round = 0; round < kMaxDepth && schema.contains("allOf") && schema["allOf"].is_array(); ++round) {
      const Json parts = std::move(schema["allOf"]);
      std::optional<std::set<std::string>> required;  // the names that are, once they are counted
      schema.erase("allOf");
      changed_ = true;
      for (Json part : parts) {
        if (!part.is_object() || !resolve(part)) continue;
        for (auto&& [key, value] : part.items()) merge_member(schema, key, value, required);
      }
    }
  }

  void merge_member(Json& schema, const std::string& key, const Json& value,
                    std::optional<std::set<std::string>>& required) {
    if (!schema.contains(key)) {
      schema[key] = value;
    } else if (key == "properties" && value.is_object() && schema[key].is_object()) {
      add_members(schema[key], value);
    } else if (key == "required" && value.is_array() && schema[key].is_array()) {
      add_names(schema[key], value, required);
    } else if (schema[key] != value && key != "description" && key != "title") {
      dropped_.insert("allOf/" + key);
    }
  }

  static void add_names(Json& names, const Json& more, std::optional<std::set<std::string>>& known) {
    if (!known) {
      known.emplace();
      for (const Json& name : names) known->insert(name.dump());
    }
    for (const Json& name : more) {
      if (known->insert(name.dump()).second) names.push_back(name);
    }
  }

  void rewrite(Json& schema) {
    if (const auto value = schema.find("const"); value != schema.end()) {
      const Json only = std::move(*value);
      schema.erase("const");
      changed_ = true;
      const char* type = type_of_value(only);
      if (type == nullptr) {
        dropped_.insert("const");
      } else {
        schema["enum"] = Json::array({only});
        if (!schema.contains("type")) schema["type"] = type;
      }
    }
    if (schema.contains("$defs") || !schema.contains("definitions")) return;
    schema["$defs"] = std::move(schema["definitions"]);
    schema.erase("definitions");
    changed_ = true;
  }

  // An integer's open limit is the next integer's closed one.
  bool close_limit(Json& schema, const std::string& key) {
    const bool lower = key == "exclusiveMinimum";
    const auto limit = schema[key];
    constexpr std::int64_t kLargest = std::int64_t{1} << 53;
    if (schema.value("type", Json()) != "integer" || !limit.is_number_integer()) return false;
    const auto number = limit.get<std::int64_t>();
    const char* closed = lower ? "minimum" : "maximum";
    if (number > kLargest || number < -kLargest || schema.contains(closed)) return false;
    schema[closed] = lower ? number + 1 : number - 1;
    return true;
  }

  void drop(Json& schema) {
    std::vector<std::string> unknown;
    for (auto&& [key, value] : schema.items()) {
      if (!contains(kKeywords, key)) unknown.push_back(key);
    }
    for (const std::string& key : unknown) {
      const bool is_limit = key == "exclusiveMinimum" || key == "exclusiveMaximum";
      const bool said_otherwise = is_limit && close_limit(schema, key);
      if (!said_otherwise && !contains(kAnnotations, key)) dropped_.insert(key);
      schema.erase(key);
      changed_ = true;
    }
  }

  const Json& root_;
  std::vector<std::string> open_references_;  // those that lead to where we are
  std::map<std::string, std::size_t> sizes_;  // of what references name, in bytes of JSON
  std::size_t copied_ = 0;
  std::size_t schemas_ = 0;
  bool recurs_ = false;
  bool changed_ = false;
  std::set<std::string> dropped_;
};

std::string without_schema(RequestNotes& notes) {
  notes.add("schema_changed", "a schema is too deep or too large for this provider: any object is accepted instead");
  return R"({"type":"object"})";
}

}  // namespace

bool is_google_schema(JsonSpan schema) {
  const Json json = Json::parse(schema.json, nullptr, false);
  if (!json.is_object() || !json.contains("type")) return false;
  const Json& type = json["type"];
  if (!type.is_string()) return type.is_number();
  const auto& name = type.get_ref<const std::string&>();
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z';
}

std::string to_schema(JsonSpan schema, RequestNotes& notes) {
  const Json root = Json::parse(schema.json, nullptr, false);
  if (!root.is_object()) return std::string(schema.json);
  Json json = root;
  // What is defined is cleaned where it is named; only recursive references need it at its place.
  json.erase("$defs");
  json.erase("definitions");
  Cleaner cleaner(root);
  if (!cleaner.clean(json, 0)) return without_schema(notes);
  bool changed = cleaner.changed();
  std::set<std::string> dropped = cleaner.dropped();
  if (cleaner.recurs()) {
    Json defined = Json::object();
    for (const char* key : {"$defs", "definitions"}) {
      if (const auto set = root.find(key); set != root.end() && set->is_object()) defined.update(*set);
    }
    Cleaner of_definitions(root);
    for (auto&& definition : defined.items()) {
      if (!of_definitions.clean(definition.value(), 1)) return without_schema(notes);
    }
    dropped.insert(of_definitions.dropped().begin(), of_definitions.dropped().end());
    if (!defined.empty()) json["$defs"] = std::move(defined);
    changed = true;
  }
  if (!changed && json.size() == root.size()) return std::string(schema.json);
  std::string names;
  for (const auto& name : dropped) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty())
    notes.add("schema_changed", "this provider's schemas have no " + names.substr(0, 200) + ": left out");
  return json.dump();
}

}  // namespace aiw::google
