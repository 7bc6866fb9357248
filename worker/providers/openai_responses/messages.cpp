#include "worker/providers/openai_responses/messages.hpp"

#include <map>
#include <string>
#include <utility>

#include "worker/providers/codec/ascii_json.hpp"
#include "worker/providers/openai_responses/items.hpp"
#include "worker/providers/openai_responses/parts.hpp"
#include "worker/providers/openai_responses/state.hpp"

namespace aiw::openai_responses {
namespace {

class InputWriter {
 public:
  InputWriter(const Dialect& dialect, Rope& body, RequestNotes& notes)
      : dialect_(dialect), body_(body), notes_(notes) {}

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
  void begin_item() {
    close_message();
    if (std::exchange(comma_, true)) body_.append(",");
  }

  // Opens a message that begins with `head`, or goes on with the one that does.
  void in_message(std::string_view head) {
    if (open_ && head_ == head) return body_.append(",");
    begin_item();
    head_ = head;
    open_ = true;
    body_.append(head);
  }

  void close_message() {
    if (std::exchange(open_, false)) body_.append("]}");
  }

  void input_part(Role role, const Part& part) {
    const auto* media = std::get_if<MediaPart>(&part);
    const auto* text = std::get_if<TextPart>(&part);
    if (text == nullptr && (media == nullptr || !can_send_media(*media, notes_))) return;
    const auto name = role == Role::system ? dialect_.system_role : "user";
    in_message(R"({"role":")" + std::string(name) + R"(","content":[)");
    if (media != nullptr) {
      append_input_media(body_, *media);
    } else {
      append_input_text(body_, text->text, dialect_.cache_breakpoints && text->cache != CacheMark::none);
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

  // A whole item as the provider gave it; nothing for what another provider gave.
  void item(RawString provider_state) {
    if (!state_.read(provider_state.text())) return;
    const auto whole = state_.member("item");
    if (!whole) return;
    if (get_string_or_empty(*whole, "type") == "reasoning" && !can_replay(*whole)) {
      ids_lost_ = true;
      return;
    }
    begin_item();
    body_.append(to_ascii_json(to_json(*whole)));
  }

  // A provider that keeps nothing finds reasoning by its id no more: it needs what was thought itself, encrypted, or
  // in plain words where a server gives them (LM Studio, DeepSeek).
  [[nodiscard]] bool can_replay(const JsonElement& reasoning) const {
    if (dialect_.stored || !get_string_or_empty(reasoning, "encrypted_content").empty()) return true;
    const auto content = get_array(reasoning, "content");
    return content && content->begin() != content->end();
  }

  void assistant_text(const TextPart& part) {
    const auto state = state_.read(part.provider_state.text()) ? state_.member("text") : std::nullopt;
    const bool refusal = state && get_bool(*state, "refusal").value_or(false);
    in_message(message_head(state));
    body_.append(refusal ? R"({"type":"refusal","refusal":")" : R"({"type":"output_text","text":")");
    body_.splice(part.text.raw);
    body_.append("\"");
    const auto annotations = state ? get_member(*state, "annotations") : std::nullopt;
    if (annotations) body_.append(",\"annotations\":" + to_ascii_json(to_json(*annotations)));
    // An output message's text has them always.
    if (!annotations && !refusal && has_id(state)) body_.append(",\"annotations\":[]");
    body_.append("}");
  }

  [[nodiscard]] bool has_id(const std::optional<JsonElement>& state) const {
    return state && !ids_lost_ && get_string(*state, "id");
  }

  std::string message_head(const std::optional<JsonElement>& state) const {
    if (!state) return R"({"role":"assistant","content":[)";
    std::string head = has_id(state) ? R"({"type":"message","role":"assistant")" : R"({"role":"assistant")";
    const std::string members = state_.members_without(*state, {"annotations", "refusal", ids_lost_ ? "id" : ""});
    if (!members.empty()) head += "," + members;
    if (has_id(state) && !get_member(*state, "status")) head += R"(,"status":"completed")";
    return head + R"(,"content":[)";
  }

  void tool_call(const ToolCallPart& part) {
    const bool ours = state_.read(part.provider_state.text());
    if (const auto whole = ours ? state_.member("item") : std::nullopt) {
      const std::string type(get_string_or_empty(*whole, "type"));
      std::string call_id(get_string_or_empty(*whole, "call_id"));
      const auto output_type = item_kind(type, *whole).output_type;
      if (!output_type.empty()) calls_[part.tool_call_id.text()] = {output_type, std::move(call_id)};
      return item(part.provider_state);
    }
    const auto state = ours ? state_.member("call") : std::nullopt;
    const bool custom = state && get_string_or_empty(*state, "type") == "custom_tool_call";
    if (custom) calls_[part.tool_call_id.text()] = {"custom_tool_call_output", {}};
    begin_item();
    body_.append(custom ? R"({"type":"custom_tool_call")" : R"({"type":"function_call")");
    if (state) {
      const std::string members = state_.members_without(*state, {"type", ids_lost_ ? "id" : ""});
      if (!members.empty()) body_.append("," + members);
    }
    body_.append(",\"call_id\":\"");
    body_.splice(part.tool_call_id.raw);
    body_.append("\",\"name\":\"");
    body_.splice(part.tool_name.raw);
    body_.append(custom ? "\",\"input\":\"" : "\",\"arguments\":\"");
    append_call_input(body_, part, custom);
    body_.append("\"}");
  }

  // An image that the provider made goes back as its item, of which the part holds the bytes.
  void generated_file(const MediaPart& part) {
    const auto whole = state_.read(part.provider_state.text()) ? state_.member("item") : std::nullopt;
    if (!whole || part.data.empty()) {
      notes_.add("content_dropped", "media of an assistant message was left out: this API takes none there");
      return;
    }
    begin_item();
    body_.append("{" + state_.members_without(*whole, {"result"}) + ",\"result\":\"");
    body_.splice(part.data.raw);
    body_.append("\"}");
  }

  void tool_result(const ToolResultPart& part) {
    begin_item();
    const auto call = calls_.find(part.tool_call_id.text());
    append_call_output(body_, part, call == calls_.end() ? Call{} : call->second, notes_);
  }

  const Dialect& dialect_;
  Rope& body_;
  RequestNotes& notes_;
  State state_;                        // of the part in hand
  std::map<std::string, Call> calls_;  // those that are no function's
  std::string head_;
  bool open_ = false;
  bool comma_ = false;
  // Reasoning of this turn was left out: the provider refuses items that it knows by id without it.
  bool ids_lost_ = false;
};

}  // namespace

void append_input(std::span<const Message> messages, const Dialect& dialect, Rope& body, RequestNotes& notes) {
  InputWriter writer(dialect, body, notes);
  for (const Message& message : messages) writer.message(message);
}

}  // namespace aiw::openai_responses
