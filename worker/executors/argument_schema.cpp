#include "worker/executors/argument_schema.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "protocol/ascii.hpp"
#include "protocol/json_pointer.hpp"
#include "protocol/json_text.hpp"

namespace aiw {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 150;             // nesting of schemas; arguments are nested less deeply
constexpr std::size_t kMaxWork = 200'000;  // schemas applied plus values visited; takes a few milliseconds
// Longer texts are not validated: parsing them alone would delay other chats.
constexpr std::size_t kMaxSchemaBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxArgumentBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxShown = 120;  // bytes of a schema that a message quotes

enum class Verdict { fits, misfits, undecided };

Verdict both(Verdict a, Verdict b) {
  if (a == Verdict::misfits || b == Verdict::misfits) return Verdict::misfits;
  return a == Verdict::fits ? b : a;
}
Verdict inverted(Verdict verdict) {
  if (verdict == Verdict::undecided) return verdict;
  return verdict == Verdict::fits ? Verdict::misfits : Verdict::fits;
}

// 1.0 counts as an integer (validation, 6.1.1).
bool is_integer(const Json& value) {
  return value.is_number_integer() ||
         (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>());
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "integer") return is_integer(value);
  if (type == "boolean") return value.is_boolean();
  return type != "null" || value.is_null();  // unknown types are not validated
}

std::size_t count_characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

bool is_multiple(double value, double of) {
  if (of <= 0) return true;
  const double quotient = value / of;
  return !std::isfinite(quotient) ||
         std::abs(quotient - std::round(quotient)) <= 1e-9 * std::max(1.0, std::abs(quotient));
}

// Validation of one value. Keeps the first violation.
class Check {
 public:
  // With `absent_nulls`, skips nulls that stand for an absent member and appends their pointers to it.
  Check(const Json& root, std::size_t work, std::vector<std::string>* absent_nulls = nullptr)
      : root_(root), work_(work), absent_nulls_(absent_nulls) {}

  [[nodiscard]] std::size_t work_left() const { return work_; }

  Verdict apply(const Json& schema, const Json& value) {
    if (!spend(1) || depth_ >= kMaxDepth) return Verdict::undecided;
    if (schema.is_boolean()) return schema.get<bool>() ? Verdict::fits : against("nothing may stand here");
    if (!schema.is_object()) return Verdict::fits;
    ++depth_;
    Verdict verdict = values(schema, value);
    if (verdict != Verdict::misfits) verdict = both(verdict, kinds(schema, value));
    if (verdict != Verdict::misfits) verdict = both(verdict, combinations(schema, value));
    --depth_;
    return verdict;
  }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  // Returns false once the budget is used up.
  bool spend(std::size_t work) {
    work_ -= std::min(work, work_);
    return work_ > 0;
  }
  // Returns the cost of comparing `value`, or at least the remaining budget.
  [[nodiscard]] std::size_t weight(const Json& value) const {
    std::size_t sum = 1;
    if (value.is_string()) sum += value.get_ref<const std::string&>().size() / 64;
    if (!value.is_structured()) return sum;
    for (auto item = value.begin(); item != value.end() && sum < work_; ++item) sum += weight(*item);
    return sum;
  }

  // Returns an excerpt of a schema for a message; empty if no message will be kept.
  [[nodiscard]] std::string shown(const Json& json) const {
    if (quiet_ > 0 || !reason_.empty()) return {};
    std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return text.size() <= kMaxShown ? text : std::string(utf8_prefix(text, kMaxShown)) + "…";
  }
  Verdict against(const std::string& why) {
    if (quiet_ == 0 && reason_.empty()) reason_ = (path_.empty() ? "" : path_ + ": ") + why;
    return Verdict::misfits;
  }
  Verdict demand(bool condition, const std::string& why) { return condition ? Verdict::fits : against(why); }

