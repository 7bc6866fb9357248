#include "protocol/encode_ui.hpp"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/decode_messages.hpp"
#include "protocol/encode_common.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

std::string_view or_else(std::string_view text, std::string_view otherwise) { return text.empty() ? otherwise : text; }

void write_given(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.field(name, text);
}

// Maps a finish reason to the AI SDK's set. That set has no refusal and no step limit; messageMetadata carries our own
// reason.
std::string_view ui_finish_reason(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::tool_calls: return "tool-calls";
    case FinishReason::content_filter:
    case FinishReason::refusal: return "content-filter";
    case FinishReason::max_steps:
    case FinishReason::cancelled:
    case FinishReason::other: break;
  }
  return "other";
}

ToolOutput parse_output(JsonSpan output) {
  // The output is valid JSON, so the reader repairs nothing and does not write to the text.
  JsonReader in(const_cast<char*>(output.json.data()), output.json.size(), 1 << 20);
  ToolOutput parsed = read_tool_output(in);
  if (in.ok()) return parsed;
  return {.type = ToolOutputType::json, .value = output, .parts = {}};
}

// Writes fields that have no place in the AI SDK's parts as provider metadata under `aiWorker`.
// protocol/decode_messages reads them back.
class Metadata {
 public:
  explicit Metadata(JsonWriter& json) : json_(json) {}
  ~Metadata() {
    if (open_) json_.end_object().end_object();
  }
  Metadata(const Metadata&) = delete;
  Metadata& operator=(const Metadata&) = delete;

  JsonWriter& write() {
    if (!std::exchange(open_, true)) json_.key("providerMetadata").begin_object().key("aiWorker").begin_object();
    return json_;
  }
  Metadata& text(std::string_view name, std::string_view text) {
    if (!text.empty()) write().field(name, text);
    return *this;
  }

 private:
  JsonWriter& json_;
  bool open_ = false;
};

// Builds one AI SDK message. `*-start` chunks fix the order of its parts; the end of a part may come at any time and
// refers to it by id.
class UiEvents : public EventEncoder {
 public:
  UiEvents(std::string_view chat_id, std::unique_ptr<EventEncoder> v1) : chat_id_(chat_id), v1_(std::move(v1)) {}

  [[nodiscard]] bool tells(const ChatEvent& event) const override {
    return !std::holds_alternative<UsageEvent>(event) && !std::holds_alternative<LogprobsEvent>(event) &&
           !std::holds_alternative<ToolCancelEvent>(event);
  }

  std::size_t event(std::string& out, std::uint64_t seq, const ChatEvent& event) override {
    out_ = &out;
    seq_ = seq;
    std::visit([this](const auto& e) { on(e); }, event);
    if (std::holds_alternative<DoneEvent>(event) || std::holds_alternative<ErrorEvent>(event)) {
      seq_ += v1_->event(out, seq_, event);
    }
    return seq_ - seq;
  }

 private:
  // A part of the current step, as far as it is known.
  struct Part {
    std::optional<ContentKind> kind;  // refusals are stored as text
    bool shown = false;               // the message already contains the part
    std::string state;
    std::string call_id;
  };
  // A tool call that the message already contains.
  struct Call {
    int step = 0;
    std::string state, input_text;        // kept for a call that needs approval or was sent early
    std::string early_name, early_input;  // kept for a call sent early, whose state may still arrive
    std::optional<std::string> denied;    // reason of the parent's refusal; empty: not given
  };

  void on(const StartEvent& e);
  void on(const DeltaEvent& e);
  void on(const PartBeganEvent& e);
  void on(const PartStateEvent& e);
  void on(const ToolCallEvent& e);
  void on(const ToolApprovalEvent& e);
  void on(const ToolResultEvent& e);
  void on(const SourceEvent& e);
  void on(const FileEvent& e);
  void on(const RetryEvent& e);
  void on(const WarningEvent& e);
  void on(const HeartbeatEvent&);
  void on(const DoneEvent& e);
  void on(const ErrorEvent& e);
  void on(const ToolCancelEvent&) {}
  void on(const LogprobsEvent&) {}
  void on(const UsageEvent&) {}

