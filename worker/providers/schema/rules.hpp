// The form of a rule table, and the rules that several tables share. Only the files of this folder include it.
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "worker/base/ordered_json.hpp"
#include "worker/providers/schema/rewriter.hpp"

namespace aiw {

class SchemaPass;

// A set of words, written in one text.
class Words {
 public:
  consteval Words(const char* given) {
    for (std::string_view text(given); !text.empty(); ++size_) {
      const std::size_t end = std::min(text.find(' '), text.size());
      words_[size_] = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  [[nodiscard]] bool has(std::string_view word) const {
    const std::span used(words_.data(), size_);
    return std::ranges::find(used, word) != used.end();
  }

 private:
  std::array<std::string_view, 32> words_{};
  std::size_t size_ = 0;
};

// Changes one schema, not those within it. False: the target cannot express it.
using SchemaRule = bool (*)(SchemaPass& pass, OrderedJson& schema);

struct SchemaRow {
  SchemaRule rule;
  bool ServerProfile::* only_if = nullptr;  // flag of the server's profile; nullptr: always
};

// What drop_keywords() does with a keyword: drops it with or without a note, or moves it to the description, too.
enum class Fate { keep, note, describe, forget };

struct SchemaRules {
  SchemaRule root = nullptr;        // begins the rewriting of a whole schema; nullptr: SchemaPass::rewrite()
  std::span<const SchemaRow> rows;  // applied in this order, before the schemas within are rewritten
  SchemaRule after = nullptr;       // applied after them
  Fate (*fate)(OrderedJson& schema, const std::string& key, const OrderedJson& value);
  Words not_entered = "";  // keywords whose schemas stay as they are
  std::size_t most_depth = 64;
  bool refuses_depth = true;    // false: deeper schemas stay as they are
  bool refuses_others = false;  // refuses true and false as schemas, and lists that are not lists
  // Words of notes: around at most `most_names` bytes of the names of dropped keywords, and for a refused schema.
  std::string_view lost = {}, lost_end = {};
  std::size_t most_names = 200;
  std::string_view refused_code = {}, refused = {};
  std::string_view instead = {};  // the schema to send in place of a refused one; empty: the given one
};

// The rewriting of one schema by one target's rules.
class SchemaPass {
 public:
  SchemaPass(const SchemaRules& table, SchemaBudget& budget, const ServerProfile* server = nullptr)
      : rules(table), profile(server), budget_(budget), reserved_(budget.values - budget.values / 2) {}

  // Applies the rules to `schema` and all schemas within it.
  bool rewrite(OrderedJson& schema, std::size_t depth = 0);
  // Puts the members of the object in `root` that a reference names in its place; members beside it win. A reference
  // stays if it names no object, or leads into itself. False: the limit is reached.
  bool resolve(OrderedJson& schema);

  const SchemaRules& rules;
  const ServerProfile* profile;              // nullptr: the rules do not depend on the server
  OrderedJson root;                          // a copy of the given schema, if references are resolved in it
  std::vector<std::string> open_references;  // those that lead to the current schema
  // Results.
  bool changed = false;
  bool recurs = false;         // a reference stayed
  bool made_nullable = false;  // an optional property became required and may be null
  bool closed_map = false;     // an object of any names lost the schema of its values
  std::set<std::string> dropped;
  std::map<std::string, std::string, std::less<>> renamed;  // properties: the given names by the new ones

 private:
  bool rewrite_inner(OrderedJson& schema, std::size_t depth);
  [[nodiscard]] const OrderedJson* target_of(const std::string& reference) const;
  bool may_copy(const OrderedJson& value);
  bool charge(std::size_t values);

  SchemaBudget& budget_;
  const std::size_t reserved_;  // for the request's other schemas
};

// True if the schema's type is `type`, or one of several is.
bool has_type(const OrderedJson& schema, std::string_view type);
// Returns the type of a string, boolean or number; nullptr: another value.
const char* type_of_value(const OrderedJson& value);
// Returns a member of the schema if it has this type, else nullptr.
OrderedJson* find_member(OrderedJson& schema, const char* key, OrderedJson::value_t type);
// Removes a member and returns its value.
OrderedJson take(OrderedJson& schema, const char* key);
// Copies the members that the schema does not have.
void add_members(OrderedJson& schema, const OrderedJson& more);

// Rules.
bool drop_keywords(SchemaPass& pass, OrderedJson& schema);
// Adds the members of the schemas in `allOf`; the schema's own win.
bool merge_all_of(SchemaPass& pass, OrderedJson& schema);
// `oneOf` becomes `anyOf`, unless both exist.
bool choose_any_of(SchemaPass& pass, OrderedJson& schema);
// `definitions` becomes `$defs`, unless both exist; so do references.
bool move_definitions(SchemaPass& pass, OrderedJson& schema);

}  // namespace aiw