  // Applies a schema whose violation is not an error in itself, so no reason is recorded.
  Verdict quietly(const Json& schema, const Json& value) {
    ++quiet_;
    const std::size_t nulls = absent_nulls_ == nullptr ? 0 : absent_nulls_->size();
    const Verdict verdict = apply(schema, value);
    if (absent_nulls_ != nullptr && verdict == Verdict::misfits) absent_nulls_->resize(nulls);
    --quiet_;
    return verdict;
  }
  Verdict below(std::string_view key, const Json& schema, const Json& value) {
    const std::size_t length = path_.size();
    path_ += "/" + escape_pointer(key);
    const Verdict verdict = apply(schema, value);
    path_.resize(length);
    return verdict;
  }

  Verdict values(const Json& schema, const Json& value) {
    if (const auto type = schema.find("type"); type != schema.end()) {
      const auto is = [&](const Json& name) {
        return !name.is_string() || has_type(value, name.get_ref<const std::string&>());
      };
      if (!(type->is_array() ? std::ranges::any_of(*type, is) : is(*type))) {
        return against("is " + std::string(value.type_name()) + ", not " + shown(*type));
      }
    }
    if (const auto choices = schema.find("enum"); choices != schema.end() && choices->is_array()) {
      if (!spend(weight(value) * choices->size())) return Verdict::undecided;
      if (std::ranges::find(*choices, value) == choices->end()) return against("is none of " + shown(*choices));
    }
    if (const auto constant = schema.find("const"); constant != schema.end()) {
      if (!spend(weight(value))) return Verdict::undecided;
      if (*constant != value) return against("is not " + shown(*constant));
    }
    return Verdict::fits;
  }

  Verdict kinds(const Json& schema, const Json& value) {
    if (value.is_object()) return object(schema, value);
    if (value.is_array()) return array(schema, value);
    if (value.is_string()) return string(schema, value);
    return value.is_number() ? number(schema, value) : Verdict::fits;
  }

  // Returns the numeric value of a keyword; nothing if it is absent or not a number.
  static std::optional<double> limit(const Json& schema, const char* word) {
    const auto found = schema.find(word);
    if (found == schema.end() || !found->is_number()) return std::nullopt;
    return found->get<double>();
  }
  Verdict size(const Json& schema, const char* least, const char* most, std::size_t count, const char* what) {
    const auto at_least = limit(schema, least);
    const auto at_most = limit(schema, most);
    const auto number = static_cast<double>(count);
    if (at_least && number < *at_least) return against("has fewer than " + shown(schema[least]) + what);
    if (at_most && number > *at_most) return against("has more than " + shown(schema[most]) + what);
    return Verdict::fits;
  }

  Verdict number(const Json& schema, const Json& value) {
    const auto got = value.get<double>();
    if (const auto least = limit(schema, "minimum"); least && got < *least)
      return against("is less than " + shown(schema["minimum"]));
    if (const auto most = limit(schema, "maximum"); most && got > *most)
      return against("is more than " + shown(schema["maximum"]));
    if (const auto floor = limit(schema, "exclusiveMinimum"); floor && got <= *floor) {
      return against("is not more than " + shown(schema["exclusiveMinimum"]));
    }
    if (const auto ceiling = limit(schema, "exclusiveMaximum"); ceiling && got >= *ceiling) {
      return against("is not less than " + shown(schema["exclusiveMaximum"]));
    }
    const auto step = limit(schema, "multipleOf");
    if (step && !is_multiple(got, *step)) return against("is no multiple of " + shown(schema["multipleOf"]));
    return Verdict::fits;
  }

  Verdict string(const Json& schema, const Json& value) {
    Verdict verdict = schema.contains("pattern") ? Verdict::undecided : Verdict::fits;
    if (!schema.contains("minLength") && !schema.contains("maxLength")) return verdict;
    const auto& text = value.get_ref<const std::string&>();
    if (!spend(text.size() / 64)) return Verdict::undecided;
    return both(verdict, size(schema, "minLength", "maxLength", count_characters(text), " characters"));
  }

