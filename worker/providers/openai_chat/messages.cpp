#include "worker/providers/openai_chat/messages.hpp"

#include <utility>

#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/openai_chat/content.hpp"
#include "worker/providers/openai_chat/state.hpp"

// Content is a string wherever it can be: OpenAI documents arrays for every role, but many compatible servers (older
// vLLM, llama.cpp's templates, DeepSeek) refuse or mangle them. It is an array of parts where something cannot be said
// otherwise: media, a user's separate texts, cache marks. A message's own parts decide that and nothing after it, so
// that a longer history begins with the same bytes.

namespace aiw::openai_chat {
namespace {

class MessageWriter {
 public:
  MessageWriter(const ChatQuirks& quirks, Rope& body, RequestNotes& notes)
      : quirks_(quirks), body_(body), notes_(notes), content_(quirks, body) {}

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

  // What is written stays as it is, whatever follows.
  [[nodiscard]] bool is_complete() const { return media_.empty(); }
  // Other messages stand before.
  void go_on() { comma_ = true; }

  std::expected<void, Error> finish() {
    flush_media();
    return result();
  }

 private:
  std::expected<void, Error> result() const {
    if (content_.refused().empty()) return {};
    return std::unexpected(invalid_request(content_.refused(), "/payload/messages/" + std::to_string(index_)));
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
    append_texts(body_, parts, between);
    body_.append("\"");
  }

  void plain(std::string_view role, const std::vector<Part>& parts) {
    begin(role);
    body_.append(",\"content\":");
    text_content(parts, "\\n");
    body_.append("}");
  }

  // One string, or an array where a text has a cache mark that the server reads.
  void text_content(const std::vector<Part>& parts, std::string_view between) {
    if (!marked(parts)) return joined_text(parts, between);
    bool comma = false;
    body_.append("[");
    for_each_part<TextPart>(parts, [&](const TextPart& part) { text(part.text, part.cache, comma); });
    body_.append("]");
  }

  [[nodiscard]] bool marked(const std::vector<Part>& parts) const {
    bool found = false;
    for_each_part<TextPart>(parts, [&](const TextPart& part) { found = found || part.cache != CacheMark::none; });
    return found && quirks_.cache_marks;
  }

  void text(RawString text, CacheMark mark, bool& comma) {
    separate(comma);
    content_.text(text, mark);
  }

  void user(const std::vector<Part>& parts) {
    if (has_part<ToolResultPart>(parts)) tool_results(parts);
    const bool has_media = has_part<MediaPart>(parts);
    if (!has_media && !has_part<TextPart>(parts)) {
      if (!has_part<ToolResultPart>(parts)) plain("user", parts);
      return;
    }
    flush_media();
    if (!has_media && (texts_of(parts) == 1 || !quirks_.text_parts)) return plain("user", parts);
    begin("user");
    body_.append(",\"content\":[");
    bool comma = false;
    for (const Part& part : parts) content_part(part, comma);
    body_.append("]}");
  }

  static std::size_t texts_of(const std::vector<Part>& parts) {
    std::size_t count = 0;
    for_each_part<TextPart>(parts, [&](const TextPart&) { ++count; });
    return count;
  }

  void content_part(const Part& part, bool& comma) {
    if (const auto* own = std::get_if<TextPart>(&part)) text(own->text, own->cache, comma);
    if (const auto* own = std::get_if<MediaPart>(&part)) media(*own, comma);
  }

  void media(const MediaPart& part, bool& comma) {
    separate(comma);
    content_.media(part);
  }

  void assistant(const std::vector<Part>& parts) {
    const bool calls = has_part<ToolCallPart>(parts);
    begin("assistant");
    body_.append(",\"content\":");
    if (quirks_.replay == ReasoningReplay::parts && !thoughts(parts, "thinking").empty()) {
      thinking_content(parts);
    } else if (calls && !has_part<TextPart>(parts)) {
      body_.append("null");  // only beside tool calls: everywhere else servers insist on a string
    } else {
      text_content(parts, "");
    }
    const bool replayed = quirks_.replay == ReasoningReplay::field && reasoning(parts);
    if (calls && !replayed && quirks_.missing_reasoning != nullptr) {
      body_.append(",\"reasoning_content\":\"");
      body_.append(quirks_.missing_reasoning);
      body_.append("\"");
    }
    if (calls) tool_calls(parts);
    body_.append("}");
    if (has_part<MediaPart>(parts)) {
      notes_.add("content_dropped", "media of an assistant message was left out: this API takes none there");
    }
    if (has_part<ToolResultPart>(parts)) tool_results(parts);
  }

  // The reasoning that came under the name `field`.
  static std::vector<const ReasoningPart*> thoughts(const std::vector<Part>& parts, std::string_view field) {
    std::vector<const ReasoningPart*> out;
    const std::string quoted = "\"" + std::string(field) + "\"";
    for_each_part<ReasoningPart>(parts, [&](const ReasoningPart& part) {
      if (part.provider_state.empty()) return;
      if (read_state(part.provider_state.text(), "field") == quoted) out.push_back(&part);
    });
    return out;
  }

  // Mistral: {type: thinking, thinking: [text parts]} in front of the texts.
  void thinking_content(const std::vector<Part>& parts) {
    bool comma = false;
    body_.append("[");
    for (const ReasoningPart* part : thoughts(parts, "thinking")) {
      separate(comma);
      bool inner = false;
      body_.append(R"({"type":"thinking","thinking":[)");
      text(part->text, CacheMark::none, inner);
      body_.append("]}");
    }
    for_each_part<TextPart>(parts, [&](const TextPart& part) { text(part.text, part.cache, comma); });
    body_.append("]");
  }

