// Writes a conversation as Cohere's chat messages, spliced from the bytes of the request line.
#pragma once

#include <span>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::cohere_chat {

// Appends the elements of the `messages` array to `body`, which then refers to the conversation's bytes. The bytes of a
// message do not depend on later messages.
void append_messages(RawString system, std::span<const Message> messages, Rope& body, RequestNotes& notes);

}  // namespace aiw::cohere_chat
