#include "worker/executors/argument_schema.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "protocol/ascii.hpp"
#include "protocol/json_pointer.hpp"
#include "protocol/json_text.hpp"

namespace aiw {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 150;  // nesting of schemas; arguments are nested less deeply
// Schemas applied, values visited, and 64 bytes of text compared count one each. Takes up to 100 ms.
constexpr std::size_t kMaxWork = 200'000;
// Longer texts are refused: parsing them alone would delay other chats.
constexpr std::size_t kMaxSchemaBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxArgumentBytes = std::size_t{4} << 20;
constexpr std::size_t kComparisons = 8;        // of a value with one of an enum, for one unit of work
constexpr std::size_t kMaxShown = 120;         // bytes of a name, or of a part of a schema, in a reason
constexpr std::size_t kMaxPointerBytes = 300;  // bytes of a pointer in a reason

constexpr const char* kTooMuch = "they have too many or too deeply nested values to check";

// Of two verdicts on one value, the later one counts.
enum class Verdict {
  fits,
  undecided,  // a keyword that is not evaluated decides
  unchecked,  // takes too much work, or is nested too deeply
  misfits,
};

Verdict both(Verdict a, Verdict b) { return std::max(a, b); }
// Returns true if nothing else can change the verdict in favor of the value.
bool is_final(Verdict verdict) { return verdict >= Verdict::unchecked; }
Verdict inverted(Verdict verdict) {
  if (verdict == Verdict::fits) return Verdict::misfits;
  return verdict == Verdict::misfits ? Verdict::fits : verdict;
}

// Appends `text`, cut to `size` bytes.
void append_excerpt(std::string& out, std::string_view text, std::size_t size) {
  out += utf8_prefix(text, size);
  if (text.size() > size) out += "…";
}

// Appends `json` as text; only its beginning if it is longer than a reason shows.
void append_beginning(std::string& out, const Json& json) {
  if (json.is_string()) return append_json_string(out, utf8_prefix(json.get_ref<const std::string&>(), kMaxShown));
  if (!json.is_structured()) {
    out += json.dump();
    return;
  }
  out += json.is_object() ? '{' : '[';
  for (auto item = json.begin(); item != json.end() && out.size() <= kMaxShown; ++item) {
    if (item != json.begin()) out += ',';
    if (json.is_object()) {
      append_json_string(out, utf8_prefix(item.key(), kMaxShown));
      out += ':';
    }
    append_beginning(out, *item);
  }
  out += json.is_object() ? '}' : ']';
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
    if (!spend(1) || depth_ >= kMaxDepth) return Verdict::unchecked;
    if (schema.is_boolean()) return schema.get<bool>() ? Verdict::fits : against({"nothing may stand here"});
    if (!schema.is_object()) return Verdict::fits;
    ++depth_;
    Verdict verdict = values(schema, value);
    if (!is_final(verdict)) verdict = both(verdict, kinds(schema, value));
    if (!is_final(verdict)) verdict = both(verdict, combinations(schema, value));
    --depth_;
    return verdict;
  }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  // One level of the path to the value: a member or an item.
  struct Step {
    const std::string* key;  // nullptr: an item
    std::size_t index;
  };

  // Returns false once the budget is used up.
  bool spend(std::size_t work) {
    work_ -= std::min(work, work_);
    return work_ > 0;
  }
  // Returns the cost of reading or comparing a text.
  static std::size_t cost(std::string_view text) { return 1 + text.size() / 64; }
  // Returns the cost of comparing `value`, or at least the remaining budget.
  [[nodiscard]] std::size_t weight(const Json& value) const {
    if (value.is_string()) return cost(value.get_ref<const std::string&>());
    std::size_t sum = 1;
    if (!value.is_structured()) return sum;
    for (auto item = value.begin(); item != value.end() && sum < work_; ++item) {
      if (value.is_object()) sum += item.key().size() / 64;
      sum += weight(*item);
    }
    return sum;
  }

