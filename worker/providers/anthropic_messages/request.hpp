// Requests of the Messages API, for all services that host Claude.
#pragma once

#include <expected>
#include <string_view>

#include "worker/providers/provider.hpp"

namespace aiw::anthropic_messages {

// The service that hosts Claude. Except at Anthropic, the model is in the URL, and the API's version in the body.
enum class Host { anthropic, vertex, bedrock };

// Stop reason of a paused long turn of the provider's own tools (docs.anthropic.com/en/api/handling-stop-reasons).
inline constexpr std::string_view kPauseReason = "pause_turn";

// Writes the body of a step, `messages` last, into `request`, or passes its error on. The body has no `model` for
// Vertex, and no `model` and `stream` for Bedrock. Betas are added to the anthropic-beta header, which the config may
// have set; Bedrock has them in the body.
std::expected<BuiltRequest, Error> build_for(Host host, std::expected<HttpRequest, Error> request,
                                             const StepInput& input);

}  // namespace aiw::anthropic_messages
