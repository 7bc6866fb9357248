// A conversation as Cohere's chat messages, spliced from the request line's own bytes.
#pragma once

#include <span>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::cohere_chat {

// Appends the elements of the `messages` array to `body`, which then refers to the conversation's bytes. Each message
// becomes the same bytes whatever follows it.
void append_messages(RawString system, std::span<const Message> messages, Rope& body, RequestNotes& notes);

}  // namespace aiw::cohere_chat
