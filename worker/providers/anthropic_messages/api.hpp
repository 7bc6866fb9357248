// Anthropic's Messages API (docs.anthropic.com/en/api/messages). Several gateways and other providers support it too.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::anthropic_messages {

const WireApi& api();

// The service that hosts Claude. Except at Anthropic, the model is in the URL, and the API's version in the body.
enum class Host { anthropic, vertex, bedrock };

struct Body {
  Rope body;  // refers to the conversation's bytes
  std::vector<ChatRequest::Note> notes;
  // Values for the anthropic-beta header (see add_betas). Empty for Bedrock, whose body carries them.
  std::vector<std::string> betas;
};

// Stop reason of a paused long turn of the provider's own tools (docs.anthropic.com/en/api/handling-stop-reasons).
inline constexpr std::string_view kPauseReason = "pause_turn";

// Builds the body of a step, `messages` last. It has no `model` for Vertex, and no `model` and `stream` for Bedrock.
std::expected<Body, Error> build_body(const StepInput& input, Host host);
// Adds the missing values to the anthropic-beta header, which the config may have set.
void add_betas(HttpRequest& request, const std::vector<std::string>& betas);

// Functions of the API, for tests.
std::expected<BuiltRequest, Error> build(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::anthropic_messages
