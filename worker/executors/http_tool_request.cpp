#include "worker/executors/http_tool_request.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "worker/base/ordered_json.hpp"
#include "worker/base/url.hpp"

namespace aiw {
namespace {

using Json = OrderedJson;
using Kind = TextTemplate::Kind;
using Result = std::expected<std::string, std::string>;

struct Place {
  std::string argument;
  std::size_t begin, end;  // byte offsets in the URL
};

// Checks whole segments, because placeholders can share a segment with each other and with literal text. A value
// contains no slash, so one check per segment, at its first placeholder, is enough.
std::optional<std::string> bad_place(std::string_view url, const std::vector<Place>& places) {
  const std::string_view path = url.substr(0, url.find('?'));
  std::size_t seen = 0;  // end of the last checked segment
  for (const Place& place : places) {
    if (place.begin > path.size()) return std::nullopt;  // query values may be anything
    if (place.begin == place.end) return "the argument " + place.argument + " is empty";
    if (place.end <= seen) continue;
    const auto begin = path.rfind('/', place.begin) + 1;
    seen = std::min(path.find('/', place.end), path.size());
    if (is_dot_segment(path.substr(begin, seen - begin))) {
      return "the argument " + place.argument + " is not a name that may stand in a path";
    }
  }
  return std::nullopt;
}

Result expand_url(const TextTemplate& url, const ToolArguments& arguments) {
  std::string out;
  std::vector<Place> places;
  for (const auto& [kind, text] : url.pieces) {
    if (kind == Kind::literal) {
      out += text;
      continue;
    }
    const auto value = arguments.find(text);
    if (!value) return std::unexpected("the argument " + text + " is missing");
    const std::size_t begin = out.size();
    out += percent_encode(plain_text(*value));
    places.push_back({text, begin, out.size()});
  }
  if (auto error = bad_place(out, places)) return std::unexpected(*std::move(error));
  return out;
}

// Returns nothing if an argument is absent.
std::optional<std::string> expand(const TextTemplate& text, const ToolArguments& arguments) {
  std::string out;
  for (const auto& [kind, piece] : text.pieces) {
    if (kind == Kind::literal) {
      out += piece;
    } else if (const auto value = arguments.find(piece)) {
      out += plain_text(*value);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// Returns the values of a query parameter: none, one, or all items of an array.
std::vector<std::string> values_of(const HttpTool::QueryParameter& parameter, const ToolArguments& arguments) {
  const auto& pieces = parameter.value.pieces;
  const auto whole = pieces.size() == 1 && pieces[0].kind == Kind::argument ? arguments.find(pieces[0].text)
                                                                            : std::optional<JsonSpan>();
  if (whole && whole->json.starts_with('[')) {
    std::vector<std::string> values;
    const Json items = Json::parse(whole->json, nullptr, false);
    for (const auto& item : items) values.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    if (parameter.repeated || values.empty()) return values;
  }
  auto value = expand(parameter.value, arguments);
  if (!value) return {};
  return {*std::move(value)};
}

void add_query(std::string& url, const HttpTool& tool, const ToolArguments& arguments) {
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  for (const auto& parameter : tool.query) {
    for (const auto& value : values_of(parameter, arguments)) {
      url += std::exchange(separator, '&') + percent_encode(parameter.name) + '=' + percent_encode(value);
    }
  }
}

// Appends the expansion of one part of the body template. Returns false, and appends nothing, if the part is an absent
// argument.
bool write_body(std::string& out, const Json& part, const ToolArguments& arguments) {
  if (part.is_object() && part.size() == 1 && part.contains(kArgumentMember) && part.front().is_string()) {
    const auto value = arguments.find(part.front().get_ref<const std::string&>());
    if (value) out += value->json;
    return value.has_value();
  }
  if (!part.is_structured()) {
    out += part.dump();
    return true;
  }
  out += part.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& [key, member] : part.items()) {
    const std::size_t before = out.size();
    if (!first) out += ',';
    if (part.is_object()) out += Json(key).dump() + ':';
    if (write_body(out, member, arguments)) {
      first = false;
    } else {
      out.resize(before);
    }
  }
  out += part.is_object() ? '}' : ']';
  return true;
}

void collect_names(std::set<std::string, std::less<>>& names, const TextTemplate& text) {
  for (const auto& [kind, piece] : text.pieces) {
    if (kind != Kind::argument) continue;
    names.insert(piece.starts_with('/') ? piece.substr(1, piece.find('/', 1) - 1) : piece);
  }
}

std::string default_body(const HttpTool& tool, const ToolArguments& arguments) {
  std::set<std::string, std::less<>> used;
  collect_names(used, tool.url);
  for (const auto& parameter : tool.query) collect_names(used, parameter.value);
  for (const auto& header : tool.headers) collect_names(used, header.second);
  return arguments.without(used);
}

std::string body_of(const HttpTool& tool, const ToolArguments& arguments) {
  std::string body;
  if (!tool.body.empty()) {
    write_body(body, Json::parse(tool.body, nullptr, false), arguments);
  } else if (tool.method == "POST" || tool.method == "PUT" || tool.method == "PATCH") {
    body = default_body(tool, arguments);
  }
  return body;
}

}  // namespace

std::expected<HttpRequest, std::string> build_http_tool_request(const HttpTool& tool,
                                                                const std::vector<ToolHeader>& headers,
                                                                const ToolArguments& arguments) {
  HttpRequest request{.method = tool.method, .url = {}, .headers = {}, .body = {}};
  request.once = tool.method == "POST" || tool.method == "PATCH";  // methods that are not idempotent
  auto url = expand_url(tool.url, arguments);
  if (!url) return std::unexpected(std::move(url).error());
  request.url = *std::move(url);
  add_query(request.url, tool, arguments);
  for (const auto& [name, value] : headers) {
    const auto text = expand(value, arguments);
    if (!text) continue;
    if (!request.headers.set({name, *text, true})) {
      return std::unexpected("an argument has characters that no header may have");
    }
  }
  const std::string body = body_of(tool, arguments);
  if (!body.empty() && request.headers.find("content-type") == nullptr) {
    static_cast<void>(request.headers.set({"content-type", "application/json"}));
  }
  request.body.append(body);
  return request;
}

}  // namespace aiw
