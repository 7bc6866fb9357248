#include "worker/providers/cohere_chat/messages.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/cohere_chat/state.hpp"

namespace aiw::cohere_chat {
namespace {

// {id?, data}: a document in Cohere's words.
bool is_document(const JsonElement& value) {
  simdjson::dom::object members;
  if (value.get(members) != simdjson::SUCCESS) return false;
  bool has_data = false;
  for (const auto [key, member] : members) {
    if (key == "data" && (member.is_object() || member.is_string())) {
      has_data = true;
    } else if (key != "id" || !member.is_string()) {
      return false;
    }
  }
  return has_data;
}

// The documents that a tool's JSON is, as JSON: one, or all elements of an array. Empty: it is something else.
std::vector<std::string> documents_of(const ToolOutput& output) {
  std::vector<std::string> found;
  if (output.type != ToolOutputType::json || !output.value.json.contains("\"data\"")) return found;
  EventJson json;
  const auto value = json.parse(output.value.json);
  if (!value) return found;
  if (is_document(*value)) return {std::string(output.value.json)};
  simdjson::dom::array list;
  if (value->get(list) != simdjson::SUCCESS) return found;
  for (const JsonElement item : list) {
    if (!is_document(item)) return {};
    found.push_back(to_json(item));
  }
  return found;
}

class MessageWriter {
 public:
  MessageWriter(Rope& body, RequestNotes& notes) : body_(body), notes_(notes) {}

  void system(RawString text) {
    begin("system");
    body_.append(R"(,"content":[)");
    bool comma = false;
    write_text(text, comma);
    body_.append("]}");
  }

  void message(const Message& message) {
    const bool has_results = has_part<ToolResultPart>(message.parts);
    if (!has_results) flush_media();
    switch (message.role) {
      case Role::system: speak("system", message.parts); break;
      case Role::user: user(message.parts); break;
      case Role::assistant: assistant(message.parts); break;
      case Role::tool: tool_results(message.parts); break;
    }
  }

  // Images that tools returned: tool messages hold text and documents only, so they follow in a user message, after
  // all results of the turn.
  void flush_media() {
    if (media_.empty()) return;
    begin("user");
    body_.append(R"(,"content":[)");
    bool comma = false;
    for (const auto& [call_id, part] : std::exchange(media_, {})) {
      separate(comma);
      body_.append(R"({"type":"text","text":"Returned by tool call )");
      body_.splice(call_id.raw);
      body_.append(R"(:"})");
      write_image(*part, comma);
    }
    body_.append("]}");
  }

 private:
  void separate(bool& comma) {
    if (std::exchange(comma, true)) body_.append(",");
  }

  void begin(std::string_view role) {
    separate(comma_);
    body_.append(R"({"role":")");
    body_.append(role);
    body_.append("\"");
  }

  void write_text(RawString text, bool& comma) {
    separate(comma);
    body_.append(R"({"type":"text","text":")");
    body_.splice(text.raw);
    body_.append("\"}");
  }

  void user(const std::vector<Part>& parts) {
    const bool has_results = has_part<ToolResultPart>(parts);
    if (has_results) tool_results(parts);
    if (has_results && !has_part<TextPart>(parts) && !has_part<MediaPart>(parts)) return;
    flush_media();
    speak("user", parts);
  }

  void speak(std::string_view role, const std::vector<Part>& parts) {
    begin(role);
    body_.append(R"(,"content":[)");
    bool comma = false;
    for (const Part& part : parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) write_text(text->text, comma);
      const auto* media = std::get_if<MediaPart>(&part);
      if (media != nullptr && can_send(*media)) write_image(*media, comma);
    }
    body_.append("]}");
  }

  bool can_send(const MediaPart& media) {
    if (media.kind == MediaKind::image && !(media.data.empty() && media.url.empty())) return true;
    notes_.add("media_dropped", "this provider takes images by data or URL; other media was left out");
    return false;
  }

  void write_image(const MediaPart& media, bool& comma) {
    separate(comma);
    body_.append(R"({"type":"image_url","image_url":{"url":")");
    append_media_url(body_, media, "image/png");
    body_.append("\"}}");
  }

