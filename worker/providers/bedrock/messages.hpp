// The conversation of a Converse request: `system`, and alternating turns of user and assistant.
#pragma once

#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/providers/bedrock/model.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::bedrock {

// Returns the JSON of the cache point (CachePointBlock) for a mark; empty: none is sent.
std::string_view cache_point_json(CacheMark mark, bool supported, Family family);

// Returns the names of the tools that the history calls, in the order of their first calls.
std::vector<RawString> called_tools(std::span<const Message> messages);

// Writes the members `system`, if it has any text, and `messages` in one pass. Error: there is nothing to send. Relies
// on repair_history: the results of a turn come directly after it.
//
// System messages before the first other message belong to `system`. A later one keeps its place, as text of a user
// turn between <system> tags. Moved to `system`, it would lose its place and change the bytes before it.
std::expected<void, Error> write_conversation(RawString system, std::span<const Message> messages, Family family,
                                              BodyWriter& json, RequestNotes& notes);

}  // namespace aiw::bedrock
