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

// Size of a request while it is built. A placeholder counts as the JSON of its argument, so that the work is limited
// too, however little of an argument is used. Keeps the first reason why the request is too large.
class RequestSize {
 public:
  // Returns false if `bytes` more are too many for the whole request.
  bool add(std::size_t bytes) {
    if (bytes > left_) return refuse("the request would be larger than " + kib(kMaxRequestBytes));
    left_ -= bytes;
    return ok();
  }
  bool fits_url(std::size_t bytes) {
    return bytes <= kMaxUrlBytes ? ok() : refuse("the URL would be longer than " + kib(kMaxUrlBytes));
  }
  bool fits_header(std::size_t bytes) {
    return bytes <= kMaxHeaderBytes ? ok() : refuse("a header would be longer than " + kib(kMaxHeaderBytes));
  }
  [[nodiscard]] bool ok() const { return error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  static std::string kib(std::size_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }
  bool refuse(std::string why) {
    if (error_.empty()) error_ = std::move(why) + " with these arguments";
    return false;
  }

  std::size_t left_ = kMaxRequestBytes;
  std::string error_;
};

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

Result expand_url(const TextTemplate& url, const ToolArguments& arguments, RequestSize& size) {
  std::string out;
  std::vector<Place> places;
  for (const auto& [kind, text] : url.pieces) {
    if (kind == Kind::literal) {
      out += text;
      continue;
    }
    const auto value = arguments.find(text);
    if (!value) return std::unexpected("the argument " + text + " is missing");
    if (!size.add(value->json.size())) return std::unexpected(size.error());
    const std::string plain = plain_text(*value);
    if (!size.fits_url(out.size() + plain.size())) return std::unexpected(size.error());
    const std::size_t begin = out.size();
    out += percent_encode(plain);
    places.push_back({text, begin, out.size()});
  }
  if (!size.fits_url(out.size())) return std::unexpected(size.error());
  if (auto error = bad_place(out, places)) return std::unexpected(*std::move(error));
  return out;
}

// Returns nothing if an argument is absent, or the text is too large. Absent arguments are looked for first, because a
// text that is not sent should cost nothing.
std::optional<std::string> expand(const TextTemplate& text, const ToolArguments& arguments, RequestSize& size,
                                  bool (RequestSize::*fits)(std::size_t bytes)) {
  const auto is_absent = [&](const auto& piece) { return piece.kind != Kind::literal && !arguments.find(piece.text); };
  if (std::ranges::any_of(text.pieces, is_absent)) return std::nullopt;
  std::string out;
  for (const auto& [kind, piece] : text.pieces) {
    if (kind == Kind::literal) {
      out += piece;
      continue;
    }
    const auto value = arguments.find(piece);
    if (!value || !size.add(value->json.size())) return std::nullopt;
    out += plain_text(*value);
    if (!(size.*fits)(out.size())) return std::nullopt;
  }
  if (!(size.*fits)(out.size())) return std::nullopt;
  return out;
}

// Returns the array that is the whole value of a query parameter; nothing if the value is something else.
std::optional<JsonSpan> array_of(const HttpTool::QueryParameter& parameter, const ToolArguments& arguments) {
  const auto& pieces = parameter.value.pieces;
  if (pieces.size() != 1 || pieces[0].kind != Kind::argument) return std::nullopt;
  const auto value = arguments.find(pieces[0].text);
  return value && value->json.starts_with('[') ? value : std::nullopt;
}

bool is_empty_array(JsonSpan array) {
  const auto first = array.json.find_first_not_of(" \t\r\n", 1);
  return array.json[first] == ']';
}

// Appends query parameters to a URL.
class Query {
 public:
  Query(std::string& url, RequestSize& size)
      : url_(url), size_(size), separator_(url.find('?') == std::string::npos ? '?' : '&') {}

  void add(const HttpTool::QueryParameter& parameter, const ToolArguments& arguments) {
    const auto array = array_of(parameter, arguments);
    if (array) {
      if (!size_.add(array->json.size()) || is_empty_array(*array)) return;
      if (parameter.repeated) {
        return for_each_item(*array, [&](const std::string& item) { return add(parameter.name, item); });
      }
    }
    if (const auto value = expand(parameter.value, arguments, size_, &RequestSize::fits_url))
      add(parameter.name, *value);
  }