  Verdict object(const Json& schema, const Json& value) {
    Verdict verdict = size(schema, "minProperties", "maxProperties", value.size(), " members");
    if (verdict == Verdict::misfits) return verdict;
    if (const auto required = schema.find("required"); required != schema.end() && required->is_array()) {
      if (!spend(required->size())) return Verdict::undecided;
      for (const auto& key : *required) verdict = both(verdict, has(value, key));
    }
    if (const auto dependent = schema.find("dependentRequired"); dependent != schema.end() && dependent->is_object()) {
      for (const auto& [key, keys] : dependent->items()) {
        if (!spend(1)) return Verdict::undecided;
        if (!value.contains(key) || !keys.is_array()) continue;
        if (!spend(keys.size())) return Verdict::undecided;
        for (const auto& other : keys) verdict = both(verdict, has(value, other));
      }
    }
    return verdict == Verdict::misfits ? verdict : both(verdict, members(schema, value));
  }
  Verdict has(const Json& value, const Json& key) {
    if (!key.is_string() || value.contains(key.get_ref<const std::string&>())) return Verdict::fits;
    return against("\"" + key.get<std::string>() + "\" is missing");
  }
  Verdict members(const Json& schema, const Json& value) {
    static const Json kNothing = Json::object();
    const auto declared = schema.find("properties");
    const Json& properties = declared != schema.end() && declared->is_object() ? *declared : kNothing;
    const auto others = schema.find("additionalProperties");
    const auto names = schema.find("propertyNames");
    const bool patterns = schema.contains("patternProperties");
    std::optional<std::set<std::string_view>> required;  // filled on first use
    Verdict verdict = patterns || schema.contains("unevaluatedProperties") ? Verdict::undecided : Verdict::fits;
    for (const auto& [key, member] : value.items()) {
      if (!spend(1)) return Verdict::undecided;
      if (names != schema.end()) verdict = both(verdict, below(key, *names, Json(key)));
      if (const auto known = properties.find(key); known != properties.end()) {
        if (member.is_null() && absent_nulls_ != nullptr) {
          if (!required) required = required_names(schema);
          if (!required->contains(key) && is_absent(key, *known)) continue;
        }
        verdict = both(verdict, below(key, *known, member));
      } else if (others != schema.end() && !patterns) {
        verdict =
            both(verdict, others->is_boolean() && !others->get<bool>() ? unknown(key) : below(key, *others, member));
      }
      if (verdict == Verdict::misfits) break;
    }
    return verdict;
  }
  std::set<std::string_view> required_names(const Json& schema) {
    std::set<std::string_view> names;
    const auto required = schema.find("required");
    if (required == schema.end() || !required->is_array() || !spend(required->size())) return names;
    for (const auto& name : *required) {
      if (name.is_string()) names.insert(name.get_ref<const std::string&>());
    }
    return names;
  }
  // Records an optional member that is null although its schema does not allow null.
  bool is_absent(const std::string& key, const Json& known) {
    if (!spend(1 + (path_.size() + key.size()) / 64)) return false;
    if (quietly(known, nullptr) != Verdict::misfits) return false;
    absent_nulls_->push_back(path_ + "/" + escape_pointer(key));
    return true;
  }
  Verdict unknown(const std::string& key) { return against("\"" + key + "\" is not a member that it has"); }

