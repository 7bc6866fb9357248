#include "worker/providers/profile/tool_schema.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "protocol/json_reader.hpp"
#include "worker/base/ordered_json.hpp"

namespace aiw {
namespace {

using Json = OrderedJson;

constexpr int kMaxSchemaDepth = 1'000;
constexpr int kMaxNesting = 8;  // of combinators and references at the top
constexpr std::size_t kMaxChoices = 100;
// In one schema: references may lead back into themselves, and each copies what it names.
constexpr std::size_t kMaxFolds = 400;
constexpr std::size_t kMaxCopiedValues = 100'000;
constexpr std::size_t kBytesOfValue = 64;  // so long a text counts as a value more
constexpr auto kCombinators = std::to_array<const char*>({"allOf", "anyOf", "oneOf"});
// These say nothing that properties could.
constexpr auto kRefusedBesideThem = std::to_array<const char*>({"not", "enum", "const", "if", "then", "else"});

// Whether some key of the text, a keyword's aside, does not fit.
bool has_odd_key(std::string_view json, const WordRule& rule) {
  for (auto at = json.find('"'); at != std::string_view::npos; at = json.find('"', at)) {
    const auto begin = ++at;
    while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
    if (at >= json.size()) return false;
    const auto word = json.substr(begin, at - begin);
    const auto next = json.find_first_not_of(" \t\r\n", ++at);
    if (next == std::string_view::npos || json[next] != ':') continue;
    const bool keyword = word == "$ref" || word == "$defs" || word == "$schema" || word == "$id" || word == "$comment";
    if (!keyword && !fits(rule, word)) return true;
  }
  return false;
}

// Whether what stands below the top has to be looked at.
bool may_need_walk(std::string_view json, const ServerProfile& profile) {
  if (profile.schema_typed) return true;
  if (profile.schema_items && json.contains("\"array\"")) return true;
  if (profile.schema_required && (json.contains("\"required\"") || json.contains("\"#/definitions/"))) return true;
  return profile.property_names.charset != WordRule::Charset::any && has_odd_key(json, profile.property_names);
}

// What stands at the top decides whether the schema has to be read whole.
bool is_fine(JsonSpan schema, const ServerProfile& profile) {
  std::string text(schema.json);
  JsonReader reader(text.data(), text.size(), kMaxSchemaDepth);
  bool typed = false, properties = false, combined = false;
  reader.object_with_nulls([&](std::string_view key) {
    const JsonSpan value = reader.value();
    typed = typed || (key == "type" && value.json == R"("object")");
    properties = properties || (key == "properties" && value.is_object());
    combined = combined || key == "$ref" || std::ranges::count(kCombinators, key) > 0 ||
               std::ranges::count(kRefusedBesideThem, key) > 0;
  });
  return reader.ok() && typed && (properties || !profile.schema_properties) &&
         (!combined || profile.schema_combinators);
}

// Puts what the choices say into the schema's own members.
class TopFolder {
 public:
  explicit TopFolder(const Json& root) : root_(root) {}

  void fold(Json& schema, int depth = 0) {
    if (depth > kMaxNesting || !schema.is_object() || ++folds_ > kMaxFolds) return;
    resolve(schema);
    for (const char* combinator : kCombinators) {
      const auto found = schema.find(combinator);
      if (found == schema.end()) continue;
      Json choices = std::move(*found);
      schema.erase(combinator);
      if (choices.is_array()) merge(schema, std::move(choices), combinator, depth);
    }
    for (const char* keyword : kRefusedBesideThem) schema.erase(keyword);
  }

 private:
  // A reference at the top is replaced by what it names, as far as that is in the schema itself.
  void resolve(Json& schema) {
    for (int i = 0; i < kMaxNesting; ++i) {
      const auto reference = schema.find("$ref");
      if (reference == schema.end()) return;
      const std::string pointer = reference->is_string() ? reference->get<std::string>() : std::string();
      schema.erase("$ref");
      const Json* target = find(pointer);
      if (target == nullptr || !target->is_object() || !may_copy(*target)) return;
      for (const auto& [key, value] : target->items()) {
        if (!schema.contains(key)) schema[key] = value;
      }
    }
  }

  // Counts the values in it. False: the limit is reached.
  bool may_copy(const Json& value) {
    if (++copied_ > kMaxCopiedValues) return false;
    if (value.is_string()) copied_ += value.get_ref<const std::string&>().size() / kBytesOfValue;
    return !value.is_structured() || std::ranges::all_of(value, [&](const Json& inner) { return may_copy(inner); });
  }

  // "#/$defs/name" and the like.
  [[nodiscard]] const Json* find(std::string_view pointer) const {
    if (!pointer.starts_with("#/")) return nullptr;
    const Json* at = &root_;
    for (pointer.remove_prefix(2); at != nullptr;) {
      const auto key = pointer.substr(0, pointer.find('/'));
      const auto member = at->is_object() ? at->find(std::string(key)) : at->end();
      at = at->is_object() && member != at->end() ? &*member : nullptr;
      if (key.size() == pointer.size()) break;
      pointer.remove_prefix(key.size() + 1);
    }
    return at;
  }

