#include <array>
#include <utility>

#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/ollama/api.hpp"
#include "worker/providers/ollama/decoder.hpp"
#include "worker/providers/ollama/request.hpp"

namespace aiw::ollama {
namespace {

constexpr std::array<std::string_view, 2> kReserved = {"messages", "stream"};

// A message has a text, and beside it images, thinking and calls.
class MessageWriter {
 public:
  explicit MessageWriter(Rope& body) : body_(body) {}

  void system(RawString text) {
    begin("system");
    body_.splice(text.raw);
    body_.append("\"}");
  }

  void message(const Message& message) {
    switch (message.role) {
      case Role::system: return speak("system", message.parts);
      case Role::user: return user(message.parts);
      case Role::assistant: return assistant(message.parts);
      case Role::tool: return tool_results(message.parts);
    }
  }

 private:
  // Leaves the content's string open.
  void begin(std::string_view role) {
    if (std::exchange(comma_, true)) body_.append(",");
    body_.append(R"({"role":")");
    body_.append(role);
    body_.append(R"(","content":")");
  }

  void images(const std::vector<Part>& parts) {
    bool open = false;
    append_images(body_, parts, open);
    if (open) body_.append("]");
  }

  void speak(std::string_view role, const std::vector<Part>& parts) {
    begin(role);
    append_texts(body_, parts, "\\n");
    body_.append("\"");
    images(parts);
    body_.append("}");
  }

  void user(const std::vector<Part>& parts) {
    const bool has_results = has_part<ToolResultPart>(parts);
    if (has_results) tool_results(parts);
    if (!has_results || has_part<TextPart>(parts) || has_part<MediaPart>(parts)) speak("user", parts);
  }

  void assistant(const std::vector<Part>& parts) {
    begin("assistant");
    append_texts(body_, parts, "");
    body_.append("\"");
    thinking(parts);
    images(parts);
    if (has_part<ToolCallPart>(parts)) tool_calls(parts);
    body_.append("}");
    if (has_part<ToolResultPart>(parts)) tool_results(parts);
  }

  // Models that think between tool calls want their thinking back. What is not Ollama's own is left out.
  void thinking(const std::vector<Part>& parts) {
    bool open = false;
    for_each_part<ReasoningPart>(parts, [&](const ReasoningPart& part) {
      if (!part.provider_state.raw.starts_with(kChatTag)) return;
      if (!std::exchange(open, true)) body_.append(R"(,"thinking":")");
      body_.splice(part.text.raw);
    });
    if (open) body_.append("\"");
  }

  void tool_calls(const std::vector<Part>& parts) {
    body_.append(R"(,"tool_calls":[)");
    bool comma = false;
    for_each_part<ToolCallPart>(parts, [&](const ToolCallPart& call) {
      body_.append(std::exchange(comma, true) ? R"(,{"function":{"name":")" : R"({"function":{"name":")");
      body_.splice(call.tool_name.raw);
      body_.append(R"(","arguments":)");
      body_.splice(call.input.is_object() ? call.input.json : "{}");
      body_.append("}}");
    });
    body_.append("]");
  }

  void tool_results(const std::vector<Part>& parts) {
    for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
      begin("tool");
      if (result.output) append_output_text(body_, *result.output);
      body_.append("\"");
      if (!result.tool_name.empty()) {
        body_.append(R"(,"tool_name":")");
        body_.splice(result.tool_name.raw);
        body_.append("\"");
      }
      if (result.output) images(result.output->parts);
      body_.append("}");
    });
  }

  Rope& body_;
  bool comma_ = false;
};

}  // namespace

std::expected<BuiltRequest, Error> build_chat(const StepInput& input) {
  auto http = start_post("api/chat", input);
  if (!http) return std::unexpected(std::move(http).error());
  RequestNotes notes;
  if (auto media = check_media(input.messages, notes); !media) return std::unexpected(media.error());
  std::string options = write_options(input, true, kReserved, notes);
  options.back() = ',';
  BuiltRequest built{*std::move(http), {}};
  built.http.body.append(options + "\"messages\":[");
  MessageWriter writer(built.http.body);
  if (!input.chat.system.empty()) writer.system(input.chat.system);
  for (const Message& message : input.messages) writer.message(message);
  built.http.body.append("]}");
  built.notes = notes.take();
  return built;
}

}  // namespace aiw::ollama
