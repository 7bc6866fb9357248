#include "worker/providers/google/messages.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "protocol/codes.hpp"
#include "worker/providers/codec/media_type.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/google/state.hpp"

namespace aiw::google {
namespace {

// Placeholder for the signature of a call that the model did not make
// (ai.google.dev/gemini-api/docs/thought-signatures#faqs).
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

// True for an id that the decoder made because the wire has none, and that the session made unique: call_3, call_3_7.
// The API matches such calls and results by name and order, and refuses ids that it did not make.
bool is_made_id(std::string_view id) {
  constexpr std::string_view kPrefix = "call_";
  if (!id.starts_with(kPrefix)) return false;
  id.remove_prefix(kPrefix.size());
  const auto digits = std::min(id.find('_'), id.size());
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return digits <= 4 && is_number(id.substr(0, digits)) && (digits == id.size() || is_number(id.substr(digits + 1)));
}

// Returns the media type to send if neither the part nor its data or URL has one.
std::string_view usual_type(MediaKind kind) {
  return kind == MediaKind::image ? "image/png" : kind == MediaKind::audio ? "audio/wav" : "application/pdf";
}

class Contents {
 public:
  Contents(std::span<const Message> messages, const ModelRules& rules, BodyWriter& json, RequestNotes& notes)
      : messages_(messages), rules_(rules), json_(json), notes_(notes) {}

  void write_system(RawString system) {
    bool open = false;
    const auto write = [&](RawString text) {
      if (text.empty()) return;
      if (!std::exchange(open, true)) json_.key("systemInstruction").begin_object().key("parts").begin_array();
      json_.begin_object().field("text", text).end_object();
    };
    write(system);
    for (const Message& message : messages_.first(leading_system_)) {
      for (const Part& part : message.parts) {
        const auto* text = std::get_if<TextPart>(&part);
        if (text != nullptr) write(text->text);
        if (text == nullptr)
          notes_.add(warning_code::part_dropped, "a part of a system message that is not text was left out");
      }
    }
    if (open) json_.end_array().end_object();
  }

  std::expected<void, Error> write_contents() {
    json_.key("contents").begin_array();
    for (const Message& message : messages_.subspan(leading_system_)) {
      for (const Part& part : message.parts) write_part(part, message.role);
    }
    if (turn_ == Turn::none) {
      return std::unexpected(invalid_request("no message has content that can be sent", "/payload/messages"));
    }
    end_turn();
    json_.end_array();
    return {};
  }

 private:
  // Messages of one turn share a content. Results have their own content, although their role is the user's too. They
  // must come directly after their calls, and the API counts them.
  enum class Turn { none, user, model, results };

  void write_part(const Part& part, Role role) {
    if (const auto* result = std::get_if<ToolResultPart>(&part)) return write_result(*result);
    if (role == Role::assistant) return write_assistant_part(part);
    if (const auto* text = std::get_if<TextPart>(&part)) return write_user_text(text->text, role);
    if (const auto* media = std::get_if<MediaPart>(&part)) {
      begin_turn(Turn::user);
      return write_media_part(*media, {});
    }
    notes_.add(warning_code::part_dropped, "a part that only an assistant message may have was left out");
  }

  void write_user_text(RawString text, Role role) {
    if (text.empty()) return;
    begin_turn(Turn::user);
    if (role != Role::system) return write_text(text, {});
    notes_.add(warning_code::system_in_place, "a later system message is sent as user text");
    write_system_text(json_.begin_object().key("text"), text);
    json_.end_object();
  }

  void write_assistant_part(const Part& part) {
    if (const auto* call = std::get_if<ToolCallPart>(&part)) return write_call(*call);
    if (const auto* text = std::get_if<TextPart>(&part)) {
      const auto state = read_state(states_, text->provider_state);
      if (text->text.empty() && !state.thought && state.signature.empty()) return;
      begin_turn(Turn::model);
      write_text(text->text, state);
    } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
      const auto state = read_state(states_, reasoning->provider_state);
      if (!state.ours)
        return notes_.add(warning_code::reasoning_dropped, "reasoning that another provider gave was left out");
      begin_turn(Turn::model);
      write_text(reasoning->text, state);
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      begin_turn(Turn::model);
      write_media_part(*media, read_state(states_, media->provider_state));
    } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
      const auto state = read_state(states_, own->provider_state);
      if (state.part.empty())
        return notes_.add(warning_code::provider_part_dropped, "a part of another provider was left out");
      begin_turn(Turn::model);
      json_.copy(state.part);
    }
  }

  // Continues the turn, or ends the previous turn and begins a new one. The user has the first turn.
  void begin_turn(Turn turn) {
    if (turn_ == turn) return;
    if (turn_ == Turn::none && turn == Turn::model) {
      notes_.add(warning_code::user_turn_added, "the conversation began with the assistant");
      open_turn(Turn::user);
      write_text(RawString{"."}, {});
    }
    end_turn();
    open_turn(turn);
  }

