#include "worker/providers/openai_chat/messages.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/codec/provider_state.hpp"
#include "worker/providers/openai_chat/content.hpp"
#include "worker/providers/openai_chat/state.hpp"

// Content is a string if possible. OpenAI documents arrays for every role, but many compatible servers (older vLLM,
// llama.cpp's templates, DeepSeek) refuse or mangle them. It is an array of parts only for media, a user's separate
// texts and cache marks. The choice depends only on the message's own parts, so a longer history begins with the same
// bytes.

namespace aiw::openai_chat {
namespace {

class MessageWriter {
 public:
  // `goes_on`: other messages come before these.
  MessageWriter(const ChatQuirks& quirks, Rope& body, RequestNotes& notes, bool goes_on)
      : quirks_(quirks), notes_(notes), json_(body, goes_on), content_(quirks, json_) {}

  void system(RawString text) { begin("system").field("content", text).end_object(); }

  std::expected<void, Error> message(const Message& message, std::size_t index) {
    index_ = index;
    switch (message.role) {
      case Role::system:
        flush_media();
        plain("system", message.parts);
        break;
      case Role::user: user(message.parts); break;
      case Role::assistant: assistant(message.parts); break;
      case Role::tool: tool_results(message.parts); break;
    }
    return result();
  }

  // True if later messages cannot change the bytes written.
  [[nodiscard]] bool is_complete() const { return media_.empty(); }

  std::expected<void, Error> finish() {
    flush_media();
    return result();
  }

 private:
  std::expected<void, Error> result() const {
    if (content_.refused().empty()) return {};
    return std::unexpected(invalid_request(content_.refused(), "/payload/messages/" + std::to_string(index_)));
  }

  BodyWriter& begin(std::string_view role) { return json_.begin_object().field("role", RawString{role}); }

  // Writes media that tools returned. Tool messages hold text only and must come directly after their calls. So media
  // follows in a user message, after all results of the turn.
  void flush_media() {
    if (media_.empty()) return;
    begin("user").key("content").begin_array();
    for (const auto& [call_id, part] : std::exchange(media_, {})) {
      json_.begin_object().field("type", "text").key("text").copy('"' + returned_by(call_id) + '"').end_object();
      content_.media(*part);
    }
    json_.end_array().end_object();
  }

  void plain(std::string_view role, const std::vector<Part>& parts) {
    begin(role).key("content");
    text_content(parts, "\\n");
    json_.end_object();
  }

  // Writes one string, or an array if a text has a cache mark that the server reads.
  void text_content(const std::vector<Part>& parts, std::string_view between) {
    if (!is_marked(parts)) return write_texts(json_, parts, between);
    json_.begin_array();
    texts(parts);
    json_.end_array();
  }

  void texts(const std::vector<Part>& parts) {
    for_each_part<TextPart>(parts, [&](const TextPart& part) { content_.text(part.text, part.cache); });
  }

  [[nodiscard]] bool is_marked(const std::vector<Part>& parts) const {
    return quirks_.cache_marks && std::ranges::any_of(parts, [](const Part& part) {
             const auto* text = std::get_if<TextPart>(&part);
             return text != nullptr && text->cache != CacheMark::none;
           });
  }

  void user(const std::vector<Part>& parts) {
    tool_results(parts);
    const bool has_media = has_part<MediaPart>(parts);
    const auto texts =
        std::ranges::count_if(parts, [](const Part& part) { return std::holds_alternative<TextPart>(part); });
    if (has_part<ToolResultPart>(parts) && !has_media && texts == 0) return;
    flush_media();
    if (!has_media && (texts <= 1 || !quirks_.text_parts)) return plain("user", parts);
    begin("user").key("content").begin_array();
    for (const Part& part : parts) content_part(part);
    json_.end_array().end_object();
  }

  void content_part(const Part& part) {
    if (const auto* text = std::get_if<TextPart>(&part)) content_.text(text->text, text->cache);
    if (const auto* media = std::get_if<MediaPart>(&part)) content_.media(*media);
  }

  void assistant(const std::vector<Part>& parts) {
    flush_media();
    const bool has_calls = has_part<ToolCallPart>(parts);
    begin("assistant").key("content");
    if (quirks_.replay == ReasoningReplay::parts && !thoughts(parts, "thinking").empty()) {
      thinking_content(parts);
    } else if (has_calls && !has_part<TextPart>(parts)) {
      json_.null();  // only beside tool calls: elsewhere servers require a string
    } else {
      text_content(parts, "");
    }
    const bool replayed = quirks_.replay == ReasoningReplay::field && reasoning(parts);
    if (has_calls && !replayed && quirks_.missing_reasoning != nullptr) {
      json_.field("reasoning_content", quirks_.missing_reasoning);
    }
    if (has_calls) tool_calls(parts);
    json_.end_object();
    if (has_part<MediaPart>(parts)) {
      notes_.add(warning_code::content_dropped,
                 "media of an assistant message was left out: this API takes none there");
    }
    tool_results(parts);
  }

  // Returns the reasoning that came in the member `field`.
  std::vector<const ReasoningPart*> thoughts(const std::vector<Part>& parts, std::string_view field) {
    std::vector<const ReasoningPart*> out;
    for_each_part<ReasoningPart>(parts, [&](const ReasoningPart& part) {
      const auto state = state_.read(part.provider_state, kStateTag);
      if (state && get_string(*state, "field") == field) out.push_back(&part);
    });
    return out;
  }

