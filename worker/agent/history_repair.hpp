// Repairs a conversation that no provider would accept, and reports what was changed.
#pragma once

#include <vector>

#include "protocol/chat.hpp"

namespace aiw {

// Afterwards the results of a turn's tool calls are in one tool message directly after that turn, one for each call. A
// call without a result gets an error result. A result without a call, or a second one, is dropped. Empty text parts
// are removed, and so are messages that become empty. A result without a tool name gets the name of its call.
//
// Everything before the first repair stays unchanged, so a repair changes the bytes of a request only from that place
// on. Each kind of repair returns one note with its count. Takes time linear in the number of parts.
std::vector<ChatRequest::Note> repair_history(std::vector<Message>& messages);

}  // namespace aiw