  Verdict array(const Json& schema, const Json& value) {
    Verdict verdict = size(schema, "minItems", "maxItems", value.size(), " items");
    if (verdict == Verdict::misfits) return verdict;
    if (schema.contains("contains") || schema.contains("unevaluatedItems")) verdict = Verdict::undecided;
    if (const auto unique = schema.find("uniqueItems"); unique != schema.end() && *unique == true) {
      verdict = both(verdict, distinct(value));
    }
    return verdict == Verdict::misfits ? verdict : both(verdict, items(schema, value));
  }
  Verdict distinct(const Json& value) {
    if (!spend(2 * weight(value))) return Verdict::undecided;
    std::vector<const Json*> sorted;
    for (const auto& item : value) sorted.push_back(&item);
    std::ranges::sort(sorted, [](const Json* a, const Json* b) { return *a < *b; });
    const auto same = [](const Json* a, const Json* b) { return *a == *b; };
    return demand(std::ranges::adjacent_find(sorted, same) == sorted.end(), "has the same item twice");
  }
  Verdict items(const Json& schema, const Json& value) {
    const auto rest = schema.find("items");
    auto first = schema.find("prefixItems");
    auto after = rest;
    if (rest != schema.end() && rest->is_array()) {  // draft 7 form
      first = rest;
      after = schema.find("additionalItems");
    }
    Verdict verdict = Verdict::fits;
    for (std::size_t i = 0; i < value.size() && verdict != Verdict::misfits; ++i) {
      if (first != schema.end() && first->is_array() && i < first->size()) {
        verdict = both(verdict, below(std::to_string(i), (*first)[i], value[i]));
      } else if (after != schema.end()) {
        verdict = both(verdict, below(std::to_string(i), *after, value[i]));
      }
    }
    return verdict;
  }

  Verdict combinations(const Json& schema, const Json& value) {
    Verdict verdict = reference(schema, value);
    if (const auto all = schema.find("allOf"); all != schema.end() && all->is_array()) {
      for (const auto& one : *all) verdict = both(verdict, apply(one, value));
    }
    if (const auto any = schema.find("anyOf"); any != schema.end() && any->is_array()) {
      verdict = both(verdict, alternatives(*any, value, false));
    }
    if (const auto one = schema.find("oneOf"); one != schema.end() && one->is_array()) {
      verdict = both(verdict, alternatives(*one, value, true));
    }
    if (const auto no = schema.find("not"); no != schema.end()) {
      const Verdict inner = inverted(quietly(*no, value));
      verdict = both(verdict, inner == Verdict::misfits ? against("is what it must not be") : inner);
    }
    if (const auto condition = schema.find("if"); condition != schema.end()) {
      verdict = both(verdict, conditional(schema, *condition, value));
    }
    if (const auto dependent = schema.find("dependentSchemas");
        dependent != schema.end() && value.is_object() && dependent->is_object()) {
      for (const auto& [key, more] : dependent->items()) {
        if (!spend(1)) return Verdict::undecided;
        if (value.contains(key)) verdict = both(verdict, apply(more, value));
      }
    }
    return verdict;
  }
  Verdict alternatives(const Json& schemas, const Json& value, bool exactly_one) {
    int fitting = 0;
    int open = 0;
    for (const auto& schema : schemas) {
      const Verdict verdict = quietly(schema, value);
      if (verdict == Verdict::fits) ++fitting;
      if (verdict == Verdict::undecided) ++open;
      if (fitting > 0 && !exactly_one) return Verdict::fits;
    }
    if (fitting > 1) return against("fits more than one of the alternatives of which one is allowed");
    if (open > 0) return Verdict::undecided;
    return demand(fitting == 1 || schemas.empty(), "fits none of the alternatives");
  }
  Verdict conditional(const Json& schema, const Json& condition, const Json& value) {
    const Verdict verdict = quietly(condition, value);
    if (verdict == Verdict::undecided) return verdict;
    const auto branch = schema.find(verdict == Verdict::fits ? "then" : "else");
    return branch == schema.end() ? Verdict::fits : apply(*branch, value);
  }
  Verdict reference(const Json& schema, const Json& value) {
    if (schema.contains("$dynamicRef")) return Verdict::undecided;
    const auto ref = schema.find("$ref");
    if (ref == schema.end() || !ref->is_string()) return Verdict::fits;
    const Json* target = resolve(ref->get_ref<const std::string&>());
    return target == nullptr ? Verdict::undecided : apply(*target, value);
  }
  // Resolves a JSON pointer in a fragment of this document. Returns nullptr for any other reference.
  [[nodiscard]] const Json* resolve(std::string_view ref) const {
    if (!ref.starts_with('#')) return nullptr;
    const Json* at = &root_;
    std::string_view rest = ref.substr(1);
    if (rest.find('%') != std::string_view::npos) return nullptr;
    while (!rest.empty()) {
      if (rest.front() != '/') return nullptr;
      const std::size_t end = std::min(rest.find('/', 1), rest.size());
      at = child(*at, unescaped(rest.substr(1, end - 1)));
      if (at == nullptr) return nullptr;
      rest.remove_prefix(end);
    }
    return at;
  }
  static const Json* child(const Json& of, const std::string& key) {
    if (of.is_object()) {
      const auto found = of.find(key);
      return found == of.end() ? nullptr : &*found;
    }
    if (!of.is_array() || key.empty() || key.size() > 6 || !std::ranges::all_of(key, is_ascii_digit)) {
      return nullptr;
    }
    const std::size_t index = std::stoul(key);
    return index < of.size() ? &of[index] : nullptr;
  }
  static std::string unescaped(std::string_view token) {
    std::string out;
    for (std::size_t i = 0; i < token.size(); ++i) {
      const bool escape = token[i] == '~' && i + 1 < token.size();
      out += !escape ? token[i] : token[++i] == '1' ? '/' : '~';
    }
    return out;
  }

