// Encodes a chat's events as AI SDK UI message chunks (npm `ai` 7), which a web parent forwards to `useChat`.
#pragma once

#include <memory>
#include <string_view>

#include "protocol/dialect.hpp"

namespace aiw {

// Returns an encoder of frames {id, seq, type: "ui", data: chunk}. The terminal event is followed by `v1`'s own frame.
std::unique_ptr<EventEncoder> make_ui_encoder(std::string_view chat_id, std::unique_ptr<EventEncoder> v1);

}  // namespace aiw
