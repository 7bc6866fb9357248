// Images and documents as blocks of the Messages API.
#pragma once

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"

namespace aiw {

enum class AnthropicMediaForm { image, pdf, text, unsupported };

// Which block the API has for it. Documents by URL are PDFs only; text files must bring their bytes.
AnthropicMediaForm anthropic_media_form(const MediaPart& media);

// Writes the block up to its last brace, which is to follow. Requires a supported form.
void write_anthropic_media(Rope& body, const MediaPart& media);

}  // namespace aiw