  // Mistral: {type: thinking, thinking: [text parts]} before the texts.
  void thinking_content(const std::vector<Part>& parts) {
    json_.begin_array();
    for (const ReasoningPart* part : thoughts(parts, "thinking")) {
      json_.begin_object().field("type", "thinking").key("thinking").begin_array();
      content_.text(part->text, CacheMark::none);
      json_.end_array().end_object();
    }
    texts(parts);
    json_.end_array();
  }

  // Writes reasoning in the member in which it came. DeepSeek responds with 400 if a turn that called tools comes
  // without it, and ignores it elsewhere, like the templates of local servers. OpenRouter's details hold the text too.
  // False: none.
  bool reasoning(const std::vector<Part>& parts) {
    const std::string_view only = quirks_.reasoning_member;
    if (only.empty() && std::ranges::any_of(parts, [&](const Part& part) { return details(part); })) return true;
    for (const std::string_view field : {"reasoning_content", "reasoning"}) {
      const auto found = thoughts(parts, field);
      if (found.empty()) continue;
      json_.key(only.empty() ? field : only).begin_string();
      for (const ReasoningPart* part : found) json_.out().splice(part->text.raw);
      json_.end_string();
      return true;
    }
    return false;
  }

  bool details(const Part& part) {
    RawString state;
    if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) state = reasoning->provider_state;
    if (const auto* own = std::get_if<ProviderPart>(&part)) state = own->provider_state;
    return state_member(state_.read(state, kStateTag), "reasoning_details");
  }

  // Writes a member of a state unchanged. False: none.
  bool state_member(const std::optional<JsonElement>& state, std::string_view key) {
    const std::string value = state ? state_.json(*state, key) : std::string();
    if (!value.empty()) json_.key(key).copy(value);
    return !value.empty();
  }

  void tool_calls(const std::vector<Part>& parts) {
    json_.key("tool_calls").begin_array();
    for_each_part<ToolCallPart>(parts, [&](const ToolCallPart& call) {
      const auto state = state_.read(call.provider_state, kStateTag);
      const bool custom = state && get_string(*state, "type") == "custom";
      const std::string_view type = custom ? "custom" : "function";
      json_.begin_object().field("id", call.tool_call_id).field("type", RawString{type});
      json_.key(type).begin_object().field("name", call.tool_name);
      if (custom) {
        json_.field("input", call.input.is_string() ? call.input.as_string() : call.input_text);
      } else {
        arguments(call);
      }
      json_.end_object();
      state_member(state, "extra_content");
      content_.end_part(call.cache);
    });
    json_.end_array();
  }

  void arguments(const ToolCallPart& call) {
    json_.key("arguments");
    if (!call.input_text.empty()) {
      json_.raw(call.input_text);
    } else {
      json_.string(call.input.empty() || call.input.json == "null" ? "{}" : call.input.json);
    }
  }

  void tool_results(const std::vector<Part>& parts) {
    for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
      begin("tool").field("tool_call_id", result.tool_call_id).key("content");
      if (result.output) {
        output(result, *result.output);
      } else {
        json_.string("");
      }
      json_.end_object();
    });
  }

  void output(const ToolResultPart& result, const ToolOutput& output) {
    const bool keeps_media = quirks_.tool_media && has_part<MediaPart>(output.parts);
    const bool has_mark = result.cache != CacheMark::none && quirks_.cache_marks;
    if (keeps_media || has_mark || is_marked(output.parts)) {
      output_parts(result, output, keeps_media);
    } else {
      write_output_text(json_, output);
    }
    if (keeps_media) return;
    for_each_part<MediaPart>(output.parts,
                             [&](const MediaPart& part) { media_.emplace_back(result.tool_call_id, &part); });
  }

  // Writes an array of parts. The last part has the result's own cache mark.
  void output_parts(const ToolResultPart& result, const ToolOutput& output, bool keeps_media) {
    json_.begin_array();
    if (output.type != ToolOutputType::content) {
      json_.begin_object().field("type", "text").key("text");
      write_output_text(json_, output);
      content_.end_part(result.cache);
    }
    for (const Part& part : output.parts) {
      const auto* text = std::get_if<TextPart>(&part);
      if (text != nullptr && text->cache == CacheMark::none && &part == &output.parts.back()) {
        content_.text(text->text, result.cache);
      } else if (text != nullptr || keeps_media) {
        content_part(part);
      }
    }
    json_.end_array();
  }

  const ChatQuirks& quirks_;
  RequestNotes& notes_;
  BodyWriter json_;
  ContentWriter content_;
  StateReader state_;
  std::vector<std::pair<RawString, const MediaPart*>> media_;
  std::size_t index_ = 0;
};

}  // namespace

std::expected<void, Error> append_messages(RawString system, std::span<const Message> messages,
                                           const ChatQuirks& quirks, Rope& body, RequestNotes& notes,
                                           WrittenHistory* written) {
  const std::size_t first = written == nullptr ? 0 : written->messages;
  const auto added = std::make_shared<Rope>();
  MessageWriter writer(quirks, *added, notes, first > 0);
  if (first > 0) {
    for (const auto& block : written->blocks) body.share(block);
  } else if (!system.empty()) {
    writer.system(system);
  }
  for (std::size_t i = first; i < messages.size(); ++i) {
    if (auto wrote = writer.message(messages[i], i); !wrote) return wrote;
  }
  const bool keep = written != nullptr && writer.is_complete() && !messages.empty();
  if (auto finished = writer.finish(); !finished) return finished;
  body.share(added);
  if (keep) {
    written->messages = messages.size();
    written->blocks.push_back(added);
  }
  return {};
}

}  // namespace aiw::openai_chat
