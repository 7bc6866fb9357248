#include "worker/providers/openai_chat_messages.hpp"

#include <utility>

#include "worker/providers/openai_chat_state.hpp"

// Content has the one shape for each role that nearly every server reads. User messages: an array of parts, which media
// need and all servers with chat templates take. System, assistant and tool messages: a string; OpenAI documents arrays
// there too, but many compatible servers (older vLLM, llama.cpp templates, Groq) refuse or mangle them.

namespace aiw {
namespace {

template <typename T, typename Action>
void for_each_part(const std::vector<Part>& parts, Action&& action) {
  for (const Part& part : parts) {
    if (const T* found = std::get_if<T>(&part)) action(*found);
  }
}

template <typename T>
bool has_part(const std::vector<Part>& parts) {
  bool found = false;
  for_each_part<T>(parts, [&](const T&) { found = true; });
  return found;
}

// What follows the slash of a media type, as input_audio names formats.
std::string audio_format(RawString media_type) {
  const std::string type = media_type.text();
  const std::string format = type.substr(type.find('/') + 1);
  if (format == "mpeg" || format == "mpga") return "mp3";
  return format == "x-wav" || format == "wave" || format == "vnd.wave" ? "wav" : format;
}

class MessageWriter {
 public:
  MessageWriter(const OpenAiChatDialect& dialect, Rope& body, std::vector<ChatRequest::Note>& notes)
      : dialect_(dialect), body_(body), notes_(notes) {}

  void system(RawString text) {
    begin("system");
    body_.append(",\"content\":\"");
    body_.splice(text.raw);
    body_.append("\"}");
  }

  std::expected<void, Error> message(const Message& message, std::size_t index) {
    index_ = index;
    const bool user_results = message.role == Role::user && has_part<ToolResultPart>(message.parts);
    if (message.role != Role::tool && !user_results) flush_media();
    switch (message.role) {
      case Role::system: plain("system", message.parts); break;
      case Role::user: user(message.parts); break;
      case Role::assistant: assistant(message.parts); break;
      case Role::tool: tool_results(message.parts); break;
    }
    return result();
  }

  std::expected<void, Error> finish() {
    flush_media();
    return result();
  }

 private:
  std::expected<void, Error> result() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }

  // Media that tools returned: tool messages hold text only, so they follow in a user message, after all results of
  // the turn (they must stand right after their calls).
  void flush_media() {
    if (media_.empty()) return;
    begin("user");
    body_.append(",\"content\":[");
    bool comma = false;
    for (const auto& [call_id, part] : std::exchange(media_, {})) {
      separate(comma);
      body_.append(R"({"type":"text","text":"Returned by tool call )");
      body_.splice(call_id.raw);
      body_.append(":\"}");
      media(*part, comma);
    }
    body_.append("]}");
  }

  void begin(std::string_view role) {
    separate(comma_);
    body_.append("{\"role\":\"");
    body_.append(role);
    body_.append("\"");
  }

  void separate(bool& comma) {
    if (std::exchange(comma, true)) body_.append(",");
  }

  void joined_text(const std::vector<Part>& parts, std::string_view between) {
    body_.append("\"");
    bool first = true;
    for_each_part<TextPart>(parts, [&](const TextPart& part) {
      if (!std::exchange(first, false)) body_.append(between);
      body_.splice(part.text.raw);
    });
    body_.append("\"");
  }

  void plain(std::string_view role, const std::vector<Part>& parts) {
    begin(role);
    body_.append(",\"content\":");
    joined_text(parts, "\\n");
    body_.append("}");
  }

  void user(const std::vector<Part>& parts) {
    if (has_part<ToolResultPart>(parts)) tool_results(parts);
    if (!has_part<TextPart>(parts) && !has_part<MediaPart>(parts)) {
      if (!has_part<ToolResultPart>(parts)) plain("user", parts);
      return;
    }
    flush_media();
    begin("user");
    body_.append(",\"content\":[");
    bool comma = false;
    for (const Part& part : parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) {
        separate(comma);
        body_.append(R"({"type":"text","text":")");
        body_.splice(text->text.raw);
        body_.append("\"}");
      } else if (const auto* file = std::get_if<MediaPart>(&part)) {
        media(*file, comma);
      }
    }
    body_.append("]}");
  }

  void media(const MediaPart& part, bool& comma) {
    separate(comma);
    switch (part.kind) {
      case MediaKind::image:
        body_.append(R"({"type":"image_url","image_url":{"url":")");
        url(part, "image/png");
        return body_.append("\"}}");
      case MediaKind::audio:
        if (part.data.empty()) refuse("audio needs data: this API takes no URL for it");
        body_.append(R"({"type":"input_audio","input_audio":{"data":")");
        body_.splice(part.data.raw);
        body_.append("\",\"format\":");
        {
          std::string format;
          append_json_string(format, audio_format(part.media_type));
          body_.append(format);
        }
        return body_.append("}}");
      case MediaKind::file:
        body_.append(R"({"type":"file","file":{"filename":")");
        body_.splice(part.filename.empty() ? std::string_view("file") : part.filename.raw);
        body_.append(R"(","file_data":")");
        url(part, "application/octet-stream");
        return body_.append("\"}}");
    }
  }

