#include <algorithm>
#include <array>
#include <optional>

#include "protocol/config.hpp"
#include "protocol/decode_headers.hpp"
#include "protocol/http_tool.hpp"

namespace aiw {
namespace {

constexpr std::int64_t kMaxResponseBytes = std::int64_t{64} << 20;

void add_literal(TextTemplate& into, std::string_view text) {
  if (into.pieces.empty() || into.pieces.back().kind != TextTemplate::Kind::literal) {
    into.pieces.push_back({TextTemplate::Kind::literal, {}});
  }
  into.pieces.back().text += text;
}

// Parses a template: `{name}` is an argument, `${NAME}` a secret, `{{` and `}}` are literal braces. Returns nullopt if
// a brace is misplaced.
std::optional<TextTemplate> parse_template(std::string_view text) {
  TextTemplate parsed;
  while (!text.empty()) {
    const auto at = std::min(text.find_first_of("{}"), text.size());
    const bool is_secret = at > 0 && at < text.size() && text[at] == '{' && text[at - 1] == '$';
    if (at > (is_secret ? 1U : 0U)) add_literal(parsed, text.substr(0, at - (is_secret ? 1 : 0)));
    if (at == text.size()) break;
    text.remove_prefix(at);
    if (!is_secret && (text.starts_with("{{") || text.starts_with("}}"))) {
      add_literal(parsed, text.substr(0, 1));
      text.remove_prefix(2);
      continue;
    }
    const auto end = text.find_first_of("{}", 1);
    if (text.front() == '}' || end == std::string_view::npos || text[end] == '{' || end == 1) return std::nullopt;
    const std::string name(text.substr(1, end - 1));
    if (is_secret) {
      parsed.pieces.push_back({TextTemplate::Kind::secret, "${" + name + "}"});
    } else {
      parsed.pieces.push_back({TextTemplate::Kind::argument, name});
    }
    text.remove_prefix(end + 1);
  }
  return parsed;
}

bool has_secret(const TextTemplate& text) {
  return std::ranges::count(text.pieces, TextTemplate::Kind::secret, &TextTemplate::Piece::kind) > 0;
}

TextTemplate read_template(JsonReader& in, bool may_have_secrets) {
  auto parsed = parse_template(in.string());
  if (!in.ok()) return {};
  if (!parsed) {
    in.fail("a place in a template is {name}, ${NAME} in a header's value; {{ and }} are braces");
    return {};
  }
  if (!may_have_secrets && has_secret(*parsed)) in.fail("only a header's value may refer to a key");
  return *std::move(parsed);
}

// Reads a query parameter: a template, a literal number or boolean, or {"$arg", "repeated"}.
HttpTool::QueryParameter read_query_parameter(JsonReader& in, std::string_view name) {
  HttpTool::QueryParameter parameter{std::string(name), {}, false};
  const JsonType type = in.type();
  if (type == JsonType::number || type == JsonType::boolean) {
    add_literal(parameter.value, in.value().json);
    return parameter;
  }
  if (type == JsonType::string) {
    parameter.value = read_template(in, false);
    return parameter;
  }
  in.object([&](std::string_view key) {
    if (key == kArgumentMember) {
      parameter.value.pieces = {{TextTemplate::Kind::argument, in.string()}};
    } else if (key == "repeated") {
      parameter.repeated = in.boolean();
    } else {
      in.skip();
    }
  });
  if (parameter.value.pieces.empty()) in.fail("a query parameter is a template or {\"$arg\": name}");
  return parameter;
}

void read_headers(JsonReader& in, HttpTool& tool) {
  in.object([&](std::string_view name) {
    check_header_name(in, name, tool.headers);
    if (tool.headers.size() >= kMaxHeaders) in.fail("a tool has too many headers");
    tool.headers.emplace_back(name, read_template(in, true));
  });
}

void read_response(JsonReader& in, HttpTool& tool) {
  in.object([&](std::string_view key) {
    if (key == "pointer") {
      tool.response_pointer = in.string();
      const bool valid = tool.response_pointer.empty() || tool.response_pointer.front() == '/';
      if (in.ok() && !valid) in.fail("a JSON pointer is empty or begins with a slash");
    } else if (key == "as") {
      const std::string form = in.string();
      tool.response_form = form == "json"   ? ResponseForm::json
                           : form == "text" ? ResponseForm::text
                                            : ResponseForm::automatic;
      if (in.ok() && form != "json" && form != "text" && form != "auto") in.fail("an answer is auto, json or text");
    } else if (key == "maxBytes") {
      tool.max_bytes = in.integer(1, kMaxResponseBytes);
    } else {
      in.skip();
    }
  });
}

std::string read_method(JsonReader& in) {
  std::string method = in.string();
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  if (in.ok() && std::ranges::count(kMethods, method) == 0) in.fail("a method is GET, POST, PUT, PATCH or DELETE");
  return method;
}

}  // namespace

HttpTool read_http_tool(JsonReader& in) {
  HttpTool tool;
  in.object([&](std::string_view key) {
    if (key == "method") {
      tool.method = read_method(in);
    } else if (key == "url") {
      tool.url = read_template(in, false);
    } else if (key == "query") {
      in.object([&](std::string_view name) { tool.query.push_back(read_query_parameter(in, name)); });
    } else if (key == "headers") {
      read_headers(in, tool);
    } else if (key == "body") {
      tool.body = in.value().json;
    } else if (key == "response") {
      read_response(in, tool);
    } else if (key == "errorPrefix") {
      tool.error_prefix = in.string();
    } else {
      in.skip();
    }
  });
  if (in.ok() && tool.url.pieces.empty()) in.fail("an HTTP tool needs a url");
  if (tool.method.empty()) tool.method = tool.body.empty() ? "GET" : "POST";
  if (in.ok() && !tool.body.empty() && tool.method == "GET") in.fail("a GET has no body");
  return tool;
}

}  // namespace aiw
