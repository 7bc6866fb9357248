// Media that a server does not take.
#pragma once

#include <optional>
#include <string>

#include "protocol/chat.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/profile/server_profile.hpp"

namespace aiw {

// The text that stands for media which the server does not take: its own contents if it is a text file, else a remark.
// Nothing: the server takes it as it is.
std::optional<std::string> text_instead(const MediaPart& part, const ServerProfile& profile, RequestNotes& notes);

}  // namespace aiw
