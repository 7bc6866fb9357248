// The arguments of a tool call, looked up by name.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/json_text.hpp"

namespace aiw {

// The value at an RFC 6901 pointer of valid JSON; nothing if there is none. A view of `json`, which is not changed but
// must be writable, as its reader takes it.
std::optional<JsonSpan> find_json(std::string& json, std::string_view pointer);

// `json`, which is valid, without the object members at these RFC 6901 pointers; the rest as it is written.
std::string without_members(std::string json, const std::set<std::string, std::less<>>& pointers);

// A value as it stands in a URL or a header: a string's own text, an array's items joined by commas, else its JSON.
std::string plain_text(JsonSpan value);

// Holds its text; views that it hands out live as long as it does. An object or array is read once, however often it is
// looked into.
class ToolArguments {
 public:
  // `json` is a valid JSON object; anything else is an object without members.
  explicit ToolArguments(std::string_view json);
  ToolArguments(const ToolArguments&) = delete;
  ToolArguments& operator=(const ToolArguments&) = delete;
  ~ToolArguments() = default;

  // `name` is a member's name, or a JSON pointer (it begins with a slash). null counts as absent.
  [[nodiscard]] std::optional<JsonSpan> find(std::string_view name) const;
  // The text of a string argument that is there.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  // An object of the arguments but these.
  [[nodiscard]] std::string without(const std::set<std::string, std::less<>>& names) const;

 private:
  using Members = std::vector<std::pair<std::string, JsonSpan>>;  // an object's by key; an array's items without

  [[nodiscard]] const Members& members_of(JsonSpan container) const;
  [[nodiscard]] std::optional<JsonSpan> child(JsonSpan of, std::string_view token) const;

  mutable std::string json_;
  JsonSpan root_;
  mutable std::map<const char*, Members> read_;  // by where they begin
};

}  // namespace aiw