  // Under the name that it came by. DeepSeek answers 400 if a turn that called tools comes without it, and ignores it
  // elsewhere, like the templates of local servers. OpenRouter's details hold the text too. False: there is none.
  bool reasoning(const std::vector<Part>& parts) {
    if (quirks_.reasoning_member.empty()) {
      for (const Part& part : parts) {
        if (append_details(part)) return true;
      }
    }
    for (const std::string_view field : {"reasoning_content", "reasoning"}) {
      const auto found = thoughts(parts, field);
      if (found.empty()) continue;
      body_.append(",\"");
      body_.append(quirks_.reasoning_member.empty() ? field : quirks_.reasoning_member);
      body_.append("\":\"");
      for (const ReasoningPart* part : found) body_.splice(part->text.raw);
      body_.append("\"");
      return true;
    }
    return false;
  }

  bool append_details(const Part& part) {
    RawString state;
    if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) state = reasoning->provider_state;
    if (const auto* own = std::get_if<ProviderPart>(&part)) state = own->provider_state;
    if (state.empty()) return false;
    const auto details = read_state(state.text(), "reasoning_details");
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
      const auto state = call.provider_state.empty() ? std::string() : call.provider_state.text();
      const bool custom = read_state(state, "type") == R"("custom")";
      body_.append(custom ? R"(","type":"custom","custom":{"name":")" : R"(","type":"function","function":{"name":")");
      body_.splice(call.tool_name.raw);
      body_.append(custom ? R"(","input":")" : R"(","arguments":")");
      if (!custom) {
        arguments(call);
      } else {
        body_.splice(call.input.is_string() ? call.input.as_string().raw : call.input_text.raw);
      }
      body_.append("\"}");
      if (const auto extra = read_state(state, "extra_content")) {
        body_.append(",\"extra_content\":");
        body_.append(*extra);
      }
      content_.end_part(call.cache);
    });
    body_.append("]");
  }

  void arguments(const ToolCallPart& call) {
    if (!call.input_text.empty()) return body_.splice(call.input_text.raw);
    if (call.input.empty() || call.input.json == "null") return body_.append("{}");
    append_escaped(body_, call.input.json);
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
    const bool has_content = output.type == ToolOutputType::content;
    const bool keeps_media = quirks_.tool_media && has_content && has_part<MediaPart>(output.parts);
    const bool mark = result.cache != CacheMark::none && quirks_.cache_marks;
    if (keeps_media || mark || (has_content && marked(output.parts))) return output_parts(result, keeps_media);
    body_.append("\"");
    append_output_text(body_, output);
    body_.append("\"");
    keep_media(result);
  }

  void keep_media(const ToolResultPart& result) {
    for_each_part<MediaPart>(result.output->parts,
                             [&](const MediaPart& part) { media_.emplace_back(result.tool_call_id, &part); });
  }

  // An array of parts, the last of which has the result's own cache mark.
  void output_parts(const ToolResultPart& result, bool keeps_media) {
    const ToolOutput& output = *result.output;
    bool comma = false;
    body_.append("[");
    if (output.type != ToolOutputType::content) {
      body_.append(R"({"type":"text","text":")");
      append_output_text(body_, output);
      body_.append("\"");
      content_.end_part(result.cache);
      return body_.append("]");
    }
    for (std::size_t i = 0; i < output.parts.size(); ++i) {
      Part part = output.parts[i];
      const bool last = i + 1 == output.parts.size();
      if (auto* own = std::get_if<TextPart>(&part)) {
        text(own->text, last && own->cache == CacheMark::none ? result.cache : own->cache, comma);
      } else if (keeps_media) {
        content_part(part, comma);
      }
    }
    body_.append("]");
    if (!keeps_media) keep_media(result);
  }

  const ChatQuirks& quirks_;
  Rope& body_;
  RequestNotes& notes_;
  ContentWriter content_;
  std::vector<std::pair<RawString, const MediaPart*>> media_;
  std::size_t index_ = 0;
  bool comma_ = false;
};

}  // namespace

namespace {

std::expected<void, Error> write_from(std::size_t first, std::span<const Message> messages, MessageWriter& writer) {
  for (std::size_t i = first; i < messages.size(); ++i) {
    if (auto written = writer.message(messages[i], i); !written) return written;
  }
  return {};
}

}  // namespace

std::expected<void, Error> append_messages(RawString system, std::span<const Message> messages,
                                           const ChatQuirks& quirks, Rope& body, RequestNotes& notes,
                                           WrittenHistory* written) {
  const std::size_t first = written == nullptr ? 0 : written->messages;
  Rope added;
  MessageWriter writer(quirks, added, notes);
  if (first > 0) {
    for (const auto& block : written->blocks) body.share(block);
    writer.go_on();
  } else if (!system.empty()) {
    writer.system(system);
  }
  if (auto wrote = write_from(first, messages, writer); !wrote) return wrote;
  const bool keep = written != nullptr && writer.is_complete();
  if (auto finished = writer.finish(); !finished) return finished;
  const auto block = std::make_shared<const Rope>(std::move(added));
  body.share(block);
  if (keep && !messages.empty()) {
    written->messages = messages.size();
    written->blocks.push_back(block);
  }
  return {};
}

}  // namespace aiw::openai_chat
