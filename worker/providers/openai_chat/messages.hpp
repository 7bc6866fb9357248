// Writes a conversation as Chat Completions messages, spliced from the bytes of the request line.
#pragma once

#include <expected>
#include <span>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::openai_chat {

// Appends the elements of the `messages` array to `body`, which then refers to the conversation's bytes. The bytes of a
// message do not depend on later messages. Adds omissions to `notes`. `written`, if not nullptr, holds the messages
// that an earlier call wrote, and is extended.
std::expected<void, Error> append_messages(RawString system, std::span<const Message> messages,
                                           const ChatQuirks& quirks, Rope& body, RequestNotes& notes,
                                           WrittenHistory* written = nullptr);

}  // namespace aiw::openai_chat
