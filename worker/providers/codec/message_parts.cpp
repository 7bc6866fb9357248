#include "worker/providers/codec/message_parts.hpp"

#include <string>
#include <utility>

#include "worker/providers/codec/media_type.hpp"

namespace aiw {

void append_texts(Rope& body, const std::vector<Part>& parts, std::string_view between) {
  bool first = true;
  for_each_part<TextPart>(parts, [&](const TextPart& part) {
    if (!std::exchange(first, false)) body.append(between);
    body.splice(part.text.raw);
  });
}

void append_output_text(Rope& body, const ToolOutput& output) {
  if (output.type == ToolOutputType::content) return append_texts(body, output.parts, "\\n");
  const bool as_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
  if (as_text && output.value.is_string()) return body.splice(output.value.as_string().raw);
  append_escaped(body, output.value.json);
}

void append_media_url(Rope& body, const MediaPart& media, std::string_view otherwise) {
  if (media.data.empty()) return body.splice(media.url.raw);
  const std::string type = media_type_of(media);
  body.append("data:");
  append_escaped(body, type.empty() || type.ends_with("/*") ? otherwise : type);
  body.append(";base64,");
  body.splice(media.data.raw);
}

void append_escaped(Rope& body, std::string_view text) {
  std::string escaped;
  append_json_escaped(escaped, text);
  body.append(escaped);
}

}  // namespace aiw
