// Anthropic's Messages API (docs.anthropic.com/en/api/messages), which several gateways and other providers speak too.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw::anthropic_messages {

const WireApi& api();

// Who serves Claude. Elsewhere the model stands in the URL, and the API's version in the body.
enum class Host { anthropic, vertex, bedrock };

struct Body {
  Rope body;  // refers to the conversation's bytes
  std::vector<ChatRequest::Note> notes;
  // For the anthropic-beta header (see add_betas); empty for Bedrock, whose body carries them.
  std::vector<std::string> betas;
};

// A long turn of the provider's own tools ends with it (docs.anthropic.com/en/api/handling-stop-reasons).
inline constexpr std::string_view kPauseReason = "pause_turn";

// The body of a step, `messages` last. Without `model` for Vertex, without `model` and `stream` for Bedrock.
std::expected<Body, Error> build_body(const StepInput& input, Host host);
// Adds to the anthropic-beta header what it does not name yet; the config may have set one.
void add_betas(HttpRequest& request, const std::vector<std::string>& betas);

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::anthropic_messages
