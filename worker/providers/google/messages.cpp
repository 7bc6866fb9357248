#include "worker/providers/google/messages.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/media_type.hpp"

namespace aiw::google {
namespace {

// Stands for the signature of a call that the model did not make
// (ai.google.dev/gemini-api/docs/thought-signatures#faqs).
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

// The ids that the decoder makes where the wire has none, and the session makes unique: call_3, call_3_7. The API
// matches such calls and results by name and order, and wants no id that it never gave.
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

// A media type to send where neither the part nor its data or URL says one.
std::string_view usual_type(MediaKind kind) {
  switch (kind) {
    case MediaKind::image: return "image/png";
    case MediaKind::audio: return "audio/wav";
    case MediaKind::file: break;
  }
  return "application/pdf";
}

bool is_state(const State& state) { return state.thought || !state.signature.empty(); }

}  // namespace

Contents::Contents(std::span<const Message> messages, const ModelRules& rules, Rope& body, RequestNotes& notes)
    : messages_(messages), rules_(rules), body_(body), notes_(notes) {
  const auto is_system = [](const Message& message) { return message.role == Role::system; };
  leading_system_ = static_cast<std::size_t>(std::ranges::find_if_not(messages, is_system) - messages.begin());
}

void Contents::write_system(RawString system) {
  bool open = false;
  const auto write = [&](RawString text) {
    if (text.empty()) return;
    body_.append(std::exchange(open, true) ? ",{" : R"("systemInstruction":{"parts":[{)");
    write_field(R"("text":")", text);
    body_.append("}");
  };
  write(system);
  for (const Message& message : messages_.first(leading_system_)) {
    for (const Part& part : message.parts) {
      const auto* text = std::get_if<TextPart>(&part);
      if (text != nullptr) write(text->text);
      if (text == nullptr) notes_.add("part_dropped", "a part of a system message that is no text was left out");
    }
  }
  if (open) body_.append("]},");
}

std::expected<void, Error> Contents::write() {
  body_.append("[");
  for (const Message& message : messages_.subspan(leading_system_)) write_message(message);
  end_turn();
  body_.append("]");
  if (any_turn_) return {};
  return std::unexpected(invalid_request("no message has content that can be sent", "/payload/messages"));
}

void Contents::write_message(const Message& message) {
  for (const Part& part : message.parts) {
    if (const auto* result = std::get_if<ToolResultPart>(&part)) {
      write_result(*result);
    } else if (message.role == Role::assistant) {
      write_assistant_part(part);
    } else {
      write_user_part(part, message.role == Role::system);
    }
  }
}

void Contents::write_user_part(const Part& part, bool from_system) {
  if (const auto* text = std::get_if<TextPart>(&part)) {
    if (text->text.empty()) return;
    if (from_system) notes_.add("system_in_place", "a later system message is sent as user text");
    begin_part(Turn::user);
    write_text(text->text, from_system, {});
  } else if (const auto* media = std::get_if<MediaPart>(&part)) {
    begin_part(Turn::user);
    write_media(*media);
    body_.append("}");
  } else {
    notes_.add("part_dropped", "a part that only an assistant message may have was left out");
  }
}

void Contents::write_assistant_part(const Part& part) {
  if (const auto* text = std::get_if<TextPart>(&part)) {
    const auto state = read_state(text->provider_state);
    if (text->text.empty() && !is_state(state)) return;
    begin_part(Turn::model);
    write_text(text->text, false, state);
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
    const auto state = read_state(reasoning->provider_state);
    if (!state.ours) return notes_.add("reasoning_dropped", "reasoning that another provider gave was left out");
    begin_part(Turn::model);
    write_text(reasoning->text, false, state);
  } else if (const auto* call = std::get_if<ToolCallPart>(&part)) {
    begin_part(Turn::model);
    write_call(*call);
  } else if (const auto* media = std::get_if<MediaPart>(&part)) {
    begin_part(Turn::model);
    write_media(*media);
    end_part(read_state(media->provider_state));
  } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
    const auto state = read_state(own->provider_state);
    if (state.part.empty()) return notes_.add("provider_part_dropped", "a part of another provider was left out");
    begin_part(Turn::model);
    // Its opening bracket is there.
    body_.append(std::string_view(state.part).substr(1));
  }
}

// Opens a part of `turn`, and the turn's content if it is another's that is open.
void Contents::begin_part(Turn turn) {
  if (turn_ != turn) begin_turn(turn);
  body_.append(std::exchange(any_part_, true) ? ",{" : "{");
}

void Contents::begin_turn(Turn turn) {
  end_turn();
  if (!any_turn_ && turn == Turn::model) {
    notes_.add("user_turn_added", "the conversation began with the assistant");
    body_.append(R"({"role":"user","parts":[{"text":"."}]})");
    any_turn_ = true;
  }
  if (std::exchange(any_turn_, true)) body_.append(",");
  body_.append(turn == Turn::model ? R"({"role":"model","parts":[)" : R"({"role":"user","parts":[)");
  turn_ = turn;
  any_part_ = any_call_ = false;
}

