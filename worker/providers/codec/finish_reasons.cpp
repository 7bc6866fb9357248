#include "worker/providers/codec/finish_reasons.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "protocol/ascii.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace aiw {
namespace {

struct Failure {
  std::string_view word;
  Category category;
  bool retryable;
};

// From the API references of Z.ai, DeepSeek, OpenRouter, Google (FinishReason), Amazon Bedrock (stopReason) and Cohere,
// and from the sources of vLLM and SGLang (abort).
constexpr std::array<Failure, 16> kFailures = {{
    {"abort", Category::upstream, true},
    {"error", Category::upstream, false},
    {"failed", Category::upstream, false},
    {"insufficient_system_resource", Category::overloaded, true},
    {"internal_error", Category::upstream, true},
    {"malformed_function_call", Category::upstream, true},
    {"malformed_model_output", Category::upstream, true},
    {"malformed_response", Category::upstream, true},
    {"malformed_tool_use", Category::upstream, true},
    {"missing_thought_signature", Category::invalid_request, false},
    {"network_error", Category::upstream, true},
    {"server_error", Category::upstream, true},
    {"timeout", Category::timeout, true},
    {"too_many_tool_calls", Category::upstream, true},
    {"unexpected_tool_call", Category::upstream, true},
    {"upstream_error", Category::upstream, true},
}};

using Reason = std::pair<std::string_view, FinishReason>;
constexpr std::array<Reason, 32> kReasons = {{
    {"blocklist", FinishReason::content_filter},
    {"complete", FinishReason::stop},
    {"content_filter", FinishReason::content_filter},
    {"content_filtered", FinishReason::content_filter},
    {"end_turn", FinishReason::stop},
    {"eos", FinishReason::stop},
    {"error_limit", FinishReason::length},          // Cohere
    {"error_toxic", FinishReason::content_filter},  // Cohere
    {"function_call", FinishReason::tool_calls},
    {"guardrail_intervened", FinishReason::content_filter},
    {"image_prohibited_content", FinishReason::content_filter},
    {"image_recitation", FinishReason::content_filter},
    {"image_safety", FinishReason::content_filter},
    {"jailbreak", FinishReason::content_filter},
    {"length", FinishReason::length},
    {"max_output_tokens", FinishReason::length},
    {"max_tokens", FinishReason::length},
    {"model_armor", FinishReason::content_filter},
    {"model_context_window_exceeded", FinishReason::length},
    {"model_length", FinishReason::length},
    {"prohibited_content", FinishReason::content_filter},
    {"recitation", FinishReason::content_filter},
    {"refusal", FinishReason::refusal},
    {"safety", FinishReason::content_filter},
    {"sensitive", FinishReason::content_filter},
    {"spii", FinishReason::content_filter},
    {"stop", FinishReason::stop},
    {"stop_sequence", FinishReason::stop},
    {"tool_call", FinishReason::tool_calls},
    {"tool_calls", FinishReason::tool_calls},
    {"tool_use", FinishReason::tool_calls},
    {"violation", FinishReason::content_filter},
}};

constexpr std::size_t kMaxWord = 64;

}  // namespace

bool is_missing_reason(std::string_view raw) { return raw.empty() || raw == "null" || raw == "None"; }

FinishReason shared_finish_reason(std::string_view raw) {
  const std::string word = ascii_lower(raw.substr(0, kMaxWord));
  const auto* const found = std::ranges::find(kReasons, word, &Reason::first);
  return found == kReasons.end() ? FinishReason::other : found->second;
}

std::optional<Error> finish_reason_error(std::string_view raw, std::string_view message) {
  const std::string word = ascii_lower(raw.substr(0, kMaxWord));
  const auto* const found = std::ranges::find(kFailures, word, &Failure::word);
  if (found == kFailures.end()) return std::nullopt;
  Error error = in_stream_error(
      raw, message.empty() ? "the provider ended its answer with the finish reason " + std::string(raw) : message);
  error.category = found->category;
  error.retryable = found->retryable;
  return error;
}

}  // namespace aiw