  template <typename F>
  void chunk(std::string_view type, F&& write_fields) {
    JsonWriter json(*out_);
    json.begin_object().field("id", chat_id_).field("seq", seq_++).field("type", "ui");
    json.key("data").begin_object().field("type", type);
    write_fields(json);
    json.end_object().end_object();
    *out_ += '\n';
  }
  void chunk(std::string_view type) {
    chunk(type, [](JsonWriter&) {});
  }

  [[nodiscard]] std::string part_id(int number) const { return std::to_string(step_) + "." + std::to_string(number); }
  Part& begin(int number, ContentKind kind);
  void begin_tool(int number, std::string_view call_id, std::string_view name, bool by_provider);
  bool show_late_state(const Part& part, std::string_view state);
  void settle_before(int number);
  void end_part(int number, Part& part);
  void place(int number, Part& part);
  void end_content();
  void end_step();
  void call_available(std::string_view id, std::string_view name, JsonSpan input, bool by_provider,
                      std::string_view state, std::string_view input_text);
  void call_denied(std::string_view id, const Call& call, const ToolOutput& output);
  void metadata_of_end(const std::optional<Usage>& usage, const DoneEvent* done, JsonWriter& json);

  const std::string chat_id_;
  const std::unique_ptr<EventEncoder> v1_;
  std::string* out_ = nullptr;  // set only during one event() call
  std::uint64_t seq_ = 0;
  bool began_ = false;  // the `start` chunk was sent
  bool step_has_content_ = false;
  int step_ = 0;
  int sources_ = 0;
  std::map<int, Part> parts_;
  std::set<int> open_;         // text and reasoning parts that may still grow
  std::vector<int> complete_;  // open parts that have their state; closed as soon as another part begins
  std::set<int> unplaced_;     // parts that have a state but no place in the message yet
  std::map<std::string, int, std::less<>> call_parts_;  // call id → part number, for the current step
  std::map<std::string, Call, std::less<>> calls_;
};

// --- steps ----------------------------------------------------------------------------------------------------------

void UiEvents::on(const StartEvent& e) {
  if (std::exchange(began_, true)) {
    end_step();
    chunk("finish-step");
  } else {
    chunk("start", [&](JsonWriter& json) {
      json.field("messageId", "msg-" + chat_id_).key("messageMetadata").begin_object();
      json.field("provider", e.provider).field("model", e.model);
      if (!e.metadata.empty()) json.field("metadata", e.metadata);
      json.end_object();
    });
  }
  step_ = e.step;
  chunk("start-step");
}

void UiEvents::end_step() {
  end_content();
  for (auto& [number, part] : parts_) {
    if (!part.state.empty()) place(number, part);
  }
  parts_.clear();
  call_parts_.clear();
  for (auto& [id, call] : calls_) call.early_name.clear(), call.early_input.clear();
  step_has_content_ = false;
}

// Closes all content of the step. Only tool calls and their results follow in this step.
void UiEvents::end_content() {
  for (const int number : std::exchange(open_, {})) end_part(number, parts_[number]);
  complete_.clear();
  for (const int number : std::exchange(unplaced_, {})) place(number, parts_[number]);
}

// The step is attempted again, so the message discards its content of this step.
void UiEvents::on(const RetryEvent& e) {
  parts_.clear();
  open_.clear();
  complete_.clear();
  unplaced_.clear();
  call_parts_.clear();
  std::erase_if(calls_, [&](const auto& entry) { return entry.second.step == step_; });
  if (std::exchange(step_has_content_, false)) chunk("reset-step");
  chunk("data-aiWorkerRetry", [&](JsonWriter& json) {
    json.key("data").begin_object().field("attempt", e.attempt).field("reason", e.reason);
    json.field("delayMs", e.delay_ms);
    if (!e.model.empty()) json.field("provider", e.provider).field("model", e.model);
    json.end_object().field("transient", true);
  });
}

void UiEvents::on(const WarningEvent& e) {
  chunk("data-aiWorkerWarning", [&](JsonWriter& json) {
    json.key("data").begin_object().field("code", e.code).field("message", e.message).end_object();
    json.field("transient", true);
  });
}

void UiEvents::on(const HeartbeatEvent&) {
  chunk("data-aiWorkerHeartbeat",
        [&](JsonWriter& json) { json.key("data").begin_object().end_object().field("transient", true); });
}

// --- parts ----------------------------------------------------------------------------------------------------------