  void url(const MediaPart& part, std::string_view default_type) {
    if (part.data.empty()) return body_.splice(part.url.raw);
    body_.append("data:");
    body_.append(part.media_type.empty() ? default_type : part.media_type.raw);
    body_.append(";base64,");
    body_.splice(part.data.raw);
  }

  void assistant(const std::vector<Part>& parts) {
    const bool calls = has_part<ToolCallPart>(parts);
    begin("assistant");
    // null only beside tool calls: everywhere else servers insist on a string.
    if (calls && !has_part<TextPart>(parts)) {
      body_.append(",\"content\":null");
    } else {
      body_.append(",\"content\":");
      joined_text(parts, "");
    }
    if (dialect_.replay_reasoning) reasoning(parts, calls);
    if (calls) tool_calls(parts);
    body_.append("}");
    if (has_part<MediaPart>(parts)) note("media of an assistant message was left out: this API takes none there");
    if (has_part<ToolResultPart>(parts)) tool_results(parts);
  }

  // DeepSeek wants its reasoning_content back in turns that called tools (400 otherwise) and nowhere else; OpenRouter
  // wants its reasoning_details back always.
  void reasoning(const std::vector<Part>& parts, bool calls) {
    bool open = false;
    for_each_part<ReasoningPart>(parts, [&](const ReasoningPart& part) {
      if (!calls || !read_openai_chat_state(part.provider_state.text(), "field")) return;
      if (!std::exchange(open, true)) body_.append(",\"reasoning_content\":\"");
      body_.splice(part.text.raw);
    });
    if (open) body_.append("\"");
    for (const Part& part : parts) {
      if (append_details(part)) return;
    }
  }

  bool append_details(const Part& part) {
    RawString state;
    if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) state = reasoning->provider_state;
    if (const auto* own = std::get_if<ProviderPart>(&part)) state = own->provider_state;
    const auto details = read_openai_chat_state(state.text(), "reasoning_details");
    if (!details) return false;
    body_.append(",\"reasoning_details\":");
    body_.append(*details);
    return true;
  }

  void tool_calls(const std::vector<Part>& parts) {
    body_.append(",\"tool_calls\":[");
    bool comma = false;
    for_each_part<ToolCallPart>(parts, [&](const ToolCallPart& call) {
      separate(comma);
      body_.append("{\"id\":\"");
      body_.splice(call.tool_call_id.raw);
      body_.append(R"(","type":"function","function":{"name":")");
      body_.splice(call.tool_name.raw);
      body_.append("\",\"arguments\":\"");
      arguments(call);
      body_.append("\"}");
      if (const auto extra = read_openai_chat_state(call.provider_state.text(), "extra_content")) {
        body_.append(",\"extra_content\":");
        body_.append(*extra);
      }
      body_.append("}");
    });
    body_.append("]");
  }

  void arguments(const ToolCallPart& call) {
    if (!call.input_text.empty()) return body_.splice(call.input_text.raw);
    if (call.input.empty() || call.input.json == "null") return body_.append("{}");
    escaped(call.input.json);
  }

  void escaped(std::string_view json) {
    std::string text;
    append_json_escaped(text, json);
    body_.append(text);
  }

  void tool_results(const std::vector<Part>& parts) {
    for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
      begin("tool");
      body_.append(",\"tool_call_id\":\"");
      body_.splice(result.tool_call_id.raw);
      body_.append("\",\"content\":");
      output(result);
      body_.append("}");
    });
  }

  void output(const ToolResultPart& result) {
    if (!result.output) return body_.append("\"\"");
    const ToolOutput& output = *result.output;
    if (output.type == ToolOutputType::content) {
      joined_text(output.parts, "\\n");
      for_each_part<MediaPart>(output.parts,
                               [&](const MediaPart& part) { media_.emplace_back(result.tool_call_id, &part); });
      return;
    }
    const bool as_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
    body_.append("\"");
    if (as_text && output.value.is_string()) {
      body_.splice(output.value.as_string().raw);
    } else {
      escaped(output.value.json);
    }
    body_.append("\"");
  }

  void note(std::string message) { notes_.push_back({"content_dropped", std::move(message)}); }

  void refuse(std::string message) {
    Error error;
    error.code = "invalid_request";
    error.category = Category::invalid_request;
    error.message = std::move(message);
    error.pointer = "/payload/messages/" + std::to_string(index_);
    error_ = std::move(error);
  }

  const OpenAiChatDialect& dialect_;
  Rope& body_;
  std::vector<ChatRequest::Note>& notes_;
  std::vector<std::pair<RawString, const MediaPart*>> media_;
  std::optional<Error> error_;
  std::size_t index_ = 0;
  bool comma_ = false;
};

}  // namespace

std::expected<void, Error> append_openai_chat_messages(RawString system, std::span<const Message> messages,
                                                       const OpenAiChatDialect& dialect, Rope& body,
                                                       std::vector<ChatRequest::Note>& notes) {
  MessageWriter writer(dialect, body, notes);
  if (!system.empty()) writer.system(system);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (auto written = writer.message(messages[i], i); !written) return written;
  }
  return writer.finish();
}

}  // namespace aiw
