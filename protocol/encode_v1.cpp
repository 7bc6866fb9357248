#include "protocol/encode_v1.hpp"

#include <utility>

#include "protocol/encode_common.hpp"
#include "protocol/encode_ui.hpp"
#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

void write_data(JsonWriter& json, const StartEvent& e) {
  json.field("step", e.step).field("provider", e.provider).field("model", e.model).field("attempt", e.attempt);
  if (!e.metadata.empty()) json.field("metadata", e.metadata);
}

void write_data(JsonWriter& json, const DeltaEvent& e) {
  json.field("step", e.step).field("part", e.part).field("kind", to_string(e.kind));
  if (!e.tool_call_id.empty()) json.field("toolCallId", e.tool_call_id);
  json.field("text", e.text);
}

void write_data(JsonWriter& json, const ToolCallEvent& e) {
  json.field("step", e.step).field("toolCallId", e.tool_call_id).field("toolName", e.tool_name);
  json.field("input", e.input).field("inputText", e.input_text).field("executor", e.executor);
  if (!e.parse_error.empty()) json.field("parseError", e.parse_error);
  if (e.needs_approval) json.field("needsApproval", true);
}

void write_data(JsonWriter& json, const ToolResultEvent& e) {
  json.field("step", e.step).field("toolCallId", e.tool_call_id).field("toolName", e.tool_name);
  json.field("output", e.output);
}

void write_given(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.field(name, text);
}

void write_data(JsonWriter& json, const SourceEvent& e) {
  json.field("step", e.step).field("sourceType", e.source_type);
  write_given(json, "id", e.id);
  write_given(json, "url", e.url);
  write_given(json, "title", e.title);
  write_given(json, "mediaType", e.media_type);
  write_given(json, "filename", e.filename);
  write_given(json, "quote", e.quote);
}

void write_data(JsonWriter& json, const FileEvent& e) {
  json.field("step", e.step).field("part", e.part).field("mediaType", e.media_type);
  write_given(json, "data", e.data);
  write_given(json, "url", e.url);
  write_given(json, "filename", e.filename);
}

void write_data(JsonWriter& json, const LogprobsEvent& e) {
  json.field("step", e.step).field("part", e.part).field("tokens", e.tokens);
}

void write_data(JsonWriter& json, const ToolCancelEvent& e) {
  json.field("toolCallId", e.tool_call_id).field("reason", e.reason);
}

// Writes the event's provider and model, if they may differ from the chat's own model.
template <typename Event>
void write_model(JsonWriter& json, const Event& e) {
  if (!e.model.empty()) json.field("provider", e.provider).field("model", e.model);
}

void write_data(JsonWriter& json, const UsageEvent& e) {
  json.field("step", e.step);
  write_usage_fields(json, e.usage);
  if (e.discarded) json.field("discarded", true);
  write_model(json, e);
}

void write_data(JsonWriter& json, const RetryEvent& e) {
  json.field("step", e.step).field("attempt", e.attempt).field("reason", e.reason).field("delayMs", e.delay_ms);
  write_model(json, e);
}

void write_data(JsonWriter& json, const WarningEvent& e) { json.field("code", e.code).field("message", e.message); }

void write_data(JsonWriter&, const HeartbeatEvent&) {}
void write_data(JsonWriter&, const PartBeganEvent&) {}
void write_data(JsonWriter&, const PartStateEvent&) {}
void write_data(JsonWriter&, const ToolApprovalEvent&) {}

void write_data(JsonWriter& json, const DoneEvent& e) {
  json.field("finishReason", to_string(e.finish_reason));
  if (e.finish_raw.empty()) {
    json.key("finishRaw").null();
  } else {
    json.field("finishRaw", e.finish_raw);
  }
  json.key("messages").raw(e.messages);
  json.key("usage");
  write_usage(json, e.usage);
  json.field("steps", e.steps);
  json.key("timing").begin_object();
  json.field("queuedMs", e.timing.queued_ms).field("firstByteMs", e.timing.first_byte_ms);
  json.field("firstDeltaMs", e.timing.first_delta_ms).field("totalMs", e.timing.total_ms).end_object();
  write_model(json, e);
  if (!e.request.empty()) json.field("request", e.request);
}

void write_error(JsonWriter& json, const Error& error) {
  json.field("code", error.code).field("category", to_string(error.category));
  json.field("message", error.message).field("retryable", error.retryable);
  if (!error.pointer.empty()) json.field("pointer", error.pointer);
  if (!error.provider.empty()) json.field("provider", error.provider);
  if (error.status != 0) json.field("status", error.status);
  if (!error.provider_code.empty()) json.field("providerCode", error.provider_code);
  if (!error.request_id.empty()) json.field("requestId", error.request_id);
  if (!error.url.empty()) json.field("url", error.url);
  if (error.retry_after_ms) json.field("retryAfterMs", *error.retry_after_ms);
  if (error.limit_tokens) json.field("limitTokens", *error.limit_tokens);
  if (error.request_tokens) json.field("requestTokens", *error.request_tokens);
}

void write_data(JsonWriter& json, const ErrorEvent& e) {
  write_error(json, e.error);
  if (!e.messages.empty()) json.field("partial", true).key("messages").raw(e.messages);
  if (e.usage) {
    json.key("usage");
    write_usage(json, *e.usage);
  }
}

