// Writes a conversation for Ollama's two endpoints, spliced from the bytes of the request line.
#pragma once

#include "protocol/chat.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::ollama {

// Images are sent as base64 beside a message's text.
inline bool is_image(const MediaPart& media) { return media.kind == MediaKind::image && !media.data.empty(); }

// Writes the member `messages` of /api/chat.
void write_messages(const StepInput& input, BodyWriter& json, RequestNotes& notes);
// Writes the members `system`, `context`, `prompt` and `images` of /api/generate.
void write_prompt(const StepInput& input, BodyWriter& json, RequestNotes& notes);

}  // namespace aiw::ollama
