#include "worker/agent/step_output.hpp"

#include <utility>

namespace aiw {
namespace {

DeltaKind to_delta_kind(ContentKind kind) {
  switch (kind) {
    case ContentKind::text: return DeltaKind::text;
    case ContentKind::reasoning: return DeltaKind::reasoning;
    case ContentKind::tool_input: return DeltaKind::tool_input;
    case ContentKind::refusal: break;
  }
  return DeltaKind::refusal;
}

}  // namespace

StepOutput::StepOutput(Outbox& events, Transcript& transcript, Clock& clock, bool wants_logprobs, StepHandlers handlers)
    : events_(events),
      transcript_(transcript),
      clock_(clock),
      wants_logprobs_(wants_logprobs),
      handlers_(std::move(handlers)) {}

void StepOutput::clear() {
  answer_ = {};
  call_ids_.clear();
  committed_ = false;
}

void StepOutput::commit() {
  if (std::exchange(committed_, true)) return;
  if (!first_output_at_) first_output_at_ = clock_.now();
}

// Some servers give every step's first call the same id, or none, and the decoder then counts from 0: a result must
// belong to one call of the conversation.
const std::string& StepOutput::own_call_id(std::string_view id) {
  const auto known = call_ids_.find(id);
  if (known != call_ids_.end()) return known->second;
  std::string own(id);
  if (transcript_.has_call(id)) own += "_" + std::to_string(transcript_.messages().size());
  return call_ids_.emplace(id, std::move(own)).first->second;
}

void StepOutput::first_byte() {
  if (!first_byte_at_) first_byte_at_ = clock_.now();
}

void StepOutput::delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) {
  answer_.delta(part, kind, text);
  const std::string_view call_id = tool_call_id.empty() ? tool_call_id : own_call_id(tool_call_id);
  if (text.empty()) return events_.send(PartBeganEvent{step_, part, to_delta_kind(kind), call_id});
  commit();
  events_.send(DeltaEvent{step_, part, to_delta_kind(kind), text, call_id});
  if (events_.must_pause()) handlers_.on_full();
}

void StepOutput::tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) {
  events_.send(PartBeganEvent{step_, part, DeltaKind::tool_input, own_call_id(tool_call_id), tool_name});
}

void StepOutput::tool_call(int part, ToolCall call) {
  call.id = own_call_id(call.id);
  if (call.name.empty()) call.name = "unnamed";  // a history with it can be given back
  events_.send(PartBeganEvent{step_, part, DeltaKind::tool_input, call.id, call.name, call.by_provider});
  if (!call.by_provider) {
    answer_.tool_call(part, std::move(call));
    return;
  }
  commit();
  const CheckedCall checked = check_call(std::move(call));
  events_.send(ToolCallEvent{step_, checked.call.id, checked.call.name, JsonSpan{checked.input_json},
                             checked.call.input_text, "provider", checked.parse_error});
}

void StepOutput::tool_result(ProviderToolResult result) {
  commit();
  result.output = fit_output(std::move(result.output));
  events_.send(ToolResultEvent{step_, own_call_id(result.tool_call_id), result.tool_name, JsonSpan{result.output}});
}

void StepOutput::file(int part, GeneratedFile file) {
  commit();
  events_.send(FileEvent{step_, part, file.media_type, file.data, file.url, file.filename});
  answer_.file(part, std::move(file));
}

void StepOutput::source(const Source& source) {
  commit();
  const std::string_view type = source.type == Source::Type::url ? "url" : "document";
  events_.send(
      SourceEvent{step_, type, source.id, source.url, source.title, source.media_type, source.filename, source.quote});
}

void StepOutput::logprobs(int part, std::string_view tokens) {
  if (!wants_logprobs_) return;
  commit();
  events_.send(LogprobsEvent{step_, part, JsonSpan{tokens}});
}

void StepOutput::provider_state(int part, std::string state) {
  events_.send(PartStateEvent{step_, part, state});
  answer_.provider_state(part, std::move(state));
}

void StepOutput::warning(std::string_view code, std::string_view message) { events_.send(WarningEvent{code, message}); }

}  // namespace aiw
