// Reads conversations in every format that parents store: a content string, content parts, and AI SDK UI messages.
#pragma once

#include <vector>

#include "protocol/chat.hpp"
#include "protocol/json_reader.hpp"

namespace aiw {

// Appends the messages of the array at the position of `in`. One UI message can become several: the assistant's calls,
// the tool results, and the assistant's later text.
void read_messages(JsonReader& in, std::vector<Message>& messages);

// Reads true, false, "5m" or "1h".
CacheMark read_cache_mark(JsonReader& in);

// Reads {type, value}; a plain string counts as text.
ToolOutput read_tool_output(JsonReader& in);

}  // namespace aiw