  // True if a violation that is found now is the reason to report.
  [[nodiscard]] bool keeps_reason() const { return quiet_ == 0 && reason_.empty(); }
  // Returns a part of a schema for a reason; empty if no reason will be kept.
  [[nodiscard]] std::string shown(const Json& json) const {
    std::string text;
    if (keeps_reason()) append_beginning(text, json);
    return text;
  }
  // Reports a violation. The parts of its reason are cut and joined only if the reason is kept.
  Verdict against(std::initializer_list<std::string_view> why) {
    if (!keeps_reason()) return Verdict::misfits;
    if (!path_.empty()) {
      append_excerpt(reason_, pointer(kMaxPointerBytes), kMaxPointerBytes);
      reason_ += ": ";
    }
    for (const auto part : why) append_excerpt(reason_, part, kMaxShown);
    return Verdict::misfits;
  }
  // Returns the JSON pointer to the value; possibly only its beginning if it is longer than `size`.
  [[nodiscard]] std::string pointer(std::size_t size = std::string::npos) const {
    std::string out;
    for (const Step& step : path_) {
      if (out.size() > size) break;
      out += '/';
      if (step.key == nullptr) {
        out += std::to_string(step.index);
      } else {
        out += escape_pointer(size == std::string::npos ? *step.key : utf8_prefix(*step.key, size));
      }
    }
    return out;
  }

  // Applies a schema whose violation is not an error in itself, so no reason is recorded.
  Verdict quietly(const Json& schema, const Json& value) {
    ++quiet_;
    const std::size_t nulls = absent_nulls_ == nullptr ? 0 : absent_nulls_->size();
    const Verdict verdict = apply(schema, value);
    if (absent_nulls_ != nullptr && verdict == Verdict::misfits) absent_nulls_->resize(nulls);
    --quiet_;
    return verdict;
  }
  Verdict below(Step step, const Json& schema, const Json& value) {
    path_.push_back(step);
    const Verdict verdict = apply(schema, value);
    path_.pop_back();
    return verdict;
  }

