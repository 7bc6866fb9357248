// Token counts of OpenAI's APIs, converted to one definition.
#pragma once

#include "protocol/usage.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_chat {

// Returns an empty Usage if `usage` holds no count. Details are as on the wire: some gateways report more cached or
// reasoning tokens than input or output.
Usage read_usage(const JsonElement& usage);

}  // namespace aiw::openai_chat