// Before part `number` appears, sends the parts that were completed earlier. This keeps the parts of the message in
// order.
void UiEvents::settle_before(int number) {
  for (const int complete : std::exchange(complete_, {})) end_part(complete, parts_[complete]);
  while (!unplaced_.empty() && *unplaced_.begin() < number) {
    const int first = *unplaced_.begin();
    unplaced_.erase(unplaced_.begin());
    place(first, parts_[first]);
  }
  unplaced_.erase(number);
  step_has_content_ = true;
}

// Opens a text or reasoning part, if it is not open yet.
UiEvents::Part& UiEvents::begin(int number, ContentKind kind) {
  Part& part = parts_[number];
  if (open_.contains(number)) return part;
  part.kind = kind == ContentKind::refusal ? ContentKind::text : kind;
  settle_before(number);
  part.shown = true;
  open_.insert(number);
  if (!part.state.empty()) complete_.push_back(number);
  chunk(*part.kind == ContentKind::text ? "text-start" : "reasoning-start",
        [&](JsonWriter& json) { json.field("id", part_id(number)); });
  return part;
}

void UiEvents::end_part(int number, Part& part) {
  open_.erase(number);
  chunk(*part.kind == ContentKind::text ? "text-end" : "reasoning-end", [&](JsonWriter& json) {
    json.field("id", part_id(number));
    Metadata(json).text("providerState", std::exchange(part.state, {}));
  });
}

// Sends a part that has only a state: a text part without text, or a block that only the provider can read.
void UiEvents::place(int number, Part& part) {
  if (part.kind == ContentKind::text) {
    end_part(number, begin(number, ContentKind::text));
    complete_.clear();  // `begin` has already closed the others
    return;
  }
  step_has_content_ = true;
  chunk("custom", [&](JsonWriter& json) {
    json.field("kind", "aiWorker.provider");
    Metadata(json).text("providerState", std::exchange(part.state, {}));
  });
}

void UiEvents::on(const DeltaEvent& e) {
  if (e.kind == ContentKind::tool_input) {
    const auto known = parts_.find(e.part);
    if (known == parts_.end() || !known->second.shown) begin_tool(e.part, e.tool_call_id, {}, false);
    return chunk("tool-input-delta",
                 [&](JsonWriter& json) { json.field("toolCallId", e.tool_call_id).field("inputTextDelta", e.text); });
  }
  const Part& part = begin(e.part, e.kind);
  chunk(*part.kind == ContentKind::text ? "text-delta" : "reasoning-delta",
        [&](JsonWriter& json) { json.field("id", part_id(e.part)).field("delta", e.text); });
}

void UiEvents::on(const PartBeganEvent& e) {
  if (e.kind == ContentKind::tool_input) return begin_tool(e.part, e.tool_call_id, e.tool_name, e.by_provider);
  // The conversation keeps reasoning without text, but drops a text part without text.
  if (e.kind == ContentKind::reasoning) {
    begin(e.part, e.kind);
  } else if (Part& part = parts_[e.part]; !part.kind) {
    part.kind = ContentKind::text;
  }
}

void UiEvents::on(const PartStateEvent& e) {
  Part& part = parts_[e.part];
  if (part.kind == ContentKind::tool_input && show_late_state(part, e.state)) return;
  const bool first = part.state.empty();
  part.state = e.state;
  if (open_.contains(e.part)) {
    if (first) complete_.push_back(e.part);
  } else if (part.kind != ContentKind::tool_input) {
    unplaced_.insert(e.part);
  }
}

// Handles a late state of a call that was sent early. The AI SDK replaces the first announcement of a call by the
// second.
bool UiEvents::show_late_state(const Part& part, std::string_view state) {
  const auto known = calls_.find(part.call_id);
  if (known == calls_.end() || known->second.early_name.empty()) return false;
  Call& call = known->second;
  call.state = state;
  call_available(part.call_id, call.early_name, JsonSpan{call.early_input}, false, state, call.input_text);
  return true;
}