  Verdict values(const Json& schema, const Json& value) {
    if (const auto type = schema.find("type"); type != schema.end()) {
      const auto is = [&](const Json& name) {
        return !name.is_string() || has_type(value, name.get_ref<const std::string&>());
      };
      if (type->is_array() && !spend(type->size())) return Verdict::unchecked;
      if (!(type->is_array() ? std::ranges::any_of(*type, is) : is(*type))) {
        return against({"is ", value.type_name(), ", not ", shown(*type)});
      }
    }
    if (const auto choices = schema.find("enum"); choices != schema.end() && choices->is_array()) {
      if (!spend(weight(value) * choices->size() / kComparisons)) return Verdict::unchecked;
      if (std::ranges::find(*choices, value) == choices->end()) return against({"is none of ", shown(*choices)});
    }
    if (const auto constant = schema.find("const"); constant != schema.end()) {
      if (!spend(weight(value))) return Verdict::unchecked;
      if (*constant != value) return against({"is not ", shown(*constant)});
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
    if (at_least && number < *at_least) return against({"has fewer than ", shown(schema[least]), what});
    if (at_most && number > *at_most) return against({"has more than ", shown(schema[most]), what});
    return Verdict::fits;
  }

  Verdict number(const Json& schema, const Json& value) {
    const auto got = value.get<double>();
    if (const auto least = limit(schema, "minimum"); least && got < *least)
      return against({"is less than ", shown(schema["minimum"])});
    if (const auto most = limit(schema, "maximum"); most && got > *most)
      return against({"is more than ", shown(schema["maximum"])});
    if (const auto floor = limit(schema, "exclusiveMinimum"); floor && got <= *floor) {
      return against({"is not more than ", shown(schema["exclusiveMinimum"])});
    }
    if (const auto ceiling = limit(schema, "exclusiveMaximum"); ceiling && got >= *ceiling) {
      return against({"is not less than ", shown(schema["exclusiveMaximum"])});
    }
    const auto step = limit(schema, "multipleOf");
    if (step && !is_multiple(got, *step)) return against({"is no multiple of ", shown(schema["multipleOf"])});
    return Verdict::fits;
  }

  Verdict string(const Json& schema, const Json& value) {
    Verdict verdict = schema.contains("pattern") ? Verdict::undecided : Verdict::fits;
    if (!schema.contains("minLength") && !schema.contains("maxLength")) return verdict;
    const auto& text = value.get_ref<const std::string&>();
    if (!spend(cost(text))) return Verdict::unchecked;
    return both(verdict, size(schema, "minLength", "maxLength", count_characters(text), " characters"));
  }

  Verdict object(const Json& schema, const Json& value) {
    Verdict verdict = size(schema, "minProperties", "maxProperties", value.size(), " members");
    if (const auto required = schema.find("required"); required != schema.end() && !is_final(verdict)) {
      verdict = both(verdict, has_all(value, *required));
    }
    if (const auto dependent = schema.find("dependentRequired"); dependent != schema.end() && dependent->is_object()) {
      for (auto entry = dependent->begin(); entry != dependent->end() && !is_final(verdict); ++entry) {
        if (!spend(cost(entry.key()))) return Verdict::unchecked;
        if (value.contains(entry.key())) verdict = both(verdict, has_all(value, *entry));
      }
    }
    return is_final(verdict) ? verdict : both(verdict, members(schema, value));
  }
  Verdict has_all(const Json& value, const Json& keys) {
    if (!keys.is_array()) return Verdict::fits;
    for (const auto& key : keys) {
      if (!spend(1)) return Verdict::unchecked;
      if (!key.is_string()) continue;
      const auto& name = key.get_ref<const std::string&>();
      if (!spend(cost(name))) return Verdict::unchecked;
      if (!value.contains(name)) return against({"\"", name, "\" is missing"});
    }
    return Verdict::fits;
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
    if (declared == schema.end() && others == schema.end() && names == schema.end()) return verdict;
    for (auto entry = value.begin(); entry != value.end() && !is_final(verdict); ++entry) {
      const std::string& key = entry.key();
      const Json& member = *entry;
      const Step step{&key, 0};
      if (!spend(cost(key))) return Verdict::unchecked;
      if (names != schema.end()) {
        if (!spend(cost(key))) return Verdict::unchecked;
        verdict = both(verdict, below(step, *names, Json(key)));
      }
      if (const auto known = properties.find(key); known != properties.end()) {
        if (member.is_null() && absent_nulls_ != nullptr) {
          if (!required) required = required_names(schema);
          if (!required->contains(key) && is_absent(step, *known)) continue;
        }
        verdict = both(verdict, below(step, *known, member));
      } else if (others != schema.end() && !patterns) {
        verdict =
            both(verdict, others->is_boolean() && !others->get<bool>() ? unknown(key) : below(step, *others, member));
      }
    }
    return verdict;
  }
  std::set<std::string_view> required_names(const Json& schema) {
    std::set<std::string_view> names;
    const auto required = schema.find("required");
    if (required == schema.end() || !required->is_array()) return names;
    for (const auto& name : *required) {
      if (!spend(1)) break;
      if (!name.is_string()) continue;
      const auto& text = name.get_ref<const std::string&>();
      if (!spend(cost(text))) break;
      names.insert(text);
    }
    return names;
  }
  // Records an optional member that is null although its schema does not allow null.
  bool is_absent(Step step, const Json& known) {
    if (quietly(known, nullptr) != Verdict::misfits) return false;
    path_.push_back(step);
    std::size_t work = 0;
    for (const Step& level : path_) work += level.key == nullptr ? 1 : cost(*level.key);
    const bool paid = spend(work);
    if (paid) absent_nulls_->push_back(pointer());
    path_.pop_back();
    return paid;
  }
  Verdict unknown(const std::string& key) { return against({"\"", key, "\" is not a member that it has"}); }

  Verdict array(const Json& schema, const Json& value) {
    Verdict verdict = size(schema, "minItems", "maxItems", value.size(), " items");
    if (verdict == Verdict::misfits) return verdict;
    if (schema.contains("contains") || schema.contains("unevaluatedItems")) verdict = Verdict::undecided;
    if (const auto unique = schema.find("uniqueItems"); unique != schema.end() && *unique == true) {
      verdict = both(verdict, distinct(value));
    }
    return is_final(verdict) ? verdict : both(verdict, items(schema, value));
  }
  Verdict distinct(const Json& value) {
    if (!spend(2 * weight(value))) return Verdict::unchecked;
    std::vector<const Json*> sorted;
    for (const auto& item : value) sorted.push_back(&item);
    std::ranges::sort(sorted, [](const Json* a, const Json* b) { return *a < *b; });
    const auto same = [](const Json* a, const Json* b) { return *a == *b; };
    if (std::ranges::adjacent_find(sorted, same) == sorted.end()) return Verdict::fits;
    return against({"has the same item twice"});
  }
  Verdict items(const Json& schema, const Json& value) {
    const auto rest = schema.find("items");
    auto first = schema.find("prefixItems");
    auto after = rest;
    if (rest != schema.end() && rest->is_array()) {  // draft 7 form
      first = rest;
      after = schema.find("additionalItems");
    }
    const std::size_t own = first != schema.end() && first->is_array() ? first->size() : 0;  // items with a schema each
    const std::size_t end = after == schema.end() ? std::min(own, value.size()) : value.size();
    Verdict verdict = Verdict::fits;
    for (std::size_t i = 0; i < end && !is_final(verdict); ++i) {
      verdict = both(verdict, below({nullptr, i}, i < own ? (*first)[i] : *after, value[i]));
    }
    return verdict;
  }

  Verdict combinations(const Json& schema, const Json& value) {
    Verdict verdict = reference(schema, value);
    if (const auto all = schema.find("allOf"); all != schema.end() && all->is_array()) {
      for (auto one = all->begin(); one != all->end() && !is_final(verdict); ++one) {
        verdict = both(verdict, apply(*one, value));
      }
    }
    if (is_final(verdict)) return verdict;
    if (const auto any = schema.find("anyOf"); any != schema.end() && any->is_array()) {
      verdict = both(verdict, alternatives(*any, value, false));
    }
    if (const auto one = schema.find("oneOf"); one != schema.end() && one->is_array()) {
      verdict = both(verdict, alternatives(*one, value, true));
    }
    if (const auto no = schema.find("not"); no != schema.end()) {
      const Verdict inner = inverted(quietly(*no, value));
      verdict = both(verdict, inner == Verdict::misfits ? against({"is what it must not be"}) : inner);
    }
    if (const auto condition = schema.find("if"); condition != schema.end()) {
      verdict = both(verdict, conditional(schema, *condition, value));
    }
    if (const auto dependent = schema.find("dependentSchemas");
        dependent != schema.end() && value.is_object() && dependent->is_object()) {
      for (auto entry = dependent->begin(); entry != dependent->end() && !is_final(verdict); ++entry) {
        if (!spend(cost(entry.key()))) return Verdict::unchecked;
        if (value.contains(entry.key())) verdict = both(verdict, apply(*entry, value));
      }
    }
    return verdict;
  }
  Verdict alternatives(const Json& schemas, const Json& value, bool exactly_one) {
    int fitting = 0;
    Verdict open = Verdict::fits;  // of the alternatives that may fit
    for (const auto& schema : schemas) {
      const Verdict verdict = quietly(schema, value);
      if (verdict == Verdict::fits) ++fitting;
      if (verdict != Verdict::misfits) open = both(open, verdict);
      if (fitting > 0 && !exactly_one) return Verdict::fits;
      if (work_ == 0) return Verdict::unchecked;
    }
    if (fitting > 1) return against({"fits more than one of the alternatives of which one is allowed"});
    if (open != Verdict::fits) return open;
    return fitting == 1 || schemas.empty() ? Verdict::fits : against({"fits none of the alternatives"});
  }
  Verdict conditional(const Json& schema, const Json& condition, const Json& value) {
    const Verdict verdict = quietly(condition, value);
    if (verdict == Verdict::undecided || verdict == Verdict::unchecked) return verdict;
    const auto branch = schema.find(verdict == Verdict::fits ? "then" : "else");
    return branch == schema.end() ? Verdict::fits : apply(*branch, value);
  }
  Verdict reference(const Json& schema, const Json& value) {
    if (schema.contains("$dynamicRef")) return Verdict::undecided;
    const auto ref = schema.find("$ref");
    if (ref == schema.end() || !ref->is_string()) return Verdict::fits;
    const auto [known, is_new] = targets_.try_emplace(&*ref, nullptr);
    if (is_new) {
      const auto& text = ref->get_ref<const std::string&>();
      if (!spend(cost(text))) return Verdict::unchecked;
      known->second = resolve(text);
    }
    const Json* const target = known->second;
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
  std::vector<Step> path_;
  std::string reason_;
  std::unordered_map<const Json*, const Json*> targets_;  // by the text of a $ref; nullptr: not in this document
  int quiet_ = 0;
  int depth_ = 0;
  std::size_t work_;
  std::vector<std::string>* absent_nulls_;  // nullptr: null is validated like any other value
};

// Returns the work of parsing `json`, which is valid: mostly that of its values.
std::size_t parsing_work(std::string_view json) {
  std::size_t values = 1;
  const char* const end = json.data() + json.size();
  for (const char* at = json.data(); at < end; ++at) {
    if (*at == ',' || *at == '[' || *at == '{') ++values;
    if (*at != '"') continue;
    at = find_json_special(at + 1, end);
    while (at < end && *at == '\\') at = find_json_special(std::min(at + 2, end), end);
  }
  return 1 + values / 4 + json.size() / 256;
}

// Returns true if the schema of an object allows any members. Says only what can be seen at once.
bool allows_any_members(const Json& schema) {
  if (!schema.is_object()) return false;
  constexpr std::array<std::string_view, 5> kDescriptions = {"$schema", "$comment", "title", "description", "examples"};
  for (auto word = schema.begin(); word != schema.end(); ++word) {
    const bool allows = (word.key() == "type" && *word == "object") || (word.key() == "properties" && word->empty()) ||
                        (word.key() == "required" && word->empty()) ||
                        (word.key() == "additionalProperties" && *word == true);
    if (!allows && std::ranges::count(kDescriptions, word.key()) == 0) return false;
  }
  return true;
}

}  // namespace

struct ArgumentSchema::Document {
  Json schema{};
  bool too_long = false;
  bool any_members = false;
};

ArgumentSchema::ArgumentSchema(std::string_view schema) {
  auto document = std::make_unique<Document>();
  document->too_long = schema.size() > kMaxSchemaBytes;
  if (!document->too_long) document->schema = Json::parse(schema, nullptr, false);
  document->any_members = allows_any_members(document->schema);
  document_ = std::move(document);
}
ArgumentSchema::~ArgumentSchema() = default;
ArgumentSchema::ArgumentSchema(ArgumentSchema&&) noexcept = default;
ArgumentSchema& ArgumentSchema::operator=(ArgumentSchema&&) noexcept = default;

std::optional<std::string> ArgumentSchema::first_violation(std::string_view arguments) const {
  std::size_t work = kMaxWork;
  return first_violation(arguments, work);
}

std::optional<std::string> ArgumentSchema::first_violation(std::string_view arguments, std::size_t& work) const {
  if (document_->too_long) return "the schema is longer than 1 MiB, which is too much to check";
  if (document_->schema.is_discarded()) return std::nullopt;
  if (document_->any_members && arguments.starts_with('{')) return std::nullopt;
  if (arguments.size() > kMaxArgumentBytes) return "they are longer than 4 MiB, which is too much to check";
  const std::size_t allowed = std::min(work, kMaxWork);
  const std::size_t parsing = parsing_work(arguments);
  if (parsing >= allowed) return kTooMuch;
  const Json value = Json::parse(arguments, nullptr, false);
  if (value.is_discarded()) return "they cannot be read";
  Check check(document_->schema, allowed - parsing);
  const Verdict verdict = check.apply(document_->schema, value);
  work -= allowed - check.work_left();
  if (!is_final(verdict)) return std::nullopt;
  if (verdict == Verdict::unchecked) return kTooMuch;
  return check.reason().empty() ? "they do not fit the schema" : check.reason();
}

std::vector<std::string> ArgumentSchema::absent_nulls(std::string_view arguments, std::size_t& work) const {
  std::vector<std::string> pointers;
  if (document_->too_long || document_->any_members || document_->schema.is_discarded()) return pointers;
  if (arguments.size() > kMaxArgumentBytes || !arguments.contains("null")) return pointers;
  const std::size_t allowed = std::min(work, kMaxWork);
  const std::size_t parsing = parsing_work(arguments);
  if (parsing >= allowed) return pointers;
  const Json value = Json::parse(arguments, nullptr, false);
  if (value.is_discarded()) return pointers;
  Check check(document_->schema, allowed - parsing, &pointers);
  check.apply(document_->schema, value);
  work -= allowed - check.work_left();
  return pointers;
}

}  // namespace aiw
