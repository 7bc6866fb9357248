#include "worker/providers/openai_responses/messages.hpp"

#include <map>
#include <string>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/media_type.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/codec/provider_state.hpp"
#include "worker/providers/openai_responses/items.hpp"
#include "worker/providers/openai_responses/state.hpp"

namespace aiw::openai_responses {
namespace {

constexpr std::string_view kCustomOutput = "custom_tool_call_output";

// Data of a call that the item with its result needs.
struct Call {
  std::string_view output_type = "function_call_output";
  std::string call_id{};  // the provider's id if the item has one, else the part's
};

// Returns a member of a state if it is an object. `state` may be empty.
std::optional<JsonElement> object_member(const std::optional<JsonElement>& state, std::string_view name) {
  const auto found = state ? get_member(*state, name) : std::nullopt;
  return found && found->is_object() ? found : std::nullopt;
}

bool has_id(const std::optional<JsonElement>& item) { return item && get_string(*item, "id"); }

std::string tools_found(const ToolOutput& output) {
  EventJson json;
  const auto root = json.parse(output.value.json);
  const auto tools = root && root->is_object() ? get_member(*root, "tools") : root;
  return tools && tools->is_array() && !json.repaired() ? to_json(*tools) : "[]";
}

class PartWriter {
 public:
  PartWriter(BodyWriter& json, RequestNotes& notes) : json_(json), notes_(notes) {}

  // `breakpoint`: cache the prompt up to here.
  void text(RawString text, bool breakpoint) {
    json_.begin_object().field("type", "input_text").field("text", text);
    if (breakpoint) json_.key("prompt_cache_breakpoint").begin_object().field("mode", "explicit").end_object();
    json_.end_object();
  }

  // False, with a note, if the API does not accept the media.
  bool can_send(const MediaPart& media) {
    if (media.kind != MediaKind::audio) return true;
    notes_.add(warning_code::content_dropped, "audio was left out: this API takes none");
    return false;
  }

  void media(const MediaPart& media) { media_as(media.kind == MediaKind::image ? "input_image" : "input_file", media); }

  // `is_text` means the input of a custom tool, which the part holds as a JSON string.
  void call_input(const ToolCallPart& call, bool is_text) {
    if (is_text && call.input.is_string()) {
      json_.raw(call.input.as_string());
    } else if (!call.input_text.empty()) {
      json_.raw(call.input_text);
    } else {
      json_.string(call.input.empty() || call.input.json == "null" ? "{}" : call.input.json);
    }
  }

  void call_output(const ToolResultPart& result, const Call& call) {
    static const ToolOutput kNothing{ToolOutputType::text, JsonSpan{"\"\""}, {}};
    const ToolOutput& output = result.output ? *result.output : kNothing;
    json_.begin_object().field("type", RawString{call.output_type}).key("call_id");
    if (call.call_id.empty()) {
      json_.raw(result.tool_call_id);
    } else {
      json_.string(call.call_id);
    }
    if (call.output_type == "tool_search_output") {
      json_.field("execution", "client").field("status", "completed").key("tools").copy(tools_found(output));
    } else {
      output_member(call.output_type, output);
    }
    json_.end_object();
  }

 private:
  void media_as(std::string_view type, const MediaPart& media) {
    json_.begin_object().field("type", type);
    if (!media.file_id.empty()) {
      json_.field("file_id", media.file_id);
    } else if (media.kind == MediaKind::image) {
      json_.key("image_url");
      write_media_url(json_, media, "image/png");
    } else if (!media.data.empty()) {
      // The API refuses bytes without a name.
      const RawString name{media_type_of(media) == "application/pdf" ? "file.pdf" : "file"};
      json_.field("filename", media.filename.empty() ? name : media.filename).key("file_data");
      write_media_url(json_, media, "application/pdf");
    } else {
      json_.field("file_url", media.url);
    }
    json_.end_object();
  }

  void output_member(std::string_view type, const ToolOutput& output) {
    if (type == "apply_patch_call_output") json_.field("status", is_error(output) ? "failed" : "completed");
    json_.key("output");
    const bool takes_content = type == Call().output_type || type == kCustomOutput;
    if (type == "shell_call_output") {
      shell_output(output);
    } else if (type == "computer_call_output") {
      screenshot(output);
    } else if (takes_content && output.type == ToolOutputType::content) {
      content(output);
    } else {
      write_output_text(json_, output);
    }
  }

