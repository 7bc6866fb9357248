// Images and documents as blocks of the Messages API.
#pragma once

#include "protocol/chat.hpp"
#include "worker/providers/codec/body_writer.hpp"

namespace aiw::anthropic_messages {

enum class MediaForm { image, pdf, text, unsupported };

// Which block the API has for it. Documents by URL are PDFs only; text files must bring their bytes.
MediaForm media_form(const MediaPart& media);

// Writes the block up to its last brace, which is to follow. Requires a supported form.
void begin_media_block(BodyWriter& json, const MediaPart& media);

}  // namespace aiw::anthropic_messages
