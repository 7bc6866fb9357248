#include "protocol/encode_leanspec.hpp"

#include <functional>
#include <map>

#include "protocol/codes.hpp"
#include "protocol/encode_common.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

constexpr int kMaxDepth = 128;

JsonWriter& open_frame(JsonWriter& json, std::string_view type, std::string_view id) {
  return json.begin_object().field("type", type).field("id", id);
}

// Writes both `args` and `input`, because the browser of this parent reads either name.
void write_tool_call(JsonWriter& json, const ToolCallEvent& e) {
  json.key("data").begin_object().field("toolCallId", e.tool_call_id).field("toolName", e.tool_name);
  json.field("args", e.input).field("input", e.input).end_object();
}

// Converts a tool output {type, value} to the form that this parent's front end expects. A success is the value itself.
// An error is wrapped in an object to make it recognizable.
std::string plain_output(JsonSpan output) {
  std::string text(output.json);
  JsonReader in(text.data(), text.size(), kMaxDepth);
  std::string type;
  JsonSpan value{"null"};
  in.object([&](std::string_view key) {
    if (key == "type") {
      type = in.string();
    } else if (key == "value") {
      value = in.value();
    } else {
      in.skip();
    }
  });
  if (!in.ok()) return std::string(output.json);
  std::string plain;
  if (!type.starts_with("error")) return std::string(value.json);
  JsonWriter(plain).begin_object().field("error", value).end_object();
  return plain;
}

void write_tool_result(JsonWriter& json, const ToolResultEvent& e) {
  const std::string output = plain_output(e.output);
  json.key("data").begin_object().field("toolCallId", e.tool_call_id).field("toolName", e.tool_name);
  json.field("result", JsonSpan{output}).field("output", JsonSpan{output}).end_object();
}

class LeanSpecEncoder : public FrameEncoder {
 public:
  // Appends the frame of one event. Returns false and appends nothing if the dialect has no frame for it.
  static bool write_event(std::string& out, std::string_view chat_id, const ChatEvent& event) {
    JsonWriter json(out);
    if (const auto* delta = std::get_if<DeltaEvent>(&event)) {
      if (delta->kind != ContentKind::text && delta->kind != ContentKind::refusal) return false;
      if (delta->text.empty()) return false;
      open_frame(json, "chunk", chat_id).key("data").begin_object().field("text", delta->text).end_object();
    } else if (const auto* call = std::get_if<ToolCallEvent>(&event)) {
      write_tool_call(open_frame(json, "tool_call", chat_id), *call);
    } else if (const auto* result = std::get_if<ToolResultEvent>(&event)) {
      write_tool_result(open_frame(json, "tool_result", chat_id), *result);
    } else if (const auto* done = std::get_if<DoneEvent>(&event)) {
      open_frame(json, "done", chat_id).field("finishReason", to_string(done->finish_reason));
      json.key("usage");
      write_usage(json, done->usage);
    } else if (const auto* error = std::get_if<ErrorEvent>(&event)) {
      write_error(open_frame(json, "error", chat_id), error->error);
    } else {
      return false;
    }
    close(json, out);
    return true;
  }

  // Ignores `ui`: the browser of this parent reads no other format.
  std::unique_ptr<EventEncoder> chat(std::string_view chat_id, bool) const override;

  // This parent treats an unsolicited health_ok as the signal that the worker is ready.
  void ready(std::string& out, const ReadyInfo&) const override {
    JsonWriter json(out);
    open_frame(json, "health_ok", "init").key("data").begin_object().field("ready", true).end_object();
    close(json, out);
  }

  void ack(std::string&, std::string_view, const Ack&) const override {}

  bool rejected(std::string& out, const std::optional<std::string>& id, bool is_chat,
                const Error& error) const override {
    // An error frame closes the chat with that id. A second line with the id of a running chat must not close the first
    // chat.
    if (!id || !is_chat || error.code == error_code::duplicate_id) return false;
    JsonWriter json(out);
    write_error(open_frame(json, "error", *id), error);
    close(json, out);
    return true;
  }

  void health(std::string& out, std::string_view id, const HealthInfo& info) const override {
    JsonWriter json(out);
    open_frame(json, "health_ok", id).key("data").begin_object().field("ready", info.ready);
    json.key("providers").begin_array();
    for (const auto& provider : info.providers) json.string(provider);
    json.end_array().end_object();
    close(json, out);
  }

  // Not supported: this parent never requests models.
  void models(std::string&, std::string_view, const ModelList&) const override {}

  void config_reloaded(std::string& out, std::string_view id) const override {
    JsonWriter json(out);
    open_frame(json, "config_reloaded", id);
    close(json, out);
  }

 private:
  static void write_error(JsonWriter& json, const Error& error) {
    json.field("error", error.message.empty() ? error.code : error.message);
    json.field("code", error.code).field("category", to_string(error.category)).field("retryable", error.retryable);
  }
  static void close(JsonWriter& json, std::string& out) {
    json.end_object();
    out += '\n';
  }
};

// Events of one chat. The front end of this parent waits for the result of every call it was shown. At the end of a
// chat, each call without a result gets an error: calls in a step without tools, calls of a truncated response, and
// calls still running.
class LeanSpecEvents : public EventEncoder {
 public:
  explicit LeanSpecEvents(std::string_view chat_id) : chat_id_(chat_id) {}

  [[nodiscard]] bool tells(const ChatEvent& event) const override {
    const auto* result = std::get_if<ToolResultEvent>(&event);
    return result == nullptr || !result->by_parent;
  }
  std::size_t event(std::string& out, std::uint64_t, const ChatEvent& event) override {
    std::size_t frames = 0;
    if (const auto* call = std::get_if<ToolCallEvent>(&event)) {
      if (is_ours(call->executor)) open_calls_.emplace(call->tool_call_id, call->tool_name);
    } else if (const auto* result = std::get_if<ToolResultEvent>(&event)) {
      const auto answered = open_calls_.find(result->tool_call_id);
      if (answered != open_calls_.end()) open_calls_.erase(answered);
    } else if (std::holds_alternative<DoneEvent>(event) || std::holds_alternative<ErrorEvent>(event)) {
      frames += answer_open_calls(out);
    }
    return frames + (LeanSpecEncoder::write_event(out, chat_id_, event) ? 1 : 0);
  }

 private:
  // Returns false for calls whose results come from the parent, or from the provider in its own format.
  static bool is_ours(std::string_view executor) {
    return executor != "parent" && executor != "return" && executor != "provider";
  }

  std::size_t answer_open_calls(std::string& out) {
    constexpr std::string_view kOutput = R"({"type":"error-text","value":"not carried out: the chat ended before"})";
    for (const auto& [id, name] : open_calls_) {
      LeanSpecEncoder::write_event(
          out, chat_id_,
          ToolResultEvent{.step = 0, .tool_call_id = id, .tool_name = name, .output = JsonSpan{kOutput}});
    }
    const std::size_t frames = open_calls_.size();
    open_calls_.clear();
    return frames;
  }

  const std::string chat_id_;
  std::map<std::string, std::string, std::less<>> open_calls_;  // call id → tool name, for calls without a result
};

std::unique_ptr<EventEncoder> LeanSpecEncoder::chat(std::string_view chat_id, bool) const {
  return std::make_unique<LeanSpecEvents>(chat_id);
}

}  // namespace

std::unique_ptr<FrameEncoder> make_leanspec_encoder() { return std::make_unique<LeanSpecEncoder>(); }

}  // namespace aiw
