// A conversation as LeanSpec's sessions keep it: its text alone.
#pragma once

#include <span>
#include <string>

#include "protocol/chat.hpp"

namespace aiw {

// Appends `{"role","content"}` for each message that has text, with commas between them. What an assistant said around
// its tools' results is one message: a UI message was one before it was read. Text parts are paragraphs.
void write_text_history(std::string& out, std::span<const Message> messages);

// What the assistant said in these messages, escaped for a JSON string, without space around it.
std::string answer_text(std::span<const Message> messages);

}  // namespace aiw
