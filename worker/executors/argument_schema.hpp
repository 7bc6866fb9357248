// Checks a call's arguments against the tool's JSON Schema before the tool runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Our own, because a schema may come from a stranger's server and arguments from a model, and both may be made to hurt:
// std::regex overflows the stack on long texts, references may go in circles, alternatives may multiply without end. So
// the work is bounded, and what is not decided counts as fitting: the tool still sees it. A schema of more than 1 MiB
// judges nothing, nor are arguments of more than 4 MiB judged. Not decided are `pattern`, `patternProperties`,
// `contains` with counts, `unevaluated*`, `$dynamicRef` and references to other documents. Reads the words of 2020-12
// and draft 7 (json-schema.org/draft/2020-12/json-schema-validation).
class ArgumentSchema {
 public:
  // A text that is no JSON object or boolean takes everything.
  explicit ArgumentSchema(std::string_view schema);
  ~ArgumentSchema();
  ArgumentSchema(ArgumentSchema&&) noexcept;
  ArgumentSchema& operator=(ArgumentSchema&&) noexcept;

  // Why `arguments`, valid JSON, do not fit, with a JSON pointer to the place: "/city: is missing". Nothing if they do.
  [[nodiscard]] std::optional<std::string> misfit(std::string_view arguments) const;
  // The same out of a budget that several checks share: what is left of it is written back.
  [[nodiscard]] std::optional<std::string> misfit(std::string_view arguments, std::size_t& work) const;
  // JSON pointers of the members of `arguments` that are null, are not required and may not be null. A provider that
  // was given the schema in strict form says so of members that it leaves out.
  [[nodiscard]] std::vector<std::string> absent_nulls(std::string_view arguments, std::size_t& work) const;

 private:
  struct Document;
  std::unique_ptr<const Document> document_;
};

}  // namespace aiw
