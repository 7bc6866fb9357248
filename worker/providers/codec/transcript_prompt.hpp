// A conversation as one prompt, for APIs that continue a text.
#pragma once

#include <span>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw {

// Appends the prompt as the contents of a JSON string. A single user message is the prompt as it is. A longer
// conversation is written as "System: …", "User: …", "Assistant: …" and "Tool: …", separated by blank lines, and ends
// with "Assistant:". If the last message is the assistant's, the prompt ends with its text, which the model continues.
// Leaves out reasoning. Leaves out media with a note, unless `media_travels` otherwise.
void append_transcript_prompt(RawString system, std::span<const Message> messages, bool media_travels, Rope& body,
                              RequestNotes& notes);

}  // namespace aiw