// Opens a tool call's part, which has no text of its own. A provider-run call is only displayed; the conversation keeps
// its state.
void UiEvents::begin_tool(int number, std::string_view call_id, std::string_view name, bool by_provider) {
  Part& part = parts_[number];
  settle_before(number);
  if (by_provider) {
    part.kind.reset();
    if (!part.state.empty()) unplaced_.insert(number);
  } else {
    part.kind = ContentKind::tool_input;
    part.call_id = call_id;
    call_parts_.insert_or_assign(std::string(call_id), number);
  }
  if (std::exchange(part.shown, true)) return;
  chunk("tool-input-start", [&](JsonWriter& json) {
    json.field("toolCallId", call_id).field("toolName", name).field("dynamic", true);
    if (by_provider) json.field("providerExecuted", true);
  });
}

// --- tools ----------------------------------------------------------------------------------------------------------

void UiEvents::call_available(std::string_view id, std::string_view name, JsonSpan input, bool by_provider,
                              std::string_view state, std::string_view input_text) {
  chunk("tool-input-available", [&](JsonWriter& json) {
    json.field("toolCallId", id).field("toolName", name).field("input", input).field("dynamic", true);
    if (by_provider) json.field("providerExecuted", true);
    Metadata metadata(json);
    // The provider's own parts, sent separately, carry this call in the conversation.
    if (by_provider) metadata.write().field("shownOnly", true);
    metadata.text("providerState", state).text("inputText", input_text);
  });
  step_has_content_ = true;
}

void UiEvents::on(const ToolCallEvent& e) {
  const bool by_provider = e.executor == "provider";
  Call& call = calls_[std::string(e.tool_call_id)];
  call = {.step = step_, .state = {}, .input_text = {}, .early_name = {}, .early_input = {}, .denied = {}};
  if (by_provider) return call_available(e.tool_call_id, e.tool_name, e.input, true, {}, {});
  if (!e.early) end_content();
  std::string state;
  if (const auto number = call_parts_.find(e.tool_call_id); number != call_parts_.end()) {
    state = std::exchange(parts_[number->second].state, {});
  }
  if (!e.parse_error.empty()) {
    return chunk("tool-input-error", [&](JsonWriter& json) {
      json.field("toolCallId", e.tool_call_id).field("toolName", e.tool_name).field("input", e.input);
      json.field("dynamic", true).field("errorText", e.parse_error);
      Metadata(json).text("providerState", state).text("inputText", e.input_text);
    });
  }
  call_available(e.tool_call_id, e.tool_name, e.input, false, state, e.input_text);
  if (e.early) call.early_name = e.tool_name, call.early_input = e.input.json, call.input_text = e.input_text;
  if (!e.needs_approval) return;
  call.state = std::move(state);
  call.input_text = e.input_text;
  chunk("tool-approval-request",
        [&](JsonWriter& json) { json.field("approvalId", e.tool_call_id).field("toolCallId", e.tool_call_id); });
}

// The AI SDK needs the text of a refusal together with the result, so the refusal waits for the result.
void UiEvents::on(const ToolApprovalEvent& e) {
  const auto call = calls_.find(e.tool_call_id);
  if (call == calls_.end()) return;
  if (!e.approved) {
    call->second.denied = e.reason;
    return;
  }
  chunk("tool-approval-response",
        [&](JsonWriter& json) { json.field("approvalId", e.tool_call_id).field("approved", true); });
}

void UiEvents::call_denied(std::string_view id, const Call& call, const ToolOutput& output) {
  chunk("tool-approval-response", [&](JsonWriter& json) {
    json.field("approvalId", id).field("approved", false);
    write_given(json, "reason", *call.denied);
    Metadata metadata(json);
    metadata.text("providerState", call.state).text("inputText", call.input_text);
    metadata.write().field("denied", output.value);
  });
  chunk("tool-output-denied", [&](JsonWriter& json) { json.field("toolCallId", id); });
}

