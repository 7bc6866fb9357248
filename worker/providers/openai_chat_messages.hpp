// A conversation as Chat Completions messages, spliced from the request line's own bytes.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/base/rope.hpp"

namespace aiw {

// What may be said to this server.
struct OpenAiChatDialect {
  bool replay_reasoning = true;  // send back reasoning that this API gave; OpenAI itself knows no such field
};

// Appends the elements of the `messages` array to `body`, which then refers to the conversation's bytes. Each message
// becomes the same bytes whatever follows it. `notes` is told what had to be left out.
std::expected<void, Error> append_openai_chat_messages(RawString system, std::span<const Message> messages,
                                                       const OpenAiChatDialect& dialect, Rope& body,
                                                       std::vector<ChatRequest::Note>& notes);

}  // namespace aiw
