#include "worker/executors/http_tool_answer.hpp"

#include <algorithm>
#include <utility>

#include "protocol/ascii.hpp"
#include "protocol/json_reader.hpp"
#include "worker/executors/tool_arguments.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

constexpr int kMaxDepth = 90;  // depth that fits into a frame; no known API nests deeper

// Returns true for "application/json", "application/problem+json; charset=utf-8", and for a missing content type.
bool may_be_json(const ResponseHead& head) {
  std::string type = ascii_lower(head.header("content-type"));
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.pop_back();
  return type.empty() || type == "application/json" || type == "text/json" || type.ends_with("+json");
}

// Converts `body` to strict JSON on one line. Returns false if it is not JSON.
bool tidy_json(std::string& body) {
  JsonReader reader(body.data(), body.size(), kMaxDepth);
  reader.validate();
  // In valid JSON, line breaks occur only between tokens.
  if (reader.ok()) std::ranges::replace_if(body, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return reader.ok();
}

std::string json_answer(const HttpTool& tool, std::string body) {
  const auto part = find_json(body, tool.response_pointer);
  if (!part) return error_output("the answer has no " + tool.response_pointer);
  if (tool.response_form == ResponseForm::text) return text_output(plain_text(*part));
  return json_output(part->json);
}

std::string refusal(const HttpTool& tool, const ResponseHead& head, std::string_view body, const SecretValues& keys) {
  // Remove keys before the cut: part of a key could not be recognized later.
  const std::string shown = sanitize_utf8(keys.remove_from_beginning(body, kMaxRefusalBytes));
  return error_output(tool.error_prefix + " (" + std::to_string(head.status) +
                      "): " + std::string(utf8_prefix(shown, kMaxRefusalBytes)));
}

std::string answer(const HttpTool& tool, const ResponseHead& head, const std::string& body) {
  const bool wants_json = tool.response_form == ResponseForm::json || !tool.response_pointer.empty();
  if (!wants_json && (tool.response_form == ResponseForm::text || !may_be_json(head))) return text_output(body);
  std::string json = body;
  if (tidy_json(json)) return json_answer(tool, std::move(json));
  return wants_json ? error_output("the answer is not JSON") : text_output(body);
}

}  // namespace

std::string http_tool_output(const HttpTool& tool, const ResponseHead& head, std::string body,
                             const SecretValues& keys) {
  if (head.status < 200 || head.status > 299) return refusal(tool, head, body, keys);
  return keys.remove_from_output(answer(tool, head, sanitize_utf8(body)));
}

}  // namespace aiw
