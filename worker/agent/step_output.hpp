// Output of a step's attempts: sent as events and collected into the step's assistant message.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "worker/agent/assistant_message.hpp"
#include "worker/agent/attempt.hpp"
#include "worker/agent/call_ids.hpp"
#include "worker/agent/outbox.hpp"
#include "worker/agent/transcript.hpp"

namespace aiw {

// Handlers for everything that is not output. Each may destroy the attempt within the call.
struct StepHandlers {
  std::function<void()> on_full;  // the upstream must pause until the outbox calls on_relieved
  std::function<void(const Usage& usage)> on_usage;
  std::function<void(FinishReason reason, std::string_view raw)> on_finish;
  std::function<void(Error error)> on_fail;
  // May change the arguments of a call before they are shown.
  std::function<void(CheckedCall& call)> on_checked;
  // Called when a call is complete while the response continues; not for calls that the provider runs. May be empty.
  std::function<void(int part, std::shared_ptr<const CheckedCall> call)> on_call{};
};

class StepOutput : public AttemptObserver {
 public:
  // All references must outlive this object. Log probabilities are sent only if `wants_logprobs`.
  StepOutput(Outbox& events, const Transcript& transcript, Clock& clock, bool wants_logprobs, StepHandlers handlers);

  void begin_step(int step) { step_ = step; }
  // Drops the collected output: it does not, or no longer, belong to the response of the current step.
  void clear();

  // True once output of this attempt was sent as events, so it cannot be undone.
  [[nodiscard]] bool committed() const { return committed_; }
  [[nodiscard]] const AssistantMessage& answer() const { return answer_; }
  // Time of the chat's first byte of a successful response, and of its first output.
  [[nodiscard]] std::optional<Instant> first_byte_at() const { return first_byte_at_; }
  [[nodiscard]] std::optional<Instant> first_output_at() const { return first_output_at_; }

  // AttemptObserver
  void first_byte() override;
  void delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) override;
  void tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) override;
  void tool_call(int part, ToolCall call) override;
  void tool_result(ProviderToolResult result) override;
  void file(int part, GeneratedFile file) override;
  void source(const Source& source) override;
  void logprobs(int part, std::string_view tokens) override;
  void provider_state(int part, std::string state) override;
  void usage(const Usage& usage) override { handlers_.on_usage(usage); }
  void warning(std::string_view code, std::string_view message) override;
  void finish(FinishReason reason, std::string_view raw) override { handlers_.on_finish(reason, raw); }
  void fail(Error error) override { handlers_.on_fail(std::move(error)); }

 private:
  void commit();
  void send(const ChatEvent& event);

  Outbox& events_;
  Clock& clock_;
  const bool wants_logprobs_;
  const StepHandlers handlers_;
  int step_ = 0;
  bool committed_ = false;
  AssistantMessage answer_;
  std::size_t call_bytes_ = 0;  // bytes of arguments in this attempt
  CallIds call_ids_;
  std::optional<Instant> first_byte_at_, first_output_at_;
};

}  // namespace aiw
