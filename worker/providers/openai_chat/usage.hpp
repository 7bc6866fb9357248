// Token counts as Chat Completions servers report them, brought to one definition.
#pragma once

#include "protocol/usage.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_chat {

// Empty if `usage` holds no count. Details are as the wire has them: some gateways report more cached or reasoning
// tokens than input or output.
Usage read_usage(const JsonElement& usage);

}  // namespace aiw::openai_chat
