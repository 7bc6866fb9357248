// The media type sent to a provider for a part: the given one, by its standard name, or one detected from the part.
#pragma once

#include <string>

#include "protocol/chat.hpp"

namespace aiw {

// Returns the type without parameters, in lower case. A missing or vague type ("image/*") is detected from the first
// bytes of the data or the URL's extension. Empty if neither identifies it.
std::string media_type_of(const MediaPart& media);
// Returns the type detected from the first bytes of base64 data; empty if unknown.
std::string_view type_of_data(RawString data);

}  // namespace aiw
