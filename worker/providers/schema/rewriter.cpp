#include "worker/providers/schema/rewriter.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/schema/rules.hpp"

namespace aiw {
namespace {

using Json = OrderedJson;

constexpr std::size_t kBytesOfValue = 64;   // a text or a name counts as one value more for each so many bytes
constexpr std::size_t kMaxDescribed = 400;  // bytes of a keyword's value that a description quotes
// Keywords that hold schemas (json-schema.org, "Applicators").
constexpr Words kSchemas = "items additionalProperties not if then else";
constexpr Words kLists = "anyOf oneOf allOf prefixItems";
constexpr Words kMembers = "properties $defs definitions patternProperties dependentSchemas";

// False: `to` exists already.
bool rename(SchemaPass& pass, Json& schema, const char* from, const char* to) {
  if (!schema.contains(from)) return true;
  if (schema.contains(to)) return false;
  Json value = take(schema, from);
  schema[to] = std::move(value);
  return pass.changed = true;
}

}  // namespace

bool SchemaPass::rewrite(Json& schema, std::size_t depth) {
  if (!schema.is_object()) return !rules.refuses_others;  // true and false are schemas too
  if (depth > rules.most_depth) return !rules.refuses_depth;
  const std::size_t references = open_references.size();
  const bool fits = std::ranges::all_of(rules.rows, [&](const SchemaRow& row) {
    return (row.only_if != nullptr && !(profile->*row.only_if)) || row.rule(*this, schema);
  });
  const bool done = fits && rewrite_inner(schema, depth + 1) && (rules.after == nullptr || rules.after(*this, schema));
  open_references.resize(references);
  return done;
}

bool SchemaPass::rewrite_inner(Json& schema, std::size_t depth) {
  const auto rewrite_one = [&](Json& inner) { return rewrite(inner, depth); };
  for (auto&& [key, value] : schema.items()) {
    if (rules.not_entered.has(key)) continue;
    const bool is_list = kLists.has(key);
    if (kSchemas.has(key)) {
      if (!rewrite_one(value)) return false;
    } else if (is_list || kMembers.has(key)) {
      const bool is_right = is_list ? value.is_array() : value.is_object();
      if (is_right ? !std::ranges::all_of(value, rewrite_one) : rules.refuses_others) return false;
    }
  }
  return true;
}

bool SchemaPass::resolve(Json& schema) {
  while (const Json* reference = find_member(schema, "$ref", Json::value_t::string)) {
    const auto name = reference->get<std::string>();
    const Json* target = target_of(name);
    if (target == nullptr || std::ranges::find(open_references, name) != open_references.end()) return true;
    open_references.push_back(name);
    if (open_references.size() > rules.most_depth || !may_copy(*target)) return false;
    schema.erase("$ref");
    add_members(schema, *target);
    changed = true;
  }
  return true;
}

const Json* SchemaPass::target_of(const std::string& reference) const {
  if (!reference.starts_with('#')) return nullptr;
  try {
    const Json::json_pointer pointer(reference.substr(1));
    if (!root.contains(pointer)) return nullptr;
    const Json& target = root.at(pointer);
    return target.is_object() ? &target : nullptr;
  } catch (const Json::exception&) {
    return nullptr;
  }
}

// Charges the budget. False: the limit is reached.
bool SchemaPass::charge(std::size_t values) {
  if (budget_.values < reserved_ + values) return false;
  budget_.values -= values;
  return true;
}

bool SchemaPass::may_copy(const Json& value) {
  const std::size_t bytes = value.is_string() ? value.get_ref<const std::string&>().size() : 0;
  if (!charge(1 + bytes / kBytesOfValue)) return false;
  if (value.is_array()) return std::ranges::all_of(value, [&](const Json& item) { return may_copy(item); });
  if (!value.is_object()) return true;
  return std::ranges::all_of(value.get_ref<const Json::object_t&>(), [&](const auto& member) {
    return charge(member.first.size() / kBytesOfValue) && may_copy(member.second);
  });
}

bool has_type(const Json& schema, std::string_view type) {
  const auto found = schema.find("type");
  if (found == schema.end()) return false;
  if (!found->is_array()) return *found == type;
  return std::ranges::any_of(*found, [&](const Json& one) { return one == type; });
}

const char* type_of_value(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_number_integer()) return "integer";
  return value.is_number() ? "number" : nullptr;
}

Json* find_member(Json& schema, const char* key, Json::value_t type) {
  const auto found = schema.find(key);
  return found != schema.end() && found->type() == type ? &*found : nullptr;
}

Json take(Json& schema, const char* key) {
  Json value = std::move(schema[key]);
  schema.erase(key);
  return value;
}

void add_members(Json& schema, const Json& more) {
  for (auto&& [key, value] : more.items()) {
    if (!schema.contains(key)) schema[key] = value;
  }
}

bool drop_keywords(SchemaPass& pass, Json& schema) {
  std::string described;
  for (auto member = schema.begin(); member != schema.end();) {
    const Fate fate = pass.rules.fate(schema, member.key(), *member);
    if (fate == Fate::keep) {
      ++member;
      continue;
    }
    if (fate == Fate::describe) {
      const std::string limit = member.key() + ": " + member->dump();
      if (limit.size() <= kMaxDescribed) described += (described.empty() ? "" : ", ") + limit;
    }
    if (fate != Fate::forget) pass.dropped.insert(member.key());
    pass.changed = true;
    member = schema.erase(member);
  }
  if (described.empty()) return true;
  Json& description = schema["description"];
  description = description.is_string() ? description.get<std::string>() + " (" + described + ")" : described;
  return true;
}

bool merge_all_of(SchemaPass& pass, Json& schema) {
  if (!schema.contains("allOf")) return true;
  for (const Json& part : take(schema, "allOf")) {
    if (part.is_object()) add_members(schema, part);
  }
  return pass.changed = true;
}

bool choose_any_of(SchemaPass& pass, Json& schema) {
  return rename(pass, schema, "oneOf", "anyOf") || !pass.rules.refuses_others;
}

bool move_definitions(SchemaPass& pass, Json& schema) {
  rename(pass, schema, "definitions", "$defs");
  constexpr std::string_view kOld = "#/definitions/";
  Json* reference = find_member(schema, "$ref", Json::value_t::string);
  if (reference == nullptr || !reference->get_ref<const std::string&>().starts_with(kOld)) return true;
  const auto text = reference->get<std::string>();
  *reference = "#/$defs/" + text.substr(kOld.size());
  return pass.changed = true;
}

RewrittenSchema rewrite_schema(JsonSpan schema, const SchemaRules& rules, SchemaBudget& budget, RequestNotes& notes) {
  Json json = Json::parse(schema.json, nullptr, false);  // discarded: it has a number beyond a double
  SchemaPass pass(rules, budget);
  if (rules.root == nullptr ? !pass.rewrite(json) : !rules.root(pass, json)) {
    notes.add(rules.refused_code, rules.refused);
    return {std::string(rules.instead.empty() ? schema.json : rules.instead), false};
  }
  if (!pass.changed) return {std::string(schema.json)};
  const auto note = [&](const std::string& message) { notes.add(warning_code::schema_changed, message); };
  if (pass.made_nullable) note("strict mode requires every property: optional ones may be null instead");
  std::string names;
  for (const auto& name : pass.dropped) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) note(std::string(rules.lost).append(names, 0, rules.most_names).append(rules.lost_end));
  if (pass.closed_map) note("additionalProperties with a schema became false");
  return {json.dump()};
}

}  // namespace aiw
