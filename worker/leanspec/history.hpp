// Writes a conversation as LeanSpec's sessions store it: text only.
#pragma once

#include <span>
#include <string>

#include "protocol/chat.hpp"

namespace aiw {

// Appends `{"role","content"}` for each message that has text, separated by commas. Text of the assistant before and
// after tool results becomes one message, because it was one UI message. Text parts become paragraphs.
void write_text_history(std::string& out, std::span<const Message> messages);

// Returns the assistant's text in these messages, escaped for a JSON string and trimmed.
std::string answer_text(std::span<const Message> messages);

}  // namespace aiw
