// Writes a conversation as Gemini's contents, spliced from the bytes of the request line.
#pragma once

#include <expected>
#include <span>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/model.hpp"

namespace aiw::google {

// Writes the members `systemInstruction`, if it has any text, and `contents`. Error: there is nothing to send.
//
// System messages before the first other message belong to systemInstruction. A later one keeps its place, as text of a
// user turn between <system> tags. Moved there, it would lose its place and change the bytes before it.
std::expected<void, Error> write_conversation(RawString system, std::span<const Message> messages,
                                              const ModelRules& rules, BodyWriter& json, RequestNotes& notes);

}  // namespace aiw::google
