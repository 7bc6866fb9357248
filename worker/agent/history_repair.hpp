// Mends a conversation that no provider would accept as it is, and says what it did.
#pragma once

#include <vector>

#include "protocol/chat.hpp"

namespace aiw {

// After it, the results of a turn's tool calls stand together in one tool message right after that turn, one for each
// call: a call without one gets an error result, a result without a call (or a second one) is dropped. Text parts that
// say nothing are gone, and messages of nothing else with them. A result takes its call's tool name if it has none.
//
// What comes before the first thing to mend stays as it is, so a repair changes a request's bytes only from its place
// on. Each kind of repair gives one note with its count. Takes time in proportion to the number of parts.
std::vector<ChatRequest::Note> repair_history(std::vector<Message>& messages);

}  // namespace aiw
