#include "worker/providers/openai_responses/parts.hpp"

#include <utility>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/media_type.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw::openai_responses {
namespace {

void append_image_source(Rope& body, const MediaPart& image) {
  if (!image.file_id.empty()) {
    body.append("\"file_id\":\"");
    body.splice(image.file_id.raw);
    return body.append("\"");
  }
  body.append("\"image_url\":\"");
  append_media_url(body, image, "image/png");
  body.append("\"");
}

void append_content(Rope& body, const ToolOutput& output, RequestNotes& notes) {
  std::string_view separator;
  body.append("[");
  for (const Part& part : output.parts) {
    const auto* media = std::get_if<MediaPart>(&part);
    const auto* text = std::get_if<TextPart>(&part);
    if (text == nullptr && (media == nullptr || !can_send_media(*media, notes))) continue;
    body.append(separator);
    separator = ",";
    if (media != nullptr) {
      append_input_media(body, *media);
    } else {
      append_input_text(body, text->text, false);
    }
  }
  body.append("]");
}

// What ran in a shell: its own report if the parent gives one, else the text as what it printed.
void append_shell_output(Rope& body, const ToolOutput& output) {
  if (!output.value.empty() && output.value.json.front() == '[') return body.splice(output.value.json);
  const bool failed = is_error(output);
  body.append(failed ? R"([{"stdout":"","stderr":")" : R"([{"stdout":")");
  append_output_text(body, output);
  body.append(failed ? R"(","outcome":{"type":"exit","exit_code":1}}])"
                     : R"(","stderr":"","outcome":{"type":"exit","exit_code":0}}])");
}

void append_screenshot(Rope& body, const ToolOutput& output) {
  for (const Part& part : output.parts) {
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr || media->kind != MediaKind::image) continue;
    body.append(R"({"type":"computer_screenshot",)");
    append_image_source(body, *media);
    return body.append("}");
  }
  if (output.value.is_object()) return body.splice(output.value.json);
  body.append(R"({"type":"computer_screenshot"})");
}

void append_found_tools(Rope& body, const ToolOutput& output) {
  EventJson json;
  const auto root = json.parse(output.value.json);
  const auto tools = root && root->is_object() ? get_member(*root, "tools") : root;
  body.append(tools && tools->is_array() && !json.repaired() ? to_json(*tools) : "[]");
}

}  // namespace

void append_input_text(Rope& body, RawString text, bool breakpoint) {
  body.append(R"({"type":"input_text","text":")");
  body.splice(text.raw);
  body.append(breakpoint ? R"(","prompt_cache_breakpoint":{"mode":"explicit"}})" : "\"}");
}

bool can_send_media(const MediaPart& media, RequestNotes& notes) {
  if (media.kind != MediaKind::audio) return true;
  notes.add("content_dropped", "audio was left out: this API takes none");
  return false;
}

void append_input_media(Rope& body, const MediaPart& media) {
  if (media.kind == MediaKind::image) {
    body.append(R"({"type":"input_image",)");
    append_image_source(body, media);
    return body.append("}");
  }
  body.append(R"({"type":"input_file",)");
  if (!media.file_id.empty()) {
    body.append("\"file_id\":\"");
    body.splice(media.file_id.raw);
  } else if (!media.data.empty()) {
    // The API refuses bytes without a name.
    body.append("\"filename\":\"");
    body.splice(!media.filename.empty()                     ? media.filename.raw
                : media_type_of(media) == "application/pdf" ? std::string_view("file.pdf")
                                                            : "file");
    body.append("\",\"file_data\":\"");
    append_media_url(body, media, "application/pdf");
  } else {
    body.append("\"file_url\":\"");
    body.splice(media.url.raw);
  }
  body.append("\"}");
}

void append_call_input(Rope& body, const ToolCallPart& call, bool is_text) {
  if (is_text && call.input.is_string()) return body.splice(call.input.as_string().raw);
  if (!call.input_text.empty()) return body.splice(call.input_text.raw);
  if (call.input.empty() || call.input.json == "null") return body.append("{}");
  append_escaped(body, call.input.json);
}

void append_call_output(Rope& body, const ToolResultPart& result, const Call& call, RequestNotes& notes) {
  static const ToolOutput kNothing{ToolOutputType::text, JsonSpan{"\"\""}, {}};
  const ToolOutput& output = result.output ? *result.output : kNothing;
  const auto type = call.output_type;
  body.append("{\"type\":\"");
  body.append(type);
  body.append("\",\"call_id\":\"");
  if (call.call_id.empty()) {
    body.splice(result.tool_call_id.raw);
  } else {
    append_escaped(body, call.call_id);
  }
  if (type == "tool_search_output") {
    body.append(R"(","execution":"client","status":"completed","tools":)");
    append_found_tools(body, output);
    return body.append("}");
  }
  if (type == "apply_patch_call_output") {
    body.append(is_error(output) ? R"(","status":"failed)" : R"(","status":"completed)");
  }
  body.append("\",\"output\":");
  const bool takes_content = type == "function_call_output" || type == "custom_tool_call_output";
  if (type == "shell_call_output") {
    append_shell_output(body, output);
  } else if (type == "computer_call_output") {
    append_screenshot(body, output);
  } else if (takes_content && output.type == ToolOutputType::content) {
    append_content(body, output, notes);
  } else {
    body.append("\"");
    append_output_text(body, output);
    body.append("\"");
  }
  body.append("}");
}

}  // namespace aiw::openai_responses
