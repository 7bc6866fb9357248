#include "worker/executors/tool_arguments.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/json_reader.hpp"

namespace aiw {
namespace {

constexpr int kMaxDepth = 128;
// Limit on the bytes that ToolArguments parses, in its own length and in bytes. Takes about 100 ms for 4 MiB.
constexpr std::size_t kMaxTimesRead = 16;
constexpr std::size_t kMinReadable = std::size_t{1} << 20;

// Returns a reader for a part of `json`. The text is valid, so the reader does not change it.
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

std::optional<std::size_t> index_of(std::string_view token) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return index;
}

// Sets `found` to the value at `pointer` below the value that `in` reads next. Reads that value once, to its end.
void find_below(JsonReader& in, std::string_view pointer, std::optional<JsonSpan>& found) {
  if (!pointer.starts_with('/')) {
    found = in.value();
    return;
  }
  const std::string_view token = pointer.substr(1, pointer.find('/', 1) - 1);
  pointer.remove_prefix(1 + token.size());
  const JsonType type = in.type();
  if (type == JsonType::object) {
    const std::string wanted = unescaped(token);
    return in.object([&](std::string_view key) { key == wanted ? find_below(in, pointer, found) : in.skip(); });
  }
  if (type != JsonType::array) return in.skip();
  const auto wanted = index_of(token);
  std::size_t index = 0;
  in.array([&] { index++ == wanted ? find_below(in, pointer, found) : in.skip(); });
}

// Object members to leave out, as a tree: a path of keys or indexes leads to each of them.
struct Removal {
  bool whole = false;  // this member is left out
  std::map<std::string, Removal, std::less<>> below;
};

Removal removal_of(const std::set<std::string, std::less<>>& pointers) {
  Removal root;
  for (std::string_view rest : pointers) {
    Removal* at = &root;
    while (rest.starts_with('/')) {
      const std::string_view token = rest.substr(1, rest.find('/', 1) - 1);
      rest.remove_prefix(1 + token.size());
      at = &at->below[unescaped(token)];
    }
    at->whole = true;
  }
  return root;
}

// Appends the value that `in` reads next, without the members of `removal`. Reads the value once.
void append_without(std::string& out, JsonReader& in, const Removal* removal) {
  const JsonType type = removal == nullptr ? JsonType::null : in.type();
  bool first = true;
  const auto separate = [&] {
    if (!first) out += ',';
    first = false;
  };
  const auto below = [&](std::string_view token) {
    const auto found = removal->below.find(token);
    return found == removal->below.end() ? nullptr : &found->second;
  };
  if (type == JsonType::array) {
    out += '[';
    std::size_t index = 0;
    in.array([&] {
      separate();
      append_without(out, in, below(std::to_string(index++)));
    });
    out += ']';
  } else if (type == JsonType::object) {
    out += '{';
    in.object_with_nulls([&](std::string_view key) {
      const Removal* const inner = below(key);
      if (inner != nullptr && inner->whole) return in.skip();
      separate();
      append_json_string(out, key);
      out += ':';
      append_without(out, in, inner);
    });
    out += '}';
  } else {
    out += in.value().json;
  }
}

}  // namespace

std::string without_members(std::string json, const std::set<std::string, std::less<>>& pointers) {
  std::string out;
  const Removal removal = removal_of(pointers);
  JsonReader whole(json.data(), json.size(), kMaxDepth);
  append_without(out, whole, removal.below.empty() ? nullptr : &removal);
  return out;
}

std::optional<JsonSpan> find_json(std::string& json, std::string_view pointer) {
  JsonReader whole(json.data(), json.size(), kMaxDepth);
  std::optional<JsonSpan> found;
  find_below(whole, pointer, found);
  return found && !found->empty() ? found : std::nullopt;
}

void for_each_item(JsonSpan array, const std::function<bool(const std::string& item)>& on_item) {
  std::string copy(array.json);
  JsonReader in(copy.data(), copy.size(), kMaxDepth);
  in.array([&] {
    const JsonSpan entry = in.value();
    const bool more = on_item(entry.is_string() ? entry.as_string().text() : std::string(entry.json));
    if (!more) in.fail("the rest is not read");
  });
}

std::string plain_text(JsonSpan value) {
  if (value.is_string()) return value.as_string().text();
  if (!value.json.starts_with('[')) return std::string(value.json);
  std::string text;
  bool first = true;
  for_each_item(value, [&](const std::string& item) {
    if (!first) text += ',';
    first = false;
    text += item;
    return true;
  });
  return text;
}

ToolArguments::ToolArguments(std::string_view json)
    : json_(json), readable_(kMinReadable + kMaxTimesRead * json.size()) {
  JsonReader reader(json_.data(), json_.size(), kMaxDepth);
  reader.validate();
  if (!reader.ok() || !find_json(json_, {})->is_object()) json_ = "{}";
  root_ = *find_json(json_, {});
}

const ToolArguments::Members& ToolArguments::members_of(JsonSpan container) const {
  const auto [entry, is_new] = read_.try_emplace(container.json.data());
  Members& members = entry->second;
  gave_up_ = gave_up_ || (is_new && container.json.size() > readable_);
  if (!is_new || gave_up_) return members;
  readable_ -= container.json.size();
  JsonReader in = reader_of(json_, container);
  if (!container.is_object()) {
    in.array([&] { members.emplace_back("", in.value()); });
    return members;
  }
  in.object([&](std::string_view key) { members.emplace_back(key, in.value()); });
  std::ranges::sort(members, {}, &Members::value_type::first);
  return members;
}

std::optional<JsonSpan> ToolArguments::child(JsonSpan of, std::string_view token) const {
  if (of.json.starts_with('[')) {
    const auto index = index_of(token);
    const Members& items = members_of(of);
    return index && *index < items.size() ? std::optional(items[*index].second) : std::nullopt;
  }
  if (!of.is_object()) return std::nullopt;
  const Members& members = members_of(of);
  const auto found = std::ranges::lower_bound(members, token, {}, &Members::value_type::first);
  return found != members.end() && found->first == token ? std::optional(found->second) : std::nullopt;
}

std::optional<JsonSpan> ToolArguments::find(std::string_view name) const {
  std::optional<JsonSpan> at = root_;
  if (!name.starts_with('/')) {
    at = child(*at, name);
  } else {
    while (at && !name.empty()) {
      const std::string_view token = name.substr(1, name.find('/', 1) - 1);
      name.remove_prefix(1 + token.size());
      at = child(*at, unescaped(token));
    }
  }
  return at && at->json != "null" ? at : std::nullopt;
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