void Contents::end_turn() {
  for (const MediaPart* media : std::exchange(returned_, {})) {
    begin_part(Turn::results);
    write_media(*media);
    body_.append("}");
  }
  if (turn_ != Turn::none) body_.append("]}");
  turn_ = Turn::none;
}

// Ends what begin_part began, with what a state says of it. A state does not outlive the call, so it is copied.
void Contents::end_part(const State& state) {
  if (state.thought) body_.append(R"(,"thought":true)");
  if (!state.signature.empty()) {
    body_.append(R"(,"thoughtSignature":")");
    body_.append(state.signature);
    body_.append("\"");
  }
  body_.append("}");
}

// A string field between what opens and what closes it.
void Contents::write_field(std::string_view opening, RawString value, std::string_view closing) {
  body_.append(opening);
  body_.splice(value.raw);
  body_.append(closing);
}

void Contents::write_text(RawString text, bool from_system, const State& state) {
  write_field(from_system ? R"("text":"<system>)" : R"("text":")", text, from_system ? "</system>\"" : "\"");
  end_part(state);
}

void Contents::write_media(const MediaPart& media) {
  std::string type = media_type_of(media);
  if (type.empty() || type.ends_with("/*")) type = usual_type(media.kind);
  std::string quoted;
  append_json_string(quoted, type);
  body_.append(media.data.empty() ? R"("fileData":{"mimeType":)" : R"("inlineData":{"mimeType":)");
  body_.append(quoted);
  if (!media.data.empty()) {
    write_field(R"(,"data":")", media.data);
  } else {
    write_field(R"(,"fileUri":")", media.url.empty() ? media.file_id : media.url);
  }
  body_.append("}");
}

void Contents::write_call(const ToolCallPart& call) {
  body_.append(R"("functionCall":{)");
  if (!is_made_id(call.tool_call_id.raw)) write_field(R"("id":")", call.tool_call_id, "\",");
  write_field(R"("name":")", call.tool_name);
  body_.append(R"(,"args":)");
  if (!call.input.is_object()) notes_.add("tool_input_replaced", "a tool call's input was no object and is sent as {}");
  body_.splice(call.input.is_object() ? call.input.json : "{}");
  body_.append("}");
  State state = read_state(call.provider_state);
  // Of parallel calls only the first has a signature.
  if (state.signature.empty() && !any_call_ && rules_.wants_signatures) state.signature = kNoSignature;
  any_call_ = true;
  end_part(state);
}

void Contents::write_result(const ToolResultPart& result) {
  begin_part(Turn::results);
  body_.append(R"("functionResponse":{)");
  if (!is_made_id(result.tool_call_id.raw)) write_field(R"("id":")", result.tool_call_id, "\",");
  write_field(R"("name":")", result.tool_name);
  body_.append(R"(,"response":)");
  const ToolOutput none;
  const ToolOutput& output = result.output ? *result.output : none;
  write_response(output);
  bool any = false;
  for (const Part& part : output.parts) {
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr) continue;
    if (!rules_.media_in_results) {
      returned_.push_back(media);
      continue;
    }
    body_.append(std::exchange(any, true) ? ",{" : R"(,"parts":[{)");
    write_media(*media);
    body_.append("}");
  }
  body_.append(any ? "]}}" : "}}");
}

// The API wants an object, and recommends these names for what is none.
void Contents::write_response(const ToolOutput& output) {
  const bool failed = output.type == ToolOutputType::error_text || output.type == ToolOutputType::error_json;
  const std::string_view opening = failed ? R"({"error":)" : R"({"output":)";
  if (output.type == ToolOutputType::content) {
    const auto is_text = [](const Part& part) { return std::holds_alternative<TextPart>(part); };
    if (std::ranges::none_of(output.parts, is_text)) return body_.append("{}");
    body_.append(opening);
    write_joined_text(output.parts);
    return body_.append("}");
  }
  // The API takes any member of that name for a reference to media beside the response, and refuses it.
  const bool has_reference = output.value.json.contains("\"$ref\"");
  if (output.type == ToolOutputType::json && output.value.is_object() && !has_reference) {
    return body_.splice(output.value.json);
  }
  body_.append(opening);
  if (has_reference && !output.value.is_string()) {
    std::string text;
    append_json_string(text, output.value.json);
    body_.append(text);
  } else {
    body_.splice(output.value.empty() ? R"("")" : output.value.json);
  }
  body_.append("}");
}

void Contents::write_joined_text(const std::vector<Part>& parts) {
  body_.append("\"");
  bool any = false;
  for (const Part& part : parts) {
    const auto* text = std::get_if<TextPart>(&part);
    if (text == nullptr) continue;
    if (std::exchange(any, true)) body_.append("\\n");
    body_.splice(text->text.raw);
  }
  body_.append("\"");
}

}  // namespace aiw::google
