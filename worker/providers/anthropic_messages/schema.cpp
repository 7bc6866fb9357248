#include "worker/providers/anthropic_messages/schema.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "worker/base/ordered_json.hpp"

namespace aiw::anthropic_messages {
namespace {

using Json = OrderedJson;

// https://docs.claude.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations
constexpr auto kRefused = std::to_array<std::string_view>({"minimum",
                                                           "maximum",
                                                           "exclusiveMinimum",
                                                           "exclusiveMaximum",
                                                           "multipleOf",
                                                           "minLength",
                                                           "maxLength",
                                                           "maxItems",
                                                           "uniqueItems",
                                                           "contains",
                                                           "minContains",
                                                           "maxContains",
                                                           "prefixItems",
                                                           "minProperties",
                                                           "maxProperties",
                                                           "patternProperties",
                                                           "propertyNames",
                                                           "dependentRequired",
                                                           "dependentSchemas",
                                                           "unevaluatedProperties",
                                                           "unevaluatedItems",
                                                           "not",
                                                           "if",
                                                           "then",
                                                           "else"});
constexpr auto kFormats = std::to_array<std::string_view>(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"});
constexpr std::size_t kMaxTold = 400;  // bytes of a limit that is quoted in a description

bool contains(const auto& list, std::string_view item) { return std::ranges::find(list, item) != list.end(); }

bool is_refused(const std::string& key, const Json& value) {
  if (key == "minItems") return value != 0 && value != 1;
  if (key == "format") return !value.is_string() || !contains(kFormats, value.get_ref<const std::string&>());
  if (key != "pattern") return contains(kRefused, key);
  // Lookaround, back references and word boundaries are refused.
  const std::string pattern = value.is_string() ? value.get<std::string>() : "(?";
  return pattern.contains("(?") || pattern.contains("\\b") || pattern.contains("\\B") ||
         std::ranges::any_of(std::to_array({"\\1", "\\2", "\\3"}), [&](auto* what) { return pattern.contains(what); });
}

bool is_object_schema(const Json& schema) {
  const auto type = schema.find("type");
  if (type == schema.end()) return schema.contains("properties");
  return *type == "object" || (type->is_array() && std::ranges::find(*type, Json("object")) != type->end());
}

class Cleaner {
 public:
  // Recursion depth is at most the parser's limit for a request's JSON.
  void clean(Json& schema) {
    if (!schema.is_object()) return;
    drop_refused(schema);
    if (schema.contains("oneOf") && !schema.contains("anyOf")) {
      Json choices = std::move(schema["oneOf"]);
      schema.erase("oneOf");
      schema["anyOf"] = std::move(choices);
      changed_ = true;
    }
    if (is_object_schema(schema)) close(schema);
    for (const char* members : {"properties", "$defs", "definitions"}) {
      if (const auto found = schema.find(members); found != schema.end() && found->is_object()) {
        for (auto& member : *found) clean(member);
      }
    }
    for (const char* choices : {"anyOf", "allOf"}) {
      if (const auto found = schema.find(choices); found != schema.end() && found->is_array()) {
        for (auto& choice : *found) clean(choice);
      }
    }
    if (const auto items = schema.find("items"); items != schema.end()) clean(*items);
  }

  [[nodiscard]] bool changed() const { return changed_; }
  [[nodiscard]] bool closed_map() const { return closed_map_; }
  [[nodiscard]] const std::set<std::string>& dropped() const { return dropped_; }

 private:
  void drop_refused(Json& schema) {
    std::string told;
    for (auto member = schema.begin(); member != schema.end();) {
      if (!is_refused(member.key(), member.value())) {
        ++member;
        continue;
      }
      const std::string limit = member.key() + ": " + member->dump();
      if (limit.size() <= kMaxTold) told += (told.empty() ? "" : ", ") + limit;
      dropped_.insert(member.key());
      changed_ = true;
      member = schema.erase(member);
    }
    if (told.empty()) return;
    const auto old = schema.find("description");
    const bool has_old = old != schema.end() && old->is_string();
    schema["description"] = has_old ? old->get<std::string>() + " (" + told + ")" : told;
  }

  void close(Json& schema) {
    const auto more = schema.find("additionalProperties");
    if (more != schema.end() && *more == false) return;
    // {} and true merely allow more properties. A schema describes a map, whose entries are lost.
    closed_map_ = closed_map_ || (more != schema.end() && more->is_object() && !more->empty());
    schema["additionalProperties"] = false;
    changed_ = true;
  }

  bool changed_ = false;
  bool closed_map_ = false;
  std::set<std::string> dropped_;
};

}  // namespace

std::string to_schema(JsonSpan schema, RequestNotes& notes) {
  Json json = Json::parse(schema.json, nullptr, false);
  Cleaner cleaner;
  if (json.is_discarded()) return std::string(schema.json);  // contains a number beyond a double: let the API refuse it
  cleaner.clean(json);
  if (!cleaner.changed()) return std::string(schema.json);
  std::string names;
  for (const auto& name : cleaner.dropped()) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) notes.add("schema_changed", "the description says now what the API cannot enforce: " + names);
  if (cleaner.closed_map()) notes.add("schema_changed", "additionalProperties with a schema became false");
  return json.dump();
}

}  // namespace aiw::anthropic_messages
