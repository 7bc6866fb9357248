#include "worker/executors/tool_arguments.hpp"

#include <charconv>

#include "protocol/json_reader.hpp"

namespace aiw {
namespace {

constexpr int kMaxDepth = 128;

// A reader of a part of `json`, which is valid: nothing is repaired in it.
JsonReader reader_of(std::string& json, JsonSpan part) {
  return {json.data() + (part.json.data() - json.data()), part.json.size(), kMaxDepth};
}

std::string unescaped(std::string_view token) {
  std::string key;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
    key += !escape ? token[i] : token[++i] == '0' ? '~' : '/';
  }
  return key;
}

std::optional<JsonSpan> member(std::string& json, JsonSpan object, std::string_view wanted) {
  std::optional<JsonSpan> found;
  JsonReader in = reader_of(json, object);
  in.object([&](std::string_view key) {
    const JsonSpan value = in.value();
    if (key == wanted) found = value;
  });
  return found;
}

std::optional<JsonSpan> item(std::string& json, JsonSpan array, std::string_view token) {
  std::size_t wanted = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), wanted);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  std::optional<JsonSpan> found;
  JsonReader in = reader_of(json, array);
  std::size_t index = 0;
  in.array([&] {
    const JsonSpan value = in.value();
    if (index++ == wanted) found = value;
  });
  return found;
}

}  // namespace

std::optional<JsonSpan> find_json(std::string& json, std::string_view pointer) {
  JsonReader whole(json.data(), json.size(), kMaxDepth);
  std::optional<JsonSpan> at = whole.value();
  while (at && !at->empty() && pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    if (at->is_object()) {
      at = member(json, *at, unescaped(token));
    } else if (at->json.front() == '[') {
      at = item(json, *at, token);
    } else {
      return std::nullopt;
    }
  }
  return at && !at->empty() ? at : std::nullopt;
}

std::string plain_text(JsonSpan value) {
  if (value.is_string()) return value.as_string().text();
  if (!value.json.starts_with('[')) return std::string(value.json);
  std::string copy(value.json);
  JsonReader in(copy.data(), copy.size(), kMaxDepth);
  std::string text;
  bool first = true;
  in.array([&] {
    if (!first) text += ',';
    first = false;
    const JsonSpan entry = in.value();
    text += entry.is_string() ? entry.as_string().text() : std::string(entry.json);
  });
  return text;
}

ToolArguments::ToolArguments(std::string_view json) : json_(json) {
  JsonReader reader(json_.data(), json_.size(), kMaxDepth);
  reader.validate();
  if (!reader.ok() || !find_json(json_, {})->is_object()) json_ = "{}";
}

std::optional<JsonSpan> ToolArguments::find(std::string_view name) const {
  const auto value = name.starts_with('/') ? find_json(json_, name) : member(json_, *find_json(json_, {}), name);
  return value && value->json != "null" ? value : std::nullopt;
}

std::optional<std::string> ToolArguments::text(std::string_view name) const {
  const auto value = find(name);
  if (!value || !value->is_string()) return std::nullopt;
  return value->as_string().text();
}

std::string ToolArguments::without(const std::set<std::string, std::less<>>& names) const {
  std::string out;
  JsonReader in(json_.data(), json_.size(), kMaxDepth);
  bool first = true;
  out += '{';
  in.object([&](std::string_view key) {
    const JsonSpan value = in.value();
    if (names.contains(key)) return;
    if (!first) out += ',';
    first = false;
    append_json_string(out, key);
    out += ':';
    out += value.json;
  });
  out += '}';
  return out;
}

}  // namespace aiw
