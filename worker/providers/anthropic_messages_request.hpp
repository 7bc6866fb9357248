// Builds the request of a step for the Messages API.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "worker/providers/anthropic_messages_content.hpp"
#include "worker/providers/anthropic_messages_model.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// The options of the body, in a fixed order; fields of providerOptions take the place of ours. Writes one body.
class AnthropicRequestBody {
 public:
  AnthropicRequestBody(const StepInput& input, AnthropicNotes& notes);

  // Writes everything up to and including `"messages":`, which is to follow.
  void write_options(Rope& body, const AnthropicConversation& conversation);

 private:
  void decide_max_tokens();
  void decide_thinking();
  void decide_budget(std::int64_t wanted);
  void write_system(const AnthropicConversation& conversation);
  void write_thinking();
  void write_sampling();
  void write_stop_sequences();
  void write_tools();
  void write_tool_choice();
  void write_provider_options();
  // Starts a field unless the request's providerOptions replace it.
  bool begin(std::string_view name);

  const StepInput& input_;
  const ChatRequest& chat_;
  AnthropicNotes& notes_;
  const AnthropicModelRules rules_;
  std::unordered_set<std::string_view> replaced_;
  Rope* body_ = nullptr;

  std::int64_t max_tokens_ = 0;
  std::int64_t budget_ = 0;  // 0: none
  bool adaptive_ = false;
  std::string effort_;  // escaped; empty: none
};

}  // namespace aiw
