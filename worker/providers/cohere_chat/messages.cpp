#include "worker/providers/cohere_chat/messages.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/codes.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/codec/provider_state.hpp"
#include "worker/providers/cohere_chat/state.hpp"

namespace aiw::cohere_chat {
namespace {

// True for a document of Cohere's API: {id?, data}.
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

// Returns the documents in a tool's JSON output, as JSON: the value itself, or all elements of an array. Empty if the
// output is anything else.
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
  MessageWriter(Rope& body, RequestNotes& notes) : json_(body), notes_(notes) {}

  void system(RawString text) {
    begin("system").key("content").begin_array();
    write_text(text);
    json_.end_array().end_object();
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

  // Writes images that tools returned. Tool messages hold text and documents only, so images follow in a user message,
  // after all results of the turn.
  void flush_media() {
    if (media_.empty()) return;
    begin("user").key("content").begin_array();
    for (const auto& [call_id, part] : std::exchange(media_, {})) {
      json_.begin_object().field("type", "text").key("text").copy('"' + returned_by(call_id) + '"').end_object();
      write_image(*part);
    }
    json_.end_array().end_object();
  }

 private:
  BodyWriter& begin(std::string_view role) { return json_.begin_object().field("role", role); }

  void write_text(RawString text) { json_.begin_object().field("type", "text").field("text", text).end_object(); }

  void user(const std::vector<Part>& parts) {
    const bool has_results = has_part<ToolResultPart>(parts);
    if (has_results) tool_results(parts);
    if (has_results && !has_part<TextPart>(parts) && !has_part<MediaPart>(parts)) return;
    flush_media();
    speak("user", parts);
  }

  void speak(std::string_view role, const std::vector<Part>& parts) {
    begin(role).key("content").begin_array();
    for (const Part& part : parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) write_text(text->text);
      const auto* media = std::get_if<MediaPart>(&part);
      if (media != nullptr && can_send(*media)) write_image(*media);
    }
    json_.end_array().end_object();
  }

  bool can_send(const MediaPart& media) {
    if (media.kind == MediaKind::image && !(media.data.empty() && media.url.empty())) return true;
    notes_.add(warning_code::media_dropped, "this provider takes images by data or URL; other media was left out");
    return false;
  }

  void write_image(const MediaPart& media) {
    json_.begin_object().field("type", "image_url").key("image_url").begin_object().key("url");
    write_media_url(json_, media, "image/png");
    json_.end_object().end_object();
  }

  void assistant(const std::vector<Part>& parts) {
    begin("assistant");
    const bool has_calls = has_part<ToolCallPart>(parts);
    write_content(parts, has_calls);
    write_plan(parts);
    if (has_calls) write_calls(parts);
    json_.end_object();
    if (has_part<MediaPart>(parts))
      notes_.add(warning_code::media_dropped, "media of an assistant message was left out");
    if (has_part<ToolResultPart>(parts)) tool_results(parts);
  }

  // Thinking from other providers is left out.
  void write_content(const std::vector<Part>& parts, bool has_calls) {
    bool open = false;
    const auto next = [&] {
      if (!std::exchange(open, true)) json_.key("content").begin_array();
    };
    for (const Part& part : parts) {
      const auto* reasoning = std::get_if<ReasoningPart>(&part);
      if (reasoning != nullptr && is_thinking(reasoning->provider_state)) {
        next();
        json_.begin_object().field("type", "thinking").field("thinking", reasoning->text).end_object();
      } else if (const auto* text = std::get_if<TextPart>(&part)) {
        next();
        write_text(text->text);
      }
    }
    if (open) {
      json_.end_array();
    } else if (!has_calls) {
      json_.field("content", "");
    }
  }

  bool is_thinking(RawString state) {
    const auto object = state_.read(state, kStateTag);
    return object && get_string_or_empty(*object, "type") == kThinkingType;
  }

  void write_plan(const std::vector<Part>& parts) {
    bool written = false;
    for_each_part<ProviderPart>(parts, [&](const ProviderPart& part) {
      const auto object = state_.read(part.provider_state, kStateTag);
      if (!object || !get_string(*object, kPlan) || std::exchange(written, true)) return;
      json_.key(kPlan).copy(state_.json(*object, kPlan));
    });
  }

  void write_calls(const std::vector<Part>& parts) {
    json_.key("tool_calls").begin_array();
    for_each_part<ToolCallPart>(parts, [&](const ToolCallPart& call) {
      json_.begin_object().field("id", call.tool_call_id).field("type", "function");
      json_.key("function").begin_object().field("name", call.tool_name).key("arguments");
      if (!call.input_text.empty()) {
        json_.raw(call.input_text);
      } else {
        json_.string(call.input.is_object() ? call.input.json : "{}");
      }
      json_.end_object().end_object();
    });
    json_.end_array();
  }

  void tool_results(const std::vector<Part>& parts) {
    for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
      begin("tool").field("tool_call_id", result.tool_call_id).key("content");
      if (result.output) {
        write_output(result, *result.output);
      } else {
        json_.string("");
      }
      json_.end_object();
    });
  }

  void write_output(const ToolResultPart& result, const ToolOutput& output) {
    const auto documents = documents_of(output);
    if (documents.empty() && output.type != ToolOutputType::content) return write_output_text(json_, output);
    json_.begin_array();
    for (const std::string& document : documents) {
      json_.begin_object().field("type", "document").key("document").copy(document).end_object();
    }
    for (const Part& part : output.parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) write_text(text->text);
      const auto* media = std::get_if<MediaPart>(&part);
      if (media != nullptr && can_send(*media)) media_.emplace_back(result.tool_call_id, media);
    }
    json_.end_array();
  }

  BodyWriter json_;
  RequestNotes& notes_;
  StateReader state_;
  std::vector<std::pair<RawString, const MediaPart*>> media_;
};

}  // namespace

void append_messages(RawString system, std::span<const Message> messages, Rope& body, RequestNotes& notes) {
  MessageWriter writer(body, notes);
  if (!system.empty()) writer.system(system);
  for (const Message& message : messages) writer.message(message);
  writer.flush_media();
}

}  // namespace aiw::cohere_chat
