// Citations of the Messages API as sources.
#pragma once

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw::anthropic_messages {

// `citation` is one of any location type, an element of `json`.
Source to_source(const EventJson& json, const JsonElement& citation);

}  // namespace aiw::anthropic_messages
