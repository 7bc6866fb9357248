// Decoders of responses that Bedrock streams as event-stream messages. Exceptions and broken streams become errors.
#pragma once

#include <memory>

#include "worker/providers/codec/json_event_decoder.hpp"

namespace aiw::bedrock {

// Form of a message's payload: an event, or {"bytes": …} with an event in base64, as InvokeModel streams it.
enum class Payload { event, bytes };

// Makes a decoder that gives each event to `answer`, with the message's type as its name. The stream may turn out to be
// one body.
std::unique_ptr<ResponseDecoder> make_event_stream_decoder(std::unique_ptr<JsonEventDecoder> answer, Payload payload);

std::unique_ptr<ResponseDecoder> make_converse_decoder(BodyFormat format);

}  // namespace aiw::bedrock