  // Writes the shell's own report if the parent provides one, else the text as the shell's output.
  void shell_output(const ToolOutput& output) {
    if (!output.value.empty() && output.value.json.front() == '[') {
      json_.raw(output.value);
      return;
    }
    const bool failed = is_error(output);
    json_.begin_array().begin_object();
    if (failed) json_.field("stdout", "");
    json_.key(failed ? "stderr" : "stdout");
    write_output_text(json_, output);
    if (!failed) json_.field("stderr", "");
    json_.key("outcome").begin_object().field("type", "exit").field("exit_code", failed ? 1 : 0).end_object();
    json_.end_object().end_array();
  }

  void screenshot(const ToolOutput& output) {
    constexpr std::string_view kType = "computer_screenshot";
    for (const Part& part : output.parts) {
      const auto* media = std::get_if<MediaPart>(&part);
      if (media != nullptr && media->kind == MediaKind::image) return media_as(kType, *media);
    }
    if (output.value.is_object()) {
      json_.raw(output.value);
    } else {
      json_.begin_object().field("type", kType).end_object();
    }
  }

  void content(const ToolOutput& output) {
    json_.begin_array();
    for (const Part& part : output.parts) {
      if (const auto* words = std::get_if<TextPart>(&part)) text(words->text, false);
      const auto* file = std::get_if<MediaPart>(&part);
      if (file != nullptr && can_send(*file)) media(*file);
    }
    json_.end_array();
  }

  BodyWriter& json_;
  RequestNotes& notes_;
};

class InputWriter {
 public:
  InputWriter(const Dialect& dialect, Rope& body, RequestNotes& notes)
      : dialect_(dialect), json_(body), notes_(notes) {}

  void message(const Message& message) {
    ids_lost_ = false;
    for (const Part& part : message.parts) {
      if (const auto* own = std::get_if<ProviderPart>(&part)) {
        item(own->provider_state);
      } else if (const auto* result = std::get_if<ToolResultPart>(&part)) {
        tool_result(*result);
      } else if (message.role == Role::assistant) {
        assistant_part(part);
      } else {
        input_part(message.role, part);
      }
    }
    close_message();
  }

 private:
  // Opens a message that begins with `members`, or continues the open one if it begins with them.
  void in_message(std::string members) {
    if (open_ && members_ == members) return;
    close_message();
    open_ = true;
    members_ = std::move(members);
    json_.begin_object().copy_list(members_).key("content").begin_array();
  }

  void close_message() {
    if (std::exchange(open_, false)) json_.end_array().end_object();
  }

  void input_part(Role role, const Part& part) {
    const auto* media = std::get_if<MediaPart>(&part);
    const auto* text = std::get_if<TextPart>(&part);
    if (text == nullptr && (media == nullptr || !parts_.can_send(*media))) return;
    std::string members;
    JsonWriter(members).field("role", RawString{role == Role::system ? dialect_.system_role : "user"});
    in_message(std::move(members));
    if (media != nullptr) {
      parts_.media(*media);
    } else {
      parts_.text(text->text, dialect_.cache_breakpoints && text->cache != CacheMark::none);
    }
  }