  void merge(Json& schema, Json choices, std::string_view combinator, int depth) {
    const bool all = combinator == "allOf";
    const auto own = strings_of(schema, "required");
    std::set<std::string> known(own.begin(), own.end());
    std::optional<std::set<std::string>> in_each;
    std::string told;
    std::size_t seen = 0;
    for (Json& choice : choices) {
      if (++seen > kMaxChoices) break;
      fold(choice, depth + 1);
      if (!choice.is_object()) continue;
      add_properties(schema, choice);
      const auto required = strings_of(choice, "required");
      if (all) {
        for (const auto& name : required) require(schema, name, known);
        continue;
      }
      tell(told, required);
      const std::set<std::string> names(required.begin(), required.end());
      if (!in_each) {
        in_each = names;
      } else {
        std::erase_if(*in_each, [&](const std::string& name) { return !names.contains(name); });
      }
    }
    if (in_each) {
      for (const auto& name : *in_each) require(schema, name, known);
    }
    if (!told.empty())
      describe(schema, (combinator == "oneOf" ? "Exactly one of: " : "At least one of: ") + told + ".");
  }

  static std::vector<std::string> strings_of(const Json& schema, const char* member) {
    std::vector<std::string> out;
    const auto found = schema.find(member);
    if (found == schema.end() || !found->is_array()) return out;
    for (const Json& item : *found) {
      if (item.is_string()) out.push_back(item.get<std::string>());
    }
    return out;
  }

  static void tell(std::string& told, const std::vector<std::string>& required) {
    if (required.empty()) return;
    told += told.empty() ? "" : "; ";
    for (const auto& name : required) told += (&name == &required.front() ? "" : " and ") + name;
  }

  static void describe(Json& schema, const std::string& text) {
    const auto old = schema.find("description");
    const bool has_old = old != schema.end() && old->is_string() && !old->get_ref<const std::string&>().empty();
    schema["description"] = has_old ? old->get<std::string>() + " " + text : text;
  }

  // Both are possible where two choices describe one property in two ways.
  static void add_properties(Json& schema, Json& choice) {
    const auto found = choice.find("properties");
    if (found == choice.end() || !found->is_object()) return;
    Json& properties = schema["properties"];
    if (!properties.is_object()) properties = Json::object();
    for (auto& [name, value] : found->items()) {
      if (!properties.contains(name)) {
        properties[name] = std::move(value);
      } else if (properties[name] != value) {
        Json both = Json::array({std::move(properties[name]), std::move(value)});
        properties[name] = Json::object();
        properties[name]["anyOf"] = std::move(both);
      }
    }
  }

  // `known`: what is required already.
  static void require(Json& schema, const std::string& name, std::set<std::string>& known) {
    Json& required = schema["required"];
    if (!required.is_array()) required = Json::array();
    if (known.insert(name).second) required.push_back(name);
  }

  const Json& root_;
  std::size_t folds_ = 0, copied_ = 0;
};

// Goes through all schemas within one.
class SchemaWalker {
 public:
  explicit SchemaWalker(const ServerProfile& profile) : profile_(profile) {}

  void walk(Json& schema, int depth = 0) {
    if (!schema.is_object() || depth > kMaxWalkDepth) return;
    if (profile_.schema_items && is_array(schema) && !is_schema(schema, "items")) {
      schema["items"] = Json::object();
      changed = true;
    }
    if (profile_.schema_required) drop_undefined(schema);
    if (profile_.schema_typed) give_type(schema);
    rename_properties(schema);
    if (profile_.schema_required) move_definitions(schema);
    for (const char* member : {"properties", "$defs", "definitions", "patternProperties"}) {
      if (const auto found = schema.find(member); found != schema.end() && found->is_object()) {
        for (auto& one : *found) walk(one, depth + 1);
      }
    }
    for (const char* member : {"anyOf", "oneOf", "allOf", "prefixItems"}) {
      if (const auto found = schema.find(member); found != schema.end() && found->is_array()) {
        for (auto& one : *found) walk(one, depth + 1);
      }
    }
    for (const char* member : {"items", "additionalProperties", "not"}) {
      if (const auto found = schema.find(member); found != schema.end()) walk(*found, depth + 1);
    }
  }

  bool changed = false;
  std::map<std::string, std::string, std::less<>> renamed{};

 private:
  static constexpr int kMaxWalkDepth = 64;

  static bool is_array(const Json& schema) {
    const auto type = schema.find("type");
    return type != schema.end() &&
           (*type == "array" || (type->is_array() && std::ranges::count(*type, Json("array")) > 0));
  }
  static bool is_schema(const Json& schema, const char* member) {
    const auto found = schema.find(member);
    return found != schema.end() && (found->is_object() || found->is_boolean());
  }

