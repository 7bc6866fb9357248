// A conversation as Chat Completions messages, spliced from the request line's own bytes.
#pragma once

#include <expected>
#include <span>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::openai_chat {

// Appends the elements of the `messages` array to `body`, which then refers to the conversation's bytes. Each message
// becomes the same bytes whatever follows it. `notes` is told what had to be left out. `written`, if not nullptr: what
// an earlier call wrote, which grows.
std::expected<void, Error> append_messages(RawString system, std::span<const Message> messages,
                                           const ChatQuirks& quirks, Rope& body, RequestNotes& notes,
                                           WrittenHistory* written = nullptr);

}  // namespace aiw::openai_chat
