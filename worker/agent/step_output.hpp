// What a step's attempts bring, told as events and gathered into the step's answer.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "worker/agent/answer.hpp"
#include "worker/agent/attempt.hpp"
#include "worker/agent/outbox.hpp"
#include "worker/agent/transcript.hpp"

namespace aiw {

// What is not output. Each may destroy the attempt within the call.
struct StepHandlers {
  std::function<void()> on_full;  // the upstream should pause, until the outbox's on_relieved
  std::function<void(const Usage& usage)> on_usage;
  std::function<void(FinishReason reason, std::string_view raw)> on_finish;
  std::function<void(Error error)> on_fail;
  // May change the arguments of a call before anybody sees them.
  std::function<void(CheckedCall& call)> on_checked;
  // A call of the parent's or the worker's is complete while the answer goes on; empty: nobody wants to know.
  std::function<void(int part, std::shared_ptr<const CheckedCall> call)> on_call{};
};

class StepOutput : public AttemptObserver {
 public:
  // All references outlive it. Likelihoods are told only if they are asked for.
  StepOutput(Outbox& events, Transcript& transcript, Clock& clock, bool wants_logprobs, StepHandlers handlers);

  void begin_step(int step) { step_ = step; }
  // What came is not, or no longer, part of the answer of the step that runs.
  void clear();

  // Output of this attempt was told: it cannot be taken back.
  [[nodiscard]] bool committed() const { return committed_; }
  [[nodiscard]] const Answer& answer() const { return answer_; }
  // The chat's first byte of a successful answer, and its first output.
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
  // Of the call that is part `part`; -1: of the first call with this id.
  const std::string& own_call_id(int part, std::string_view id);

  Outbox& events_;
  Transcript& transcript_;
  Clock& clock_;
  const bool wants_logprobs_;
  const StepHandlers handlers_;
  int step_ = 0;
  bool committed_ = false;
  Answer answer_;
  // Our ids of the calls to which a provider gave one id.
  struct OwnIds {
    int first_part;
    std::string first;
    std::map<int, std::string> others{};  // by part
  };
  std::size_t call_bytes_ = 0;                           // of this attempt's calls
  std::map<std::string, OwnIds, std::less<>> call_ids_;  // of this attempt, by the provider's id
  std::optional<Instant> first_byte_at_, first_output_at_;
};

}  // namespace aiw