  // "required property is not defined in properties"
  void drop_undefined(Json& schema) {
    const auto required = schema.find("required");
    if (required == schema.end() || !required->is_array()) return;
    const auto properties = schema.find("properties");
    if (properties == schema.end() || !properties->is_object()) return;
    const auto is_undefined = [&](const Json& name) {
      return !name.is_string() || !properties->contains(name.get_ref<const std::string&>());
    };
    Json defined = Json::array();
    for (const Json& name : *required) {
      if (!is_undefined(name)) defined.push_back(name);
    }
    if (defined.size() == required->size()) return;
    *required = std::move(defined);
    changed = true;
  }

  void give_type(Json& schema) {
    for (const char* keyword : {"not", "if", "then", "else"}) changed = schema.erase(keyword) > 0 || changed;
    if (const auto all = schema.find("allOf"); all != schema.end()) {
      const Json parts = std::move(*all);
      schema.erase("allOf");
      changed = true;
      for (const Json& part : parts) {
        if (!part.is_object()) continue;
        for (const auto& [key, value] : part.items()) {
          if (!schema.contains(key)) schema[key] = value;
        }
      }
    }
    if (const auto items = schema.find("items"); items != schema.end() && items->is_array()) {
      Json choices = std::move(*items);
      *items = Json::object();
      (*items)["anyOf"] = std::move(choices);
      changed = true;
    }
    const bool choice = schema.contains("anyOf") || schema.contains("oneOf") || schema.contains("$ref");
    if (choice) {
      changed = schema.erase("type") > 0 || changed;
    } else if (!schema.contains("type")) {
      schema["type"] = type_of(schema);
      changed = true;
    }
  }

  static const char* type_of(const Json& schema) {
    if (schema.contains("properties")) return "object";
    if (schema.contains("items")) return "array";
    for (const char* keyword : {"const", "enum"}) {
      const auto found = schema.find(keyword);
      if (found == schema.end()) continue;
      const Json& value = found->is_array() && !found->empty() ? found->front() : *found;
      if (value.is_number_integer()) return "integer";
      if (value.is_number()) return "number";
      if (value.is_boolean()) return "boolean";
    }
    return "string";
  }

  // "references must start with #/$defs/"
  void move_definitions(Json& schema) {
    if (const auto found = schema.find("definitions"); found != schema.end() && !schema.contains("$defs")) {
      Json definitions = std::move(*found);
      schema.erase("definitions");
      schema["$defs"] = std::move(definitions);
      changed = true;
    }
    const auto reference = schema.find("$ref");
    if (reference == schema.end() || !reference->is_string()) return;
    constexpr std::string_view kOld = "#/definitions/";
    const auto& text = reference->get_ref<const std::string&>();
    if (!text.starts_with(kOld)) return;
    *reference = "#/$defs/" + text.substr(kOld.size());
    changed = true;
  }

  void rename_properties(Json& schema) {
    const auto properties = schema.find("properties");
    if (properties == schema.end() || !properties->is_object()) return;
    const auto fits_rule = [&](const auto& member) { return fits(profile_.property_names, member.first); };
    const auto& members = properties->get_ref<const Json::object_t&>();
    if (std::ranges::all_of(members, fits_rule)) return;
    Json own = Json::object();
    for (auto& [name, value] : properties->items()) own[new_name(name)] = std::move(value);
    *properties = std::move(own);
    changed = true;
    if (const auto required = schema.find("required"); required != schema.end() && required->is_array()) {
      for (Json& name : *required) {
        if (name.is_string()) name = new_name(name.get<std::string>());
      }
    }
  }

  std::string new_name(const std::string& name) {
    if (fits(profile_.property_names, name)) return name;
    std::string made = fitted(profile_.property_names, name);
    renamed.emplace(made, name);
    return made;
  }

  const ServerProfile& profile_;
};

}  // namespace

std::optional<AdaptedSchema> adapt_tool_schema(JsonSpan schema, const ServerProfile& profile) {
  if (schema.empty()) return std::nullopt;
  const bool fine = !profile.schema_object || is_fine(schema, profile);
  if (fine && !may_need_walk(schema.json, profile)) return std::nullopt;
  Json json = Json::parse(schema.json, nullptr, false);
  if (!json.is_object()) return std::nullopt;  // for the builder, or a number beyond a double
  if (!fine) {
    if (!profile.schema_combinators) {
      const Json root = json;
      TopFolder(root).fold(json);
    }
    json["type"] = "object";
    if (profile.schema_properties && !json.contains("properties")) json["properties"] = Json::object();
  }
  SchemaWalker walker(profile);
  walker.walk(json);
  if (fine && !walker.changed) return std::nullopt;
  return AdaptedSchema{json.dump(), std::move(walker.renamed)};
}

}  // namespace aiw