  const Json& root_;
  std::string path_;
  std::string reason_;
  int quiet_ = 0;
  int depth_ = 0;
  std::size_t work_;
  std::vector<std::string>* absent_nulls_;  // nullptr: null is validated like any other value
};

}  // namespace

struct ArgumentSchema::Document {
  Json schema;
};

ArgumentSchema::ArgumentSchema(std::string_view schema)
    : document_(std::make_unique<Document>(schema.size() > kMaxSchemaBytes ? Json(Json::value_t::discarded)
                                                                           : Json::parse(schema, nullptr, false))) {}
ArgumentSchema::~ArgumentSchema() = default;
ArgumentSchema::ArgumentSchema(ArgumentSchema&&) noexcept = default;
ArgumentSchema& ArgumentSchema::operator=(ArgumentSchema&&) noexcept = default;

std::optional<std::string> ArgumentSchema::first_violation(std::string_view arguments) const {
  std::size_t work = kMaxWork;
  return first_violation(arguments, work);
}

std::optional<std::string> ArgumentSchema::first_violation(std::string_view arguments, std::size_t& work) const {
  if (arguments.size() > kMaxArgumentBytes || document_->schema.is_discarded()) return std::nullopt;
  const Json value = Json::parse(arguments, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  const std::size_t allowed = std::min(work, kMaxWork);
  Check check(document_->schema, allowed);
  const Verdict verdict = check.apply(document_->schema, value);
  work -= allowed - check.work_left();
  if (verdict != Verdict::misfits) return std::nullopt;
  return check.reason().empty() ? "they do not fit the schema" : check.reason();
}

std::vector<std::string> ArgumentSchema::absent_nulls(std::string_view arguments, std::size_t& work) const {
  std::vector<std::string> pointers;
  if (arguments.size() > kMaxArgumentBytes || document_->schema.is_discarded()) return pointers;
  if (!arguments.contains("null")) return pointers;
  const Json value = Json::parse(arguments, nullptr, false);
  if (value.is_discarded()) return pointers;
  const std::size_t allowed = std::min(work, kMaxWork);
  Check check(document_->schema, allowed, &pointers);
  check.apply(document_->schema, value);
  work -= allowed - check.work_left();
  return pointers;
}

}  // namespace aiw
