// Arguments of a tool call, with lookup by name.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/json_text.hpp"

namespace aiw {

// Returns a view of the value at an RFC 6901 pointer, or nothing if there is none. `json` must be valid. It is not
// changed, but JsonReader needs a writable buffer.
std::optional<JsonSpan> find_json(std::string& json, std::string_view pointer);

// Returns `json`, which must be valid, without the object members at these RFC 6901 pointers. The rest stays as
// written.
std::string without_members(std::string json, const std::set<std::string, std::less<>>& pointers);

// Formats a value for a URL or a header: the text of a string, the items of an array joined by commas, otherwise the
// JSON.
std::string plain_text(JsonSpan value);

// Calls `on_item` with each item of an array, formatted like a value, until it returns false.
void for_each_item(JsonSpan array, const std::function<bool(const std::string& item)>& on_item);

// Owns the text; returned views are valid as long as this object. Each object or array is parsed once and then cached.
// What they contain is parsed again with them, so pointers into deep arguments have a limit.
class ToolArguments {
 public:
  // `json` is a valid JSON object. Anything else is treated as an empty object.
  explicit ToolArguments(std::string_view json);
  ToolArguments(const ToolArguments&) = delete;
  ToolArguments& operator=(const ToolArguments&) = delete;
  ~ToolArguments() = default;

  // `name` is the name of a member, or a JSON pointer if it begins with a slash. null counts as absent.
  [[nodiscard]] std::optional<JsonSpan> find(std::string_view name) const;
  // True if pointers into the arguments needed too much work. Then find() finds nothing more.
  [[nodiscard]] bool gave_up() const { return gave_up_; }
  // Returns the text of an argument if it is present and a string.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  // Returns the arguments as a JSON object, without the members in `names`.
  [[nodiscard]] std::string without(const std::set<std::string, std::less<>>& names) const;

 private:
  using Members = std::vector<std::pair<std::string, JsonSpan>>;  // keys are empty for the items of an array

  [[nodiscard]] const Members& members_of(JsonSpan container) const;
  [[nodiscard]] std::optional<JsonSpan> child(JsonSpan of, std::string_view token) const;

  mutable std::string json_;
  JsonSpan root_;
  mutable std::size_t readable_;  // bytes that may still be parsed
  mutable bool gave_up_ = false;
  mutable std::map<const char*, Members> read_;  // parsed containers, by the address of their first character
};

}  // namespace aiw
