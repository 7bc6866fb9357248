// Anthropic's Messages API (docs.anthropic.com/en/api/messages), which several gateways and other providers speak too.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

const WireApi& anthropic_messages_api();

// The parts of it, for tests.
std::expected<BuiltRequest, Error> build_anthropic_messages(const StepInput& input);
std::unique_ptr<ResponseDecoder> make_anthropic_messages_decoder(BodyFormat format);

}  // namespace aiw
