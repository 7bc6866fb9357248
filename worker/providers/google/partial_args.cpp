#include "worker/providers/google/partial_args.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/json_text.hpp"

namespace aiw::google {

bool PartialArgs::add(const EventJson& json, const JsonElement& value, std::string& out) {
  std::vector<Step> path;
  if (!read_path(json.text(value, "jsonPath"), path)) return false;
  const auto text = get_string(value, "stringValue");
  const auto is_written = [](const Step& step, const Level& level) { return step == level.current; };
  if (!in_string_ || !std::ranges::equal(path, levels_, is_written)) {
    const auto literal = text ? std::optional<std::string>() : read_literal(json, value);
    if (!text && !literal) return true;  // no part of the value came yet
    if (!move_to(path, out)) return false;
    if (literal) {
      out += *literal;
      return true;
    }
    out += '"';
    in_string_ = true;
  }
  append_json_escaped(out, joiner_.add(text.value_or(""), json.repaired()));
  if (!get_bool(value, "willContinue").value_or(false)) end_string(out);
  return true;
}

std::optional<std::string> PartialArgs::read_literal(const EventJson& json, const JsonElement& value) {
  if (const auto given = get_member(value, "numberValue"); given && !given->is_object() && !given->is_array()) {
    std::string number = json.json_text(*given);
    if (!number.starts_with('"')) return number;
  }
  if (const auto boolean = get_bool(value, "boolValue")) return *boolean ? "true" : "false";
  JsonElement null;  // "NULL_VALUE", or null itself
  if (value.at_key("nullValue").get(null) == simdjson::SUCCESS) return "null";
  return std::nullopt;
}

void PartialArgs::close(std::string& out) { close_to(0, out); }

// Parses a path of RFC 9535, normalised or with the dot shorthand: $.name, $['name'], $[0].
bool PartialArgs::read_path(std::string_view text, std::vector<Step>& path) {
  if (!text.starts_with('$')) return false;
  text.remove_prefix(1);
  while (!text.empty() && path.size() <= kMaxDepth) {
    if (!read_step(text, path.emplace_back())) return false;
  }
  return !path.empty() && path.size() <= kMaxDepth && !path.front().is_index;
}

bool PartialArgs::read_step(std::string_view& text, Step& step) {
  if (text.starts_with('.')) {
    const std::size_t end = std::min(text.find_first_of(".[", 1), text.size());
    step.key = text.substr(1, end - 1);
    text.remove_prefix(end);
    return !step.key.empty();
  }
  if (text.starts_with("['") || text.starts_with("[\"")) {
    const char quote = text[1];
    std::size_t at = 2;
    for (; at < text.size() && text[at] != quote; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      step.key += text[at];
    }
    if (at + 1 >= text.size() || text[at + 1] != ']') return false;
    text.remove_prefix(at + 2);
    return true;
  }
  if (!text.starts_with('[')) return false;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + 1, end, step.index);
  if (error != std::errc() || rest == end || *rest != ']') return false;
  step.is_index = true;
  text.remove_prefix(static_cast<std::size_t>(rest + 1 - text.data()));
  return true;
}

// Closes the objects and arrays outside `path` and opens those inside it, up to the place of its value.
bool PartialArgs::move_to(const std::vector<Step>& path, std::string& out) {
  end_string(out);
  std::size_t common = 0;
  while (common < levels_.size() && common < path.size() && levels_[common].current == path[common]) ++common;
  // The value itself is written already, or the path leads through a complete value.
  if (common == path.size() || (common == levels_.size() && common > 0)) return false;
  close_to(common + 1, out);
  if (levels_.empty()) {
    open(path.front(), out);
  } else if (!begin_member(path[common], out)) {
    return false;
  }
  for (std::size_t depth = levels_.size(); depth < path.size(); ++depth) {
    if (path[depth].is_index && path[depth].index != 0) return false;
    open(path[depth], out);
  }
  return true;
}

// Begins the next member of the innermost object or array.
bool PartialArgs::begin_member(const Step& step, std::string& out) {
  Level& level = levels_.back();
  if (step.is_index != level.current.is_index) return false;
  out += ',';
  if (step.is_index) {
    if (step.index != level.current.index + 1) return false;
  } else {
    if (!level.keys.insert(step.key).second) return false;
    append_json_string(out, step.key);
    out += ':';
  }
  level.current = step;
  return true;
}

void PartialArgs::open(const Step& first, std::string& out) {
  Level& level = levels_.emplace_back();
  level.current = first;
  out += first.is_index ? '[' : '{';
  if (first.is_index) return;
  level.keys.insert(first.key);
  append_json_string(out, first.key);
  out += ':';
}

void PartialArgs::close_to(std::size_t depth, std::string& out) {
  end_string(out);
  for (; levels_.size() > depth; levels_.pop_back()) out += levels_.back().current.is_index ? ']' : '}';
}

void PartialArgs::end_string(std::string& out) {
  if (!std::exchange(in_string_, false)) return;
  append_json_escaped(out, joiner_.flush());
  out += '"';
}

}  // namespace aiw::google
