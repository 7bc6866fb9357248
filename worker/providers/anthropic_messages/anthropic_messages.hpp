// Anthropic's Messages API (docs.anthropic.com/en/api/messages), which several gateways and other providers speak too.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

const WireApi& anthropic_messages_api();

// Who serves Claude. Elsewhere the model stands in the URL, and the API's version in the body.
enum class AnthropicHost { anthropic, vertex, bedrock };

struct AnthropicBody {
  Rope body;  // refers to the conversation's bytes
  std::vector<ChatRequest::Note> notes;
  // For the anthropic-beta header (see add_anthropic_betas); empty for Bedrock, whose body carries them.
  std::vector<std::string> betas;
};

// A long turn of the provider's own tools ends with it (docs.anthropic.com/en/api/handling-stop-reasons).
inline constexpr std::string_view kAnthropicPauseReason = "pause_turn";

// The body of a step, `messages` last. Without `model` for Vertex, without `model` and `stream` for Bedrock.
std::expected<AnthropicBody, Error> build_anthropic_body(const StepInput& input, AnthropicHost host);
// Adds to the anthropic-beta header what it does not name yet; the config may have set one.
void add_anthropic_betas(HttpRequest& request, const std::vector<std::string>& betas);

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_anthropic_messages(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_anthropic_messages_decoder(BodyFormat format);

}  // namespace aiw
