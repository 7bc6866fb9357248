#include "worker/agent/step_output.hpp"

#include <utility>

#include "protocol/json_text.hpp"
#include "worker/base/memory_account.hpp"

namespace aiw {
namespace {

// Copies of a call's arguments until the next request is sent: provider text and JSON, each in the event and in the
// history, and the request.
constexpr std::size_t kHeldTimes = 8;

// Every frame and result of a call repeats the tool's name. No tool of a chat has a longer one.
std::string_view short_name(std::string_view name) { return utf8_prefix(name, kMaxToolNameBytes); }

}  // namespace

StepOutput::StepOutput(Outbox& events, const Transcript& transcript, Clock& clock, bool wants_logprobs,
                       StepHandlers handlers)
    : events_(events),
      clock_(clock),
      wants_logprobs_(wants_logprobs),
      handlers_(std::move(handlers)),
      call_ids_(transcript) {}

void StepOutput::clear() {
  answer_ = {};
  call_ids_.begin_attempt();
  call_bytes_ = 0;
  committed_ = false;
}

void StepOutput::commit() {
  if (std::exchange(committed_, true)) return;
  if (!first_output_at_) first_output_at_ = clock_.now();
}

// Sends any event; if the reader lags, the upstream is paused.
void StepOutput::send(const ChatEvent& event) {
  events_.send(event);
  if (events_.must_pause()) handlers_.on_full();
}

void StepOutput::first_byte() {
  if (!first_byte_at_) first_byte_at_ = clock_.now();
}

void StepOutput::delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) {
  if (!MemoryAccount::may_grow()) return;
  answer_.delta(part, kind, text);
  const std::string_view call_id = tool_call_id.empty() ? tool_call_id : call_ids_.find_or_make(part, tool_call_id);
  if (text.empty()) return send(PartBeganEvent{step_, part, kind, call_id});
  commit();
  send(DeltaEvent{step_, part, kind, text, call_id});
}

void StepOutput::tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) {
  if (!MemoryAccount::may_grow()) return;
  send(PartBeganEvent{step_, part, ContentKind::tool_input, call_ids_.find_or_make(part, tool_call_id),
                      short_name(tool_name)});
}

void StepOutput::tool_call(int part, ToolCall call) {
  if (!MemoryAccount::may_grow()) return;
  call_bytes_ += call.input_text.size();
  if (!MemoryAccount::fits(kHeldTimes * call_bytes_)) return;
  call.id = call_ids_.find_or_make(part, call.id);
  call.name.resize(short_name(call.name).size());
  if (call.name.empty()) call.name = "unnamed";  // an empty name could not be sent back in the history
  send(PartBeganEvent{step_, part, ContentKind::tool_input, call.id, call.name, call.by_provider});
  if (!call.by_provider) {
    CheckedCall checked = check_call(std::move(call));
    handlers_.on_checked(checked);
    auto complete = answer_.tool_call(part, std::move(checked));
    if (!handlers_.on_call) return;
    commit();
    return handlers_.on_call(part, std::move(complete));
  }
  commit();
  const CheckedCall checked = check_call(std::move(call));
  send(ToolCallEvent{step_, checked.call.id, checked.call.name, JsonSpan{checked.input_json}, checked.call.input_text,
                     "provider", checked.parse_error});
}

void StepOutput::tool_result(ProviderToolResult result) {
  if (!MemoryAccount::may_grow()) return;
  commit();
  result.output = fit_output(std::move(result.output));
  send(ToolResultEvent{step_, call_ids_.find_or_make(-1, result.tool_call_id), short_name(result.tool_name),
                       JsonSpan{result.output}});
}

void StepOutput::file(int part, GeneratedFile file) {
  if (!MemoryAccount::may_grow()) return;
  commit();
  send(FileEvent{step_, part, file.media_type, file.data, file.url, file.filename});
  answer_.file(part, std::move(file));
}

void StepOutput::source(const Source& source) {
  if (!MemoryAccount::may_grow()) return;
  commit();
  const std::string_view type = source.type == Source::Type::url ? "url" : "document";
  send(SourceEvent{step_, type, source.id, source.url, source.title, source.media_type, source.filename, source.quote});
}

void StepOutput::logprobs(int part, std::string_view tokens) {
  if (!wants_logprobs_ || !MemoryAccount::may_grow()) return;
  commit();
  send(LogprobsEvent{step_, part, JsonSpan{tokens}});
}

void StepOutput::provider_state(int part, std::string state) {
  if (!MemoryAccount::may_grow()) return;
  send(PartStateEvent{step_, part, state});
  answer_.provider_state(part, std::move(state));
}

void StepOutput::warning(std::string_view code, std::string_view message) {
  if (!MemoryAccount::may_grow()) return;
  send(WarningEvent{code, message});
}

}  // namespace aiw