// Reserves space for a long response. Growing `out` by doubling would touch three times its memory.
void make_room(std::string& out, const JsonPieces& messages) {
  constexpr std::size_t kLarge = 64 << 10;
  std::size_t size = 0;
  for (const auto piece : messages) size += piece.size();
  if (size > kLarge) out.reserve(out.size() + size + kLarge);
}

// Returns the v1 frame type; empty if v1 has no frame for the event.
std::string_view type_of(const ChatEvent& event) {
  constexpr std::string_view kTypes[] = {
      "start", "delta",   "tool_call", "tool_result", "tool_cancel", "source", "file", "logprobs", "usage",
      "retry", "warning", "heartbeat", "done",        "error",       "",       "",     ""};
  static_assert(std::size(kTypes) == std::variant_size_v<ChatEvent>);
  return kTypes[event.index()];
}

// Writes {"id":...,"type":...,"data":{ and leaves both objects open.
JsonWriter& open_frame(JsonWriter& json, std::string_view id, std::string_view type) {
  json.begin_object();
  if (id.empty()) {
    json.key("id").null();
  } else {
    json.field("id", id);
  }
  return json.field("type", type).key("data").begin_object();
}

void close_frame(JsonWriter& json, std::string& out) {
  json.end_object().end_object();
  out += '\n';
}

class V1Events : public EventEncoder {
 public:
  explicit V1Events(std::string_view chat_id) : chat_id_(chat_id) {}

  [[nodiscard]] bool tells(const ChatEvent& event) const override {
    const auto* result = std::get_if<ToolResultEvent>(&event);
    return result != nullptr ? !result->by_parent : !type_of(event).empty();
  }

  std::size_t event(std::string& out, std::uint64_t seq, const ChatEvent& event) override {
    if (const auto* done = std::get_if<DoneEvent>(&event)) make_room(out, done->messages);
    JsonWriter json(out);
    json.begin_object().field("id", chat_id_).field("seq", seq).field("type", type_of(event));
    json.key("data").begin_object();
    std::visit([&](const auto& data) { write_data(json, data); }, event);
    close_frame(json, out);
    return 1;
  }

 private:
  const std::string chat_id_;
};

class V1Encoder : public FrameEncoder {
 public:
  std::unique_ptr<EventEncoder> chat(std::string_view chat_id, bool ui) const override {
    auto events = std::make_unique<V1Events>(chat_id);
    if (!ui) return events;
    return make_ui_encoder(chat_id, std::move(events));
  }

  void ready(std::string& out, const ReadyInfo& info) const override {
    JsonWriter json(out);
    open_frame(json, {}, "ready").field("protocol", 1).field("worker", "ai-worker").field("version", info.version);
    json.key("capabilities").begin_array();
    for (const char* capability :
         {"chat", "cancel", "tool_result", "tool_approval", "health", "reload_config", "shutdown", "models", "dryRun",
          "ui", "httpTools", "mcp", "fallbacks", "hedge", "earlyToolCalls"}) {
      json.string(capability);
    }
    json.end_array();
    json.key("limits").begin_object();
    json.field("maxLineBytes", info.max_line_bytes).field("maxFrameBytes", info.max_frame_bytes);
    json.field("maxDepth", info.max_depth).field("maxInFlight", info.max_in_flight);
    json.field("maxQueued", info.max_queued).end_object();
    close_frame(json, out);
  }

  void ack(std::string& out, std::string_view id, const Ack& ack) const override {
    JsonWriter json(out);
    open_frame(json, id, "ack");
    if (ack.late) json.field("late", true);
    close_frame(json, out);
  }

  bool rejected(std::string& out, const std::optional<std::string>& id, bool, const Error& error) const override {
    JsonWriter json(out);
    write_error(open_frame(json, id ? std::string_view(*id) : std::string_view(), "rejected"), error);
    close_frame(json, out);
    return true;
  }

  void health(std::string& out, std::string_view id, const HealthInfo& info) const override {
    JsonWriter json(out);
    open_frame(json, id, "health_ok").field("ready", info.ready).key("providers").begin_array();
    for (const auto& provider : info.providers) json.string(provider);
    json.end_array().field("inFlight", info.in_flight).field("queued", info.queued);
    json.field("version", info.version).field("uptimeMs", info.uptime_ms);
    close_frame(json, out);
  }

  void models(std::string& out, std::string_view id, const ModelList& list) const override {
    JsonWriter json(out);
    open_frame(json, id, "models").field("providerId", list.provider_id).key("models").begin_array();
    for (const auto& model : list.models) {
      json.begin_object().field("id", model.id);
      write_given(json, "name", model.name);
      if (model.context_tokens) json.field("contextTokens", *model.context_tokens);
      if (model.max_output_tokens) json.field("maxOutputTokens", *model.max_output_tokens);
      json.end_object();
    }
    json.end_array();
    close_frame(json, out);
  }

  void config_reloaded(std::string& out, std::string_view id) const override {
    JsonWriter json(out);
    open_frame(json, id, "config_reloaded");
    close_frame(json, out);
  }
};

}  // namespace

std::unique_ptr<FrameEncoder> make_v1_encoder() { return std::make_unique<V1Encoder>(); }

}  // namespace aiw