  void open_turn(Turn turn) {
    json_.begin_object().field("role", turn == Turn::model ? "model" : "user").key("parts").begin_array();
    turn_ = turn;
    has_call_ = false;
  }

  void end_turn() {
    if (turn_ == Turn::none) return;
    for (const MediaPart* media : std::exchange(returned_, {})) write_media_part(*media, {});
    json_.end_array().end_object();
  }

  void write_text(RawString text, const State& state) {
    json_.begin_object().field("text", text);
    end_part(state);
  }

  void write_media_part(const MediaPart& media, const State& state) {
    json_.begin_object();
    write_media(media);
    end_part(state);
  }

  // Ends a part's object with the members in its state.
  void end_part(const State& state) {
    if (state.thought) json_.field("thought", true);
    if (!state.signature.empty()) json_.field("thoughtSignature", state.signature);
    json_.end_object();
  }

  void write_media(const MediaPart& media) {
    std::string type = media_type_of(media);
    if (type.empty() || type.ends_with("/*")) type = usual_type(media.kind);
    json_.key(media.data.empty() ? "fileData" : "inlineData").begin_object().field("mimeType", type);
    if (!media.data.empty()) {
      json_.field("data", media.data);
    } else {
      json_.field("fileUri", media.url.empty() ? media.file_id : media.url);
    }
    json_.end_object();
  }

  void write_call(const ToolCallPart& call) {
    begin_turn(Turn::model);
    const bool is_object = call.input.is_object();
    if (!is_object)
      notes_.add(warning_code::tool_input_replaced, "a tool call's input was not an object and is sent as {}");
    json_.begin_object().key("functionCall").begin_object();
    write_id_and_name(call.tool_call_id, call.tool_name);
    json_.field("args", is_object ? call.input : JsonSpan{"{}"}).end_object();
    State state = read_state(states_, call.provider_state);
    // Only the first of parallel calls has a signature.
    const bool is_first = !std::exchange(has_call_, true);
    if (state.signature.empty() && is_first && rules_.wants_signatures) state.signature = kNoSignature;
    end_part(state);
  }

  void write_result(const ToolResultPart& result) {
    begin_turn(Turn::results);
    json_.begin_object().key("functionResponse").begin_object();
    write_id_and_name(result.tool_call_id, result.tool_name);
    json_.key("response");
    const ToolOutput none;
    const ToolOutput& output = result.output ? *result.output : none;
    write_response(output);
    write_result_media(output);
    json_.end_object().end_object();
  }

  void write_id_and_name(RawString id, RawString name) {
    if (!is_made_id(id.raw)) json_.field("id", id);
    json_.field("name", name);
  }

  // The API requires an object, and recommends these member names for other values.
  void write_response(const ToolOutput& output) {
    const JsonSpan value = output.value;
    // The API treats any member of that name as a reference to media beside the response, and refuses it.
    const bool has_reference = value.json.contains("\"$ref\"");
    if (output.type == ToolOutputType::json && value.is_object() && !has_reference) {
      json_.raw(value);
      return;
    }
    json_.begin_object();
    const std::string_view key = is_error(output) ? "error" : "output";
    if (output.type == ToolOutputType::content) {
      if (has_part<TextPart>(output.parts)) write_texts(json_.key(key), output.parts, "\\n");
    } else if (has_reference && !value.is_string()) {
      json_.field(key, value.json);
    } else {
      json_.field(key, value.empty() ? JsonSpan{R"("")"} : value);
    }
    json_.end_object();
  }

  // If a model accepts no media in results, media follows after the results, as parts of the turn.
  void write_result_media(const ToolOutput& output) {
    if (!has_part<MediaPart>(output.parts)) return;
    if (rules_.media_in_results) json_.key("parts").begin_array();
    for_each_part<MediaPart>(output.parts, [&](const MediaPart& media) {
      rules_.media_in_results ? write_media_part(media, {}) : returned_.push_back(&media);
    });
    if (rules_.media_in_results) json_.end_array();
  }

  const std::span<const Message> messages_;
  const ModelRules& rules_;
  BodyWriter& json_;
  RequestNotes& notes_;
  const std::size_t leading_system_ = count_leading_system(messages_);
  StateReader states_;
  Turn turn_ = Turn::none;                  // the open turn
  bool has_call_ = false;                   // the open turn has a call
  std::vector<const MediaPart*> returned_;  // media of the open turn's results
};

}  // namespace

std::expected<void, Error> write_conversation(RawString system, std::span<const Message> messages,
                                              const ModelRules& rules, BodyWriter& json, RequestNotes& notes) {
  Contents contents(messages, rules, json, notes);
  contents.write_system(system);
  return contents.write_contents();
}

}  // namespace aiw::google
