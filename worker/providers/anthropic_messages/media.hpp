// Images and documents as blocks of the Messages API.
#pragma once

#include "protocol/chat.hpp"
#include "worker/providers/codec/body_writer.hpp"

namespace aiw::anthropic_messages {

enum class MediaForm { image, pdf, text, unsupported };

// Returns the block type that the API has for it. Documents by URL are PDFs only; text files need their bytes.
MediaForm media_form(const MediaPart& media);

// Writes the block without its last brace, which the caller writes. Requires a supported form.
void begin_media_block(BodyWriter& json, const MediaPart& media);

}  // namespace aiw::anthropic_messages
