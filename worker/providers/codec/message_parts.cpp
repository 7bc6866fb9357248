#include "worker/providers/codec/message_parts.hpp"

#include <string>
#include <utility>

#include "worker/providers/codec/media_type.hpp"

namespace aiw {
namespace {

// Returns the length of the white space, as written in a JSON string, at the start of `raw`; 0: none.
std::size_t leading_space(std::string_view raw) {
  if (raw.starts_with(' ')) return 1;
  for (const std::string_view escape : {"\\n", "\\r", "\\t", "\\f"}) {
    if (raw.starts_with(escape)) return 2;
  }
  for (const std::string_view escape :
       {"\\u0020", "\\u000a", "\\u000A", "\\u000b", "\\u000B", "\\u000c", "\\u000C", "\\u000d", "\\u000D", "\\u0009"}) {
    if (raw.starts_with(escape)) return escape.size();
  }
  return 0;
}

}  // namespace

bool is_blank(RawString text) {
  std::string_view raw = text.raw;
  while (const std::size_t space = leading_space(raw)) raw.remove_prefix(space);
  return raw.empty();
}

bool is_error(const ToolOutput& output) {
  return output.type == ToolOutputType::error_text || output.type == ToolOutputType::error_json;
}

void append_texts(Rope& body, const std::vector<Part>& parts, std::string_view between) {
  bool first = true;
  for_each_part<TextPart>(parts, [&](const TextPart& part) {
    if (!std::exchange(first, false)) body.append(between);
    body.splice(part.text.raw);
  });
}

void write_texts(BodyWriter& json, const std::vector<Part>& parts, std::string_view between) {
  json.begin_string();
  append_texts(json.out(), parts, between);
  json.end_string();
}

void write_system_text(BodyWriter& json, RawString text) {
  Rope& body = json.begin_string().out();
  body.append("<system>");
  body.splice(text.raw);
  body.append("</system>");
  json.end_string();
}

void write_prefill(BodyWriter& json, RawString text) {
  const std::string whole = text.text();
  const auto end = whole.find_last_not_of(" \t\r\n\f\v") + 1;
  end == whole.size() ? json.raw(text) : json.string(std::string_view(whole).substr(0, end));
}

void append_escaped(Rope& body, std::string_view text) {
  std::string escaped;
  append_json_escaped(escaped, text);
  body.append(escaped);
}

void append_output_text(Rope& body, const ToolOutput& output) {
  if (output.type == ToolOutputType::content) return append_texts(body, output.parts, "\\n");
  const bool as_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
  if (as_text && output.value.is_string()) return body.splice(output.value.as_string().raw);
  append_escaped(body, output.value.json);
}

void write_output_text(BodyWriter& json, const ToolOutput& output) {
  json.begin_string();
  append_output_text(json.out(), output);
  json.end_string();
}

std::string returned_by(RawString call_id) {
  constexpr std::size_t kMaxId = 1024;
  if (call_id.raw.size() > kMaxId) return "Returned by a tool:";
  return "Returned by tool call " + std::string(call_id.raw) + ":";
}

void write_media_url(BodyWriter& json, const MediaPart& media, std::string_view otherwise) {
  if (media.data.empty()) {
    json.raw(media.url);
    return;
  }
  const std::string type = media_type_of(media);
  json.begin_string();
  json.out().append("data:");
  append_escaped(json.out(), type.empty() || type.ends_with("/*") ? otherwise : type);
  json.out().append(";base64,");
  json.out().splice(media.data.raw);
  json.end_string();
}

}  // namespace aiw