  void assistant_part(const Part& part) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      assistant_text(*text);
    } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
      item(reasoning->provider_state);
    } else if (const auto* call = std::get_if<ToolCallPart>(&part)) {
      tool_call(*call);
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      generated_file(*media);
    }
  }

  // Writes a whole item as received from the provider, if the state holds one.
  void item(RawString state) {
    if (const auto whole = object_member(state_.read(state, kStateTag), kItem)) write_item(*whole);
  }

  void write_item(const JsonElement& item) {
    if (!can_replay(item)) {
      ids_lost_ = true;
      return;
    }
    close_message();
    json_.copy(state_.json(item));
  }

  // A provider that stores nothing cannot find reasoning by its id. It needs the reasoning itself: encrypted, or as
  // plain text from servers that send it (LM Studio, DeepSeek).
  [[nodiscard]] bool can_replay(const JsonElement& item) const {
    if (dialect_.stored || get_string_or_empty(item, "type") != "reasoning") return true;
    return !get_string_or_empty(item, "encrypted_content").empty() || !elements_of(item, "content").empty();
  }

  void assistant_text(const TextPart& part) {
    const auto state = object_member(state_.read(part.provider_state, kStateTag), kText);
    const bool refusal = state && get_bool(*state, "refusal").value_or(false);
    in_message(assistant_members(state));
    json_.begin_object();
    if (refusal) {
      json_.field("type", "refusal").field("refusal", part.text);
    } else {
      json_.field("type", "output_text").field("text", part.text);
    }
    if (const auto annotations = state ? get_member(*state, "annotations") : std::nullopt) {
      json_.key("annotations").copy(state_.json(*annotations));
    } else if (!refusal && !ids_lost_ && has_id(state)) {
      // The text of an output message always has annotations.
      json_.key("annotations").begin_array().end_array();
    }
    json_.end_object();
  }

  [[nodiscard]] std::string assistant_members(const std::optional<JsonElement>& state) const {
    std::string members;
    JsonWriter writer(members);
    const bool keeps_id = !ids_lost_ && has_id(state);
    if (keeps_id) writer.field("type", "message");
    writer.field("role", "assistant");
    if (state) writer.copy_list(members_without(*state, {"annotations", "refusal", ids_lost_ ? "id" : ""}));
    if (keeps_id && !get_member(*state, "status")) writer.field("status", "completed");
    return members;
  }

  // `object` must belong to the state that was read last.
  [[nodiscard]] std::string members_without(const JsonElement& object,
                                            std::initializer_list<std::string_view> leave_out) const {
    return other_members(state_.parser(), object, leave_out);
  }

  void tool_call(const ToolCallPart& part) {
    const auto state = state_.read(part.provider_state, kStateTag);
    if (const auto whole = object_member(state, kItem)) {
      const auto output_type = item_kind(get_string_or_empty(*whole, "type"), *whole).output_type;
      std::string call_id(get_string_or_empty(*whole, "call_id"));
      if (!output_type.empty()) calls_[part.tool_call_id.text()] = {output_type, std::move(call_id)};
      return write_item(*whole);
    }
    const auto members = object_member(state, kCall);
    const bool custom = members && get_string_or_empty(*members, "type") == "custom_tool_call";
    if (custom) calls_[part.tool_call_id.text()] = {kCustomOutput, {}};
    close_message();
    json_.begin_object().field("type", RawString{custom ? "custom_tool_call" : "function_call"});
    if (members) json_.copy_list(members_without(*members, {"type", ids_lost_ ? "id" : ""}));
    json_.field("call_id", part.tool_call_id).field("name", part.tool_name).key(custom ? "input" : "arguments");
    parts_.call_input(part, custom);
    json_.end_object();
  }

  // An image that the provider made is sent back as its item; the part holds its bytes.
  void generated_file(const MediaPart& part) {
    const auto whole = object_member(state_.read(part.provider_state, kStateTag), kItem);
    if (!whole || part.data.empty()) {
      notes_.add(warning_code::content_dropped,
                 "media of an assistant message was left out: this API takes none there");
      return;
    }
    close_message();
    json_.begin_object().copy_list(members_without(*whole, {"result"})).field("result", part.data).end_object();
  }

  void tool_result(const ToolResultPart& part) {
    close_message();
    const auto call = calls_.find(part.tool_call_id.text());
    parts_.call_output(part, call == calls_.end() ? Call{} : call->second);
  }

  const Dialect& dialect_;
  BodyWriter json_;
  RequestNotes& notes_;
  PartWriter parts_{json_, notes_};
  StateReader state_;                  // reads the state of the current part
  std::map<std::string, Call> calls_;  // calls of tools other than functions
  std::string members_;                // members of the open message
  bool open_ = false;
  // Reasoning of this turn was left out. The provider refuses items with ids that came after it.
  bool ids_lost_ = false;
};

}  // namespace

void append_input(std::span<const Message> messages, const Dialect& dialect, Rope& body, RequestNotes& notes) {
  InputWriter writer(dialect, body, notes);
  for (const Message& message : messages) writer.message(message);
}

}  // namespace aiw::openai_responses
