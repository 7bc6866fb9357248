#include "worker/providers/ollama/messages.hpp"

#include <span>
#include <string>
#include <utility>

#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/codec/provider_state.hpp"
#include "worker/providers/codec/transcript_prompt.hpp"
#include "worker/providers/ollama/decoder.hpp"

namespace aiw::ollama {
namespace {

// Begins the member `images` with the first image. `open` is true if the member has begun.
void add_images(BodyWriter& json, const std::vector<Part>& parts, bool& open) {
  for_each_part<MediaPart>(parts, [&](const MediaPart& media) {
    if (!is_image(media)) return;
    if (!std::exchange(open, true)) json.key("images").begin_array();
    json.raw(media.data);
  });
}

// Writes one message: a text, and beside it images, thinking and calls.
class MessageWriter {
 public:
  explicit MessageWriter(BodyWriter& json) : json_(json) {}

  void system(RawString text) { begin("system").raw(text).end_object(); }

  void message(const Message& message) {
    switch (message.role) {
      case Role::system: return speak("system", message.parts);
      case Role::user: return user(message.parts);
      case Role::assistant: return assistant(message.parts);
      case Role::tool: return tool_results(message.parts);
    }
  }

 private:
  BodyWriter& begin(std::string_view role) {
    return json_.begin_object().field("role", RawString{role}).key("content");
  }

  void images(const std::vector<Part>& parts) {
    bool open = false;
    add_images(json_, parts, open);
    if (open) json_.end_array();
  }

  void speak(std::string_view role, const std::vector<Part>& parts) {
    begin(role);
    write_texts(json_, parts, "\\n");
    images(parts);
    json_.end_object();
  }

  void user(const std::vector<Part>& parts) {
    tool_results(parts);
    const bool has_results = has_part<ToolResultPart>(parts);
    if (!has_results || has_part<TextPart>(parts) || has_part<MediaPart>(parts)) speak("user", parts);
  }

  void assistant(const std::vector<Part>& parts) {
    begin("assistant");
    write_texts(json_, parts, "");
    thinking(parts);
    images(parts);
    if (has_part<ToolCallPart>(parts)) tool_calls(parts);
    json_.end_object();
    tool_results(parts);
  }

  // Models that think between tool calls require their thinking back. Thinking from other providers is left out.
  void thinking(const std::vector<Part>& parts) {
    bool open = false;
    for_each_part<ReasoningPart>(parts, [&](const ReasoningPart& part) {
      if (!part.provider_state.raw.starts_with(kChatTag)) return;
      if (!std::exchange(open, true)) json_.key("thinking").begin_string();
      json_.out().splice(part.text.raw);
    });
    if (open) json_.end_string();
  }

  void tool_calls(const std::vector<Part>& parts) {
    json_.key("tool_calls").begin_array();
    for_each_part<ToolCallPart>(parts, [&](const ToolCallPart& call) {
      const JsonSpan input = call.input.is_object() ? call.input : JsonSpan{"{}"};
      json_.begin_object().key("function").begin_object().field("name", call.tool_name).field("arguments", input);
      json_.end_object().end_object();
    });
    json_.end_array();
  }

  void tool_results(const std::vector<Part>& parts) {
    for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
      begin("tool");
      if (result.output) {
        write_output_text(json_, *result.output);
      } else {
        json_.string("");
      }
      if (!result.tool_name.empty()) json_.field("tool_name", result.tool_name);
      if (result.output) images(result.output->parts);
      json_.end_object();
    });
  }

  BodyWriter& json_;
};

// Returns the `context` of a /api/generate response, which is kept in one of the parts, as JSON; empty: none.
std::string context_of(const Message& message) {
  std::string found;
  StateReader reader;
  const auto look = [&](RawString state) {
    const auto object = reader.read(state, kGenerateTag);
    if (object && get_array(*object, "context")) found = reader.json(*object, "context");
  };
  for_each_part<TextPart>(message.parts, [&](const TextPart& part) { look(part.provider_state); });
  for_each_part<ProviderPart>(message.parts, [&](const ProviderPart& part) { look(part.provider_state); });
  return found;
}

// Placement of a conversation's parts.
struct Plan {
  std::span<const Message> system;  // at the start
  std::string context;              // replaces everything between; empty: none
  std::span<const Message> prompt;
};

Plan make_plan(std::span<const Message> messages) {
  Plan plan;
  std::size_t start = 0;
  while (start < messages.size() && messages[start].role == Role::system) ++start;
  plan.system = messages.first(start);
  plan.prompt = messages.subspan(start);
  for (std::size_t i = messages.size(); i-- > start;) {
    if (messages[i].role != Role::assistant) continue;
    plan.context = context_of(messages[i]);
    if (!plan.context.empty()) plan.prompt = messages.subspan(i + 1);
    return plan;
  }
  return plan;
}

void write_system(RawString system, std::span<const Message> messages, BodyWriter& json) {
  bool open = false;
  const auto next = [&] {
    if (std::exchange(open, true)) {
      json.out().append("\\n");
    } else {
      json.key("system").begin_string();
    }
  };
  if (!system.empty()) {
    next();
    json.out().splice(system.raw);
  }
  for (const Message& message : messages) {
    if (!has_part<TextPart>(message.parts)) continue;
    next();
    append_texts(json.out(), message.parts, "\\n");
  }
  if (open) json.end_string();
}

}  // namespace

void write_messages(const StepInput& input, BodyWriter& json, RequestNotes&) {
  json.key("messages").begin_array();
  MessageWriter writer(json);
  if (!input.chat.system.empty()) writer.system(input.chat.system);
  for (const Message& message : input.messages) writer.message(message);
  json.end_array();
}

void write_prompt(const StepInput& input, BodyWriter& json, RequestNotes& notes) {
  const Plan plan = make_plan(input.messages);
  write_system(input.chat.system, plan.system, json);
  if (!plan.context.empty()) json.key("context").copy(plan.context);
  json.key("prompt").begin_string();
  append_transcript_prompt({}, plan.prompt, true, json.out(), notes);
  json.end_string();
  bool open = false;
  for (const Message& message : plan.prompt) add_images(json, message.parts, open);
  if (open) json.end_array();
}

}  // namespace aiw::ollama