void UiEvents::on(const ToolResultEvent& e) {
  auto call = calls_.find(e.tool_call_id);
  if (call == calls_.end()) {
    // Provider's result for a call of an earlier chat. The AI SDK accepts no result without its call, so send the call
    // first.
    call =
        calls_
            .emplace(
                e.tool_call_id,
                Call{.step = step_, .state = {}, .input_text = {}, .early_name = {}, .early_input = {}, .denied = {}})
            .first;
    call_available(e.tool_call_id, e.tool_name, JsonSpan{"{}"}, true, {}, {});
  }
  const ToolOutput output = parse_output(e.output);
  const bool error = output.type == ToolOutputType::error_text || output.type == ToolOutputType::error_json;
  if (call->second.denied && output.type == ToolOutputType::error_text) {
    return call_denied(e.tool_call_id, call->second, output);
  }
  chunk(error ? "tool-output-error" : "tool-output-available", [&](JsonWriter& json) {
    json.field("toolCallId", e.tool_call_id);
    if (output.type == ToolOutputType::error_text) {
      json.field("errorText", output.value);
    } else if (error) {
      json.field("errorText", output.value.json);
    } else {
      json.field("output", output.value);
    }
    json.field("dynamic", true);
    Metadata metadata(json);
    if (output.type == ToolOutputType::error_json) metadata.write().field("errorValue", output.value);
    if (output.type == ToolOutputType::content) metadata.text("outputType", "content");
    // A reader would otherwise take a JSON string for a text output.
    if (output.type == ToolOutputType::json && output.value.is_string()) metadata.text("outputType", "json");
  });
}

// --- sources and files ----------------------------------------------------------------------------------------------

void UiEvents::on(const SourceEvent& e) {
  const bool is_url = !e.url.empty() && e.source_type == "url";
  const std::string id = e.id.empty() ? "source-" + std::to_string(sources_) : std::string(e.id);
  ++sources_;
  step_has_content_ = true;
  chunk(is_url ? "source-url" : "source-document", [&](JsonWriter& json) {
    json.field("sourceId", id);
    if (is_url) {
      json.field("url", e.url);
      write_given(json, "title", e.title);
    } else {
      json.field("mediaType", or_else(e.media_type, "application/octet-stream"));
      json.field("title", or_else(e.title, or_else(e.filename, id)));
      write_given(json, "filename", e.filename);
    }
    Metadata(json).text("quote", e.quote).text("url", is_url ? std::string_view() : e.url);
  });
}

void UiEvents::on(const FileEvent& e) {
  Part& part = parts_[e.part];
  settle_before(e.part);
  part.shown = true;
  const std::string_view media_type = or_else(e.media_type, "application/octet-stream");
  chunk("file", [&](JsonWriter& json) {
    if (e.data.empty()) {
      json.field("url", e.url);
    } else {
      std::string url = "data:";
      url.append(media_type).append(";base64,").append(e.data);
      json.field("url", url);
    }
    json.field("mediaType", media_type);
    Metadata(json).text("providerState", std::exchange(part.state, {})).text("filename", e.filename);
  });
}

// --- the end --------------------------------------------------------------------------------------------------------

void UiEvents::metadata_of_end(const std::optional<Usage>& usage, const DoneEvent* done, JsonWriter& json) {
  json.key("messageMetadata").begin_object();
  if (done != nullptr) {
    json.field("finishReason", to_string(done->finish_reason));
    write_given(json, "finishRaw", done->finish_raw);
    write_given(json, "provider", done->provider);
    write_given(json, "model", done->model);
    json.field("steps", done->steps);
  }
  if (usage) {
    json.key("usage");
    write_usage(json, *usage);
  }
  json.end_object();
}

void UiEvents::on(const DoneEvent& e) {
  const bool cancelled = e.finish_reason == FinishReason::cancelled;
  if (began_) {
    end_step();
    if (!cancelled) chunk("finish-step");
    chunk(cancelled ? "message-metadata" : "finish", [&](JsonWriter& json) {
      if (!cancelled) json.field("finishReason", ui_finish_reason(e.finish_reason));
      metadata_of_end(e.usage, &e, json);
    });
  }
  if (cancelled) chunk("abort", [](JsonWriter& json) { json.field("reason", "cancelled"); });
}

void UiEvents::on(const ErrorEvent& e) {
  if (began_) {
    end_step();
    if (e.usage) chunk("message-metadata", [&](JsonWriter& json) { metadata_of_end(e.usage, nullptr, json); });
  }
  chunk("error", [&](JsonWriter& json) { json.field("errorText", or_else(e.error.message, e.error.code)); });
}

}  // namespace

std::unique_ptr<EventEncoder> make_ui_encoder(std::string_view chat_id, std::unique_ptr<EventEncoder> v1) {
  return std::make_unique<UiEvents>(chat_id, std::move(v1));
}

}  // namespace aiw
