// Reads conversations in each shape that parents keep them: a content string, content parts, AI SDK UI messages.
#pragma once

#include <vector>

#include "protocol/chat.hpp"
#include "protocol/json_reader.hpp"

namespace aiw {

// Appends the messages of the array that `in` stands at. One UI message can become several: an assistant's calls, the
// results of its tools, and what it said then.
void read_messages(JsonReader& in, std::vector<Message>& messages);

// true, false, "5m" or "1h".
CacheMark read_cache_mark(JsonReader& in);

// {type, value}; a plain string is taken as text.
ToolOutput read_tool_output(JsonReader& in);

}  // namespace aiw
