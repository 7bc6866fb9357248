// Validates the arguments of a call against the tool's JSON Schema, before the tool runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Bounded JSON Schema validator for schemas and arguments from untrusted sources (foreign servers, models). General
// validators fail on hostile input: std::regex overflows the stack on long texts, references can be circular, and
// alternatives can multiply without limit. Here the work is limited. Fails closed: arguments that are too large, too
// deep or too much work are refused like a violation, because a model could use them to get around the check. So are
// all arguments if the schema is over 1 MiB. Arguments are too large over 4 MiB, unless the schema allows any members.
// Keywords that are not evaluated, whatever the arguments are, count as valid: `pattern`, `patternProperties`,
// `contains` and its counts, `unevaluated*`, `$dynamicRef`, and references to other documents. Supports the keywords of
// 2020-12 and draft 7 (json-schema.org/draft/2020-12/json-schema-validation).
class ArgumentSchema {
 public:
  // A schema that is not a JSON object or boolean accepts everything.
  explicit ArgumentSchema(std::string_view schema);
  ~ArgumentSchema();
  ArgumentSchema(ArgumentSchema&&) noexcept;
  ArgumentSchema& operator=(ArgumentSchema&&) noexcept;

  // Returns the first violation in `arguments` (valid JSON), with a JSON pointer to its location: "/city: is missing".
  // Or returns why the arguments cannot be checked. Names and parts of the schema are cut. Returns nothing if the
  // arguments are valid.
  [[nodiscard]] std::optional<std::string> first_violation(std::string_view arguments) const;
  // Same, with a work budget that several checks share. Writes the remaining budget back to `work`.
  [[nodiscard]] std::optional<std::string> first_violation(std::string_view arguments, std::size_t& work) const;
  // Returns JSON pointers to members of `arguments` that are null, but neither required nor nullable. A provider that
  // received the schema in strict form sends such nulls for omitted members. Also uses the budget `work`.
  [[nodiscard]] std::vector<std::string> absent_nulls(std::string_view arguments, std::size_t& work) const;

 private:
  struct Document;
  std::unique_ptr<const Document> document_;
};

}  // namespace aiw
