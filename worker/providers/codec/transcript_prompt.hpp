// A conversation as one prompt, for APIs that continue a text.
#pragma once

#include <span>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw {

// Appends the contents of a JSON string. A single user message is the prompt as it is. Anything more is written as
// "System: …", "User: …", "Assistant: …" and "Tool: …", a blank line between them, and ends with "Assistant:"; if the
// assistant spoke last, its words end the prompt and are gone on with. Reasoning is left out. Media is left out with a
// note, unless `media_travels` otherwise.
void append_transcript_prompt(RawString system, std::span<const Message> messages, bool media_travels, Rope& body,
                              RequestNotes& notes);

}  // namespace aiw
