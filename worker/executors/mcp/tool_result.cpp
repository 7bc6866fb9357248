#include "worker/executors/mcp/tool_result.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "protocol/ascii.hpp"
#include "protocol/json_writer.hpp"
#include "worker/executors/mcp/json_rpc.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

constexpr int kMaxDepth = 90;  // depth that fits into a frame, as for HTTP tools

// Content part of the output. `text` and `media_type` are the raw contents of JSON strings, escapes included.
struct OutPart {
  std::string_view type = "text";
  std::string text{};
  std::string media_type{};
  std::string data{};
};

struct Fields {
  std::string type;
  RawString text, data, mime_type, uri, name, title, description;
  JsonSpan resource;
};

RawString read_raw(JsonReader& in) {
  if (in.type() == JsonType::string) return in.raw_string();
  in.skip();
  return {};
}

// Reads a content block, or the resource embedded in one.
Fields read_fields(JsonReader& in) {
  Fields fields;
  const std::pair<std::string_view, RawString*> strings[] = {
      {"text", &fields.text},   {"data", &fields.data},
      {"blob", &fields.data},   {"uri", &fields.uri},
      {"name", &fields.name},   {"mimeType", &fields.mime_type},
      {"title", &fields.title}, {"description", &fields.description},
  };
  in.object([&](std::string_view key) {
    if (key == "type") {
      fields.type = read_raw(in).text();
    } else if (key == "resource" && in.type() == JsonType::object) {
      fields.resource = in.value();
    } else {
      const auto* known = std::ranges::find(strings, key, &std::pair<std::string_view, RawString*>::first);
      if (known == std::end(strings)) return in.skip();
      *known->second = read_raw(in);
    }
  });
  return fields;
}

// Returns base64 data without line breaks, which some servers insert. Returns an empty string for anything else, such
// as a URL.
std::string base64_of(RawString raw) {
  std::string data = raw.text();
  std::erase_if(data, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  const bool valid = std::ranges::all_of(
      data, [](char c) { return is_ascii_alnum(c) || c == '+' || c == '/' || c == '=' || c == '-' || c == '_'; });
  return valid ? data : std::string();
}

OutPart media_part(const Fields& fields, std::string_view otherwise) {
  OutPart part{.media_type = std::string(fields.mime_type.empty() ? otherwise : fields.mime_type.raw),
               .data = base64_of(fields.data)};
  part.type = part.media_type.starts_with("image") ? "image" : part.media_type.starts_with("audio") ? "audio" : "file";
  if (part.data.empty()) return {.text = "(data that is not base64)"};
  return part;
}

// Describes a linked resource as text, because the model can only fetch it with another tool.
OutPart link_part(const Fields& fields) {
  std::string text(fields.title.empty() ? fields.name.raw : fields.title.raw);
  if (!text.empty()) text += ": ";
  text += fields.uri.raw;
  if (!fields.description.empty()) text.append("\\n").append(fields.description.raw);
  return {.text = std::move(text)};
}

OutPart part_of(const Fields& fields) {
  if (fields.type == "image") return media_part(fields, "image/png");
  if (fields.type == "audio") return media_part(fields, "audio/wav");
  if (fields.type == "resource_link") return link_part(fields);
  if (fields.type == "resource" && !fields.resource.empty()) {
    JsonReader in = reader_of(fields.resource);
    const Fields resource = read_fields(in);
    if (!resource.data.empty()) return media_part(resource, "application/octet-stream");
    return {.text = std::string(resource.text.empty() ? resource.uri.raw : resource.text.raw)};
  }
  return {.text = std::string(fields.text.raw)};
}

std::vector<OutPart> read_content(JsonReader& in) {
  std::vector<OutPart> parts;
  in.array([&] {
    if (in.type() != JsonType::object) return in.skip();
    parts.push_back(part_of(read_fields(in)));
  });
  return parts;
}

std::string raw_text_output(std::string_view type, std::string_view raw) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("type", type).field("value", RawString{raw}).end_object();
  return out;
}

std::string content_output(const std::vector<OutPart>& parts) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("type", "content").key("value").begin_array();
  for (const auto& part : parts) {
    json.begin_object().field("type", part.type);
    if (part.type == "text") {
      json.field("text", RawString{part.text});
    } else {
      json.field("mediaType", RawString{part.media_type}).field("data", part.data);
    }
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

bool is_too_deep(JsonSpan value) {
  JsonReader reader(const_cast<char*>(value.json.data()), value.json.size(), kMaxDepth);  // already validated
  reader.skip();
  return !reader.ok();
}

// Returns a json output; text if the value nests too deeply for a frame.
std::string structured_output(JsonSpan value) {
  return is_too_deep(value) ? text_output(value.json) : json_output(value.json);
}

std::string error_of(const std::vector<OutPart>& parts, JsonSpan structured) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty() && !part.text.empty()) text += "\\n";
    text += part.text;
  }
  if (!text.empty()) return raw_text_output("error-text", text);
  if (structured.empty()) return error_output("the tool failed without a message");
  if (is_too_deep(structured)) return error_output(structured.json);
  std::string out;
  JsonWriter(out).begin_object().field("type", "error-json").field("value", structured).end_object();
  return out;
}

}  // namespace

std::string tool_output_of(JsonSpan result) {
  if (!result.is_object()) return error_output("the MCP server's response is not a tool result");
  std::vector<OutPart> parts;
  JsonSpan structured;
  bool is_error = false, has_content = false;
  JsonReader in = reader_of(result);
  in.object([&](std::string_view key) {
    if (key == "content" && in.type() == JsonType::array) {
      has_content = true;
      parts = read_content(in);
    } else if (key == "structuredContent") {
      structured = in.value();
    } else if (key == "isError" && in.type() == JsonType::boolean) {
      is_error = in.boolean();
    } else {
      in.skip();
    }
  });
  if (is_error) return error_of(parts, structured);
  if (!has_content && structured.empty()) return error_output("the MCP server's response is not a tool result");
  const bool only_text = std::ranges::all_of(parts, [](const OutPart& part) { return part.type == "text"; });
  if (!structured.empty() && only_text) return structured_output(structured);
  if (parts.empty()) return text_output("");
  if (parts.size() == 1 && only_text) return raw_text_output("text", parts.front().text);
  return content_output(parts);
}

}  // namespace aiw