  void assistant(const std::vector<Part>& parts) {
    begin("assistant");
    const bool has_calls = has_part<ToolCallPart>(parts);
    write_content(parts, has_calls);
    write_plan(parts);
    if (has_calls) write_calls(parts);
    body_.append("}");
    if (has_part<MediaPart>(parts)) notes_.add("media_dropped", "media of an assistant message was left out");
    if (has_part<ToolResultPart>(parts)) tool_results(parts);
  }

  // Thinking that is not Cohere's own is left out.
  void write_content(const std::vector<Part>& parts, bool has_calls) {
    bool open = false;
    const auto next = [&] { body_.append(std::exchange(open, true) ? "," : R"(,"content":[)"); };
    for (const Part& part : parts) {
      const auto* reasoning = std::get_if<ReasoningPart>(&part);
      if (reasoning != nullptr && read_state(reasoning->provider_state).thinking) {
        next();
        body_.append(R"({"type":"thinking","thinking":")");
        body_.splice(reasoning->text.raw);
        body_.append("\"}");
      } else if (const auto* text = std::get_if<TextPart>(&part)) {
        next();
        bool comma = false;
        write_text(text->text, comma);
      }
    }
    if (open) return body_.append("]");
    if (!has_calls) body_.append(R"(,"content":"")");
  }

  void write_plan(const std::vector<Part>& parts) {
    bool written = false;
    for_each_part<ProviderPart>(parts, [&](const ProviderPart& part) {
      const auto plan = read_state(part.provider_state).plan;
      if (!plan || std::exchange(written, true)) return;
      body_.append(R"(,"tool_plan":)");
      body_.append(*plan);
    });
  }

  void write_calls(const std::vector<Part>& parts) {
    body_.append(R"(,"tool_calls":[)");
    bool comma = false;
    for_each_part<ToolCallPart>(parts, [&](const ToolCallPart& call) {
      separate(comma);
      body_.append(R"({"id":")");
      body_.splice(call.tool_call_id.raw);
      body_.append(R"(","type":"function","function":{"name":")");
      body_.splice(call.tool_name.raw);
      body_.append(R"(","arguments":")");
      if (!call.input_text.empty()) {
        body_.splice(call.input_text.raw);
      } else {
        append_escaped(body_, call.input.is_object() ? call.input.json : "{}");
      }
      body_.append("\"}}");
    });
    body_.append("]");
  }

  void tool_results(const std::vector<Part>& parts) {
    for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
      begin("tool");
      body_.append(R"(,"tool_call_id":")");
      body_.splice(result.tool_call_id.raw);
      body_.append(R"(","content":)");
      if (result.output) {
        write_output(result, *result.output);
      } else {
        body_.append("\"\"");
      }
      body_.append("}");
    });
  }

  void write_output(const ToolResultPart& result, const ToolOutput& output) {
    const auto documents = documents_of(output);
    if (documents.empty() && output.type != ToolOutputType::content) {
      body_.append("\"");
      append_output_text(body_, output);
      return body_.append("\"");
    }
    bool comma = false;
    body_.append("[");
    for (const std::string& document : documents) {
      separate(comma);
      body_.append(R"({"type":"document","document":)");
      body_.append(document);
      body_.append("}");
    }
    for (const Part& part : output.parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) write_text(text->text, comma);
      const auto* media = std::get_if<MediaPart>(&part);
      if (media != nullptr && can_send(*media)) media_.emplace_back(result.tool_call_id, media);
    }
    body_.append("]");
  }

  Rope& body_;
  RequestNotes& notes_;
  std::vector<std::pair<RawString, const MediaPart*>> media_;
  bool comma_ = false;
};

}  // namespace

void append_messages(RawString system, std::span<const Message> messages, Rope& body, RequestNotes& notes) {
  MessageWriter writer(body, notes);
  if (!system.empty()) writer.system(system);
  for (const Message& message : messages) writer.message(message);
  writer.flush_media();
}

}  // namespace aiw::cohere_chat