 private:
  bool add(const std::string& name, const std::string& value) {
    if (!size_.fits_url(url_.size() + name.size() + value.size())) return false;
    url_ += std::exchange(separator_, '&') + percent_encode(name) + '=' + percent_encode(value);
    return true;
  }

  std::string& url_;
  RequestSize& size_;
  char separator_;
};

// Expands the template of a body.
class BodyWriter {
 public:
  BodyWriter(const ToolArguments& arguments, RequestSize& size) : arguments_(arguments), size_(size) {}

  // Appends the expansion of one part of the template. Returns false, and appends nothing, if the part is an absent
  // argument, or too large.
  bool write(const Json& part) {
    if (part.is_object() && part.size() == 1 && part.contains(kArgumentMember) && part.front().is_string()) {
      const auto value = arguments_.find(part.front().get_ref<const std::string&>());
      if (!value || !size_.add(value->json.size())) return false;
      out_ += value->json;
      return true;
    }
    if (!part.is_structured()) {
      out_ += part.dump();
      return true;
    }
    write_elements(part);
    return true;
  }
  std::string take() { return std::move(out_); }

 private:
  void write_elements(const Json& part) {
    out_ += part.is_object() ? '{' : '[';
    bool first = true;
    for (const auto& [key, member] : part.items()) {
      const std::size_t before = out_.size();
      if (!first) out_ += ',';
      if (part.is_object()) out_ += Json(key).dump() + ':';
      if (write(member)) {
        first = false;
      } else {
        out_.resize(before);
      }
    }
    out_ += part.is_object() ? '}' : ']';
  }

  const ToolArguments& arguments_;
  RequestSize& size_;
  std::string out_;
};

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

std::string body_of(const HttpTool& tool, const ToolArguments& arguments, RequestSize& size) {
  if (!tool.body.empty()) {
    if (!size.add(tool.body.size())) return {};
    BodyWriter body(arguments, size);
    body.write(Json::parse(tool.body, nullptr, false));
    return body.take();
  }
  if (tool.method != "POST" && tool.method != "PUT" && tool.method != "PATCH") return {};
  std::string body = default_body(tool, arguments);
  size.add(body.size());
  return body;
}

std::expected<HttpRequest, std::string> build(const HttpTool& tool, const std::vector<ToolHeader>& headers,
                                              const ToolArguments& arguments) {
  HttpRequest request{.method = tool.method, .url = {}, .headers = {}, .body = {}};
  request.once = tool.method == "POST" || tool.method == "PATCH";  // methods that are not idempotent
  RequestSize size;
  auto url = expand_url(tool.url, arguments, size);
  if (!url) return std::unexpected(std::move(url).error());
  request.url = *std::move(url);
  Query query(request.url, size);
  for (const auto& parameter : tool.query) query.add(parameter, arguments);
  size.fits_url(request.url.size());
  for (const auto& [name, value] : headers) {
    const auto text = expand(value, arguments, size, &RequestSize::fits_header);
    if (!text) continue;
    if (!request.headers.set({name, *text, true})) {
      return std::unexpected("an argument has characters that no header may have");
    }
  }
  const std::string body = body_of(tool, arguments, size);
  if (!size.ok()) return std::unexpected(size.error());
  if (!body.empty() && request.headers.find("content-type") == nullptr) {
    static_cast<void>(request.headers.set({"content-type", "application/json"}));
  }
  request.body.append(body);
  return request;
}

}  // namespace

std::expected<HttpRequest, std::string> build_http_tool_request(const HttpTool& tool,
                                                                const std::vector<ToolHeader>& headers,
                                                                const ToolArguments& arguments) {
  auto request = build(tool, headers, arguments);
  if (arguments.gave_up()) return std::unexpected("the arguments are too large and too deep for this tool");
  return request;
}

}  // namespace aiw
