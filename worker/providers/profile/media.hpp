// Replacement of media that a server does not accept.
#pragma once

#include <optional>
#include <string>

#include "protocol/chat.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/profile/server_profile.hpp"

namespace aiw {

// Returns the text that replaces media which the server does not accept: the contents of a text file, else a remark.
// Returns nothing if the server accepts the media unchanged.
std::optional<std::string> text_instead(const MediaPart& part, const ServerProfile& profile, RequestNotes& notes);

}  // namespace aiw
